internal import StateCoding

/// Sample blocks of a session that arrived ahead of the next expected sample and wait for the missing samples before
/// them. They never overlap: samples already buffered are not stored again, so a source that repeats itself uses no
/// additional memory.
struct ReorderBuffer: Sendable, Renewable {
    /// Maximum number of waiting blocks, however short they are: a block of one sample takes the memory of forty
    /// samples.
    static let maximumBlocks = 64

    /// Ordered by sample index.
    private var blocks: [SampleBlock] = []

    static var initialValue: ReorderBuffer { ReorderBuffer() }

    var isEmpty: Bool { blocks.isEmpty }
    var sampleCount: Int { blocks.reduce(0) { $0 + $1.millivolts.count } }
    /// Index of the first buffered sample; nil if the buffer is empty.
    var firstIndex: Int64? { blocks.first?.firstSampleIndex }

    /// Whether the buffer holds too much for anything to wait any longer.
    ///
    /// - Parameters:
    ///   - index: index of the next expected sample.
    ///   - window: maximum number of samples from there to the last buffered sample, including the missing ones.
    func isOverfull(from index: Int64, window: Int64) -> Bool {
        guard let last = blocks.last else { return false }
        return Self.end(of: last) - index > window || blocks.count > Self.maximumBlocks
    }

    /// - Returns: how many of the block's samples were already in the buffer.
    mutating func insert(_ block: SampleBlock) -> Int {
        let end = Self.end(of: block)
        var next = block.firstSampleIndex
        var added: [SampleBlock] = []
        for reorderBuffer in blocks where reorderBuffer.firstSampleIndex < end && Self.end(of: reorderBuffer) > next {
            if reorderBuffer.firstSampleIndex > next {
                added.append(Self.part(of: block, next..<reorderBuffer.firstSampleIndex))
            }
            next = Self.end(of: reorderBuffer)
        }
        if next < end { added.append(Self.part(of: block, next..<end)) }
        for part in added {
            let place = blocks.firstIndex { $0.firstSampleIndex > part.firstSampleIndex } ?? blocks.endIndex
            blocks.insert(part, at: place)
        }
        return block.millivolts.count - added.reduce(0) { $0 + $1.millivolts.count }
    }

    /// - Precondition: the buffer is not empty.
    mutating func removeFirst() -> SampleBlock {
        let first = blocks.removeFirst()
        // Most of ten thousand streams have an empty buffer most of the time.
        if blocks.isEmpty { blocks = [] }
        return first
    }

    var heapBytes: Int {
        blocks.reduce(blocks.capacity * MemoryLayout<SampleBlock>.stride) {
            let samples = $1.furtherLeads.reduce($1.millivolts.capacity) { $0 + $1.millivolts.capacity }
            return $0 + samples * MemoryLayout<Float>.stride
                + $1.furtherLeads.capacity * MemoryLayout<LeadSamples>.stride
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
        for index in part.furtherLeads.indices {
            part.furtherLeads[index].millivolts = Array(
                block.furtherLeads[index].millivolts[skipped..<(skipped + indices.count)])
        }
        return part
    }
}
