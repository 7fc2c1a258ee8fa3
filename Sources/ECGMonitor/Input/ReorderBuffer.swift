internal import StateCoding

/// Segments of a session that lie ahead of the sample expected next and wait for what is missing before them. No two of
/// them overlap: what is there already is not kept again, so that a source that repeats itself holds no more memory.
struct ReorderBuffer: Sendable, Renewable {
    /// More than these do not wait, however short they are: a segment of one sample takes the memory of forty.
    static let maximumSegments = 64

    /// In the order of their indices.
    private var blocks: [SampleBlock] = []

    static var initialValue: ReorderBuffer { ReorderBuffer() }

    var isEmpty: Bool { blocks.isEmpty }
    var sampleCount: Int { blocks.reduce(0) { $0 + $1.millivolts.count } }
    /// Index of the first sample; nil: nothing is held.
    var firstIndex: Int64? { blocks.first?.firstSampleIndex }

    /// Whether too much is held for anything to wait any longer.
    ///
    /// - Parameters:
    ///   - index: of the sample expected next.
    ///   - window: samples that may lie between it and the last one held, the missing ones included.
    func isOverfull(from index: Int64, window: Int64) -> Bool {
        guard let last = blocks.last else { return false }
        return Self.end(of: last) - index > window || blocks.count > Self.maximumSegments
    }

    /// - Returns: how many of the segment's samples are held already.
    mutating func insert(_ block: SampleBlock) -> Int {
        let end = Self.end(of: block)
        var next = block.firstSampleIndex
        var added: [SampleBlock] = []
        for reorderBuffer in blocks where reorderBuffer.firstSampleIndex < end && Self.end(of: reorderBuffer) > next {
            if reorderBuffer.firstSampleIndex > next { added.append(Self.part(of: block, next..<reorderBuffer.firstSampleIndex)) }
            next = Self.end(of: reorderBuffer)
        }
        if next < end { added.append(Self.part(of: block, next..<end)) }
        for part in added {
            let place = blocks.firstIndex { $0.firstSampleIndex > part.firstSampleIndex } ?? blocks.endIndex
            blocks.insert(part, at: place)
        }
        return block.millivolts.count - added.reduce(0) { $0 + $1.millivolts.count }
    }

    /// - Precondition: something is held.
    mutating func removeFirst() -> SampleBlock {
        let first = blocks.removeFirst()
        // Nothing is held for most of the time, by most of ten thousand streams.
        if blocks.isEmpty { blocks = [] }
        return first
    }

    var heapBytes: Int {
        blocks.reduce(blocks.capacity * MemoryLayout<SampleBlock>.stride) {
            $0 + $1.millivolts.capacity * MemoryLayout<Float>.stride
        }
    }

    private static func end(of block: SampleBlock) -> Int64 {
        block.firstSampleIndex + Int64(block.millivolts.count)
    }

    private static func part(of block: SampleBlock, _ indices: Range<Int64>) -> SampleBlock {
        let skipped = Int(indices.lowerBound - block.firstSampleIndex)
        guard skipped > 0 || indices.count < block.millivolts.count else { return block }
        var part = block
        part.firstSampleIndex = indices.lowerBound
        part.acquisitionTimeNanoseconds = AcquisitionClock.advance(
            block.acquisitionTimeNanoseconds, bySamples: Int64(skipped), 1e9 / block.samplingRate)
        part.millivolts = Array(block.millivolts[skipped..<(skipped + indices.count)])
        return part
    }
}
