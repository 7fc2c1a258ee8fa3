internal import StateCoding

/// Segments of a session that lie ahead of the sample expected next and wait for what is missing before them. No two of
/// them overlap: what is there already is not kept again, so that a source that repeats itself holds no more memory.
struct HeldSegments: Sendable, Renewable {
    /// More than these do not wait, however short they are: a segment of one sample takes the memory of forty.
    static let mostSegments = 64

    /// In the order of their indices.
    private var segments: [SampleSegment] = []

    static var initialValue: HeldSegments { HeldSegments() }

    var isEmpty: Bool { segments.isEmpty }
    var sampleCount: Int { segments.reduce(0) { $0 + $1.millivolts.count } }
    /// Index of the first sample; nil: nothing is held.
    var firstIndex: Int64? { segments.first?.firstSampleIndex }

    /// Whether too much is held for anything to wait any longer.
    ///
    /// - Parameters:
    ///   - index: of the sample expected next.
    ///   - window: samples that may lie between it and the last one held, the missing ones included.
    func isOverfull(from index: Int64, window: Int64) -> Bool {
        guard let last = segments.last else { return false }
        return Self.end(of: last) - index > window || segments.count > Self.mostSegments
    }

    /// - Returns: how many of the segment's samples are held already.
    mutating func insert(_ segment: SampleSegment) -> Int {
        let end = Self.end(of: segment)
        var next = segment.firstSampleIndex
        var added: [SampleSegment] = []
        for held in segments where held.firstSampleIndex < end && Self.end(of: held) > next {
            if held.firstSampleIndex > next { added.append(Self.part(of: segment, next..<held.firstSampleIndex)) }
            next = Self.end(of: held)
        }
        if next < end { added.append(Self.part(of: segment, next..<end)) }
        for part in added {
            let place = segments.firstIndex { $0.firstSampleIndex > part.firstSampleIndex } ?? segments.endIndex
            segments.insert(part, at: place)
        }
        return segment.millivolts.count - added.reduce(0) { $0 + $1.millivolts.count }
    }

    /// - Precondition: something is held.
    mutating func removeFirst() -> SampleSegment {
        let first = segments.removeFirst()
        // Nothing is held for most of the time, by most of ten thousand streams.
        if segments.isEmpty { segments = [] }
        return first
    }

    var heapBytes: Int {
        segments.reduce(segments.capacity * MemoryLayout<SampleSegment>.stride) {
            $0 + $1.millivolts.capacity * MemoryLayout<Float>.stride
        }
    }

    private static func end(of segment: SampleSegment) -> Int64 {
        segment.firstSampleIndex + Int64(segment.millivolts.count)
    }

    private static func part(of segment: SampleSegment, _ indices: Range<Int64>) -> SampleSegment {
        let skipped = Int(indices.lowerBound - segment.firstSampleIndex)
        guard skipped > 0 || indices.count < segment.millivolts.count else { return segment }
        var part = segment
        part.firstSampleIndex = indices.lowerBound
        part.acquisitionTimeNanoseconds = AcquisitionClock.advance(
            segment.acquisitionTimeNanoseconds, bySamples: Int64(skipped), 1e9 / segment.samplingRate)
        part.millivolts = Array(segment.millivolts[skipped..<(skipped + indices.count)])
        return part
    }
}
