/// One signal of a record, read in order and in constant memory, however long the record is.
///
///     let source = try RecordSource("100", in: "mitdb")
///     let reader = try SignalReader(source, signal: 0)
///     while let piece = try reader.next() { use(reader.signal.millivolts(piece.counts)) }
///
/// Where a multi-segment record has a gap, a piece starts later than the previous one ends.
public final class SignalReader {
    /// Consecutive samples.
    public struct Piece: Sendable {
        /// Index of the first of them among the signal's samples; a frame has ``SignalSpecification/samplesPerFrame``.
        public var firstSampleIndex: Int64
        /// The samples, with the calibration of ``SignalReader/signal``.
        public var counts: [Int32]
    }

    /// The signal as described in the record's header.
    public let signal: SignalSpecification
    /// Samples per second.
    public let samplingRate: Double
    /// Inconsistencies found so far that do not prevent reading.
    public private(set) var warnings: [WFDBError]

    private let source: RecordSource
    private let index: Int
    private var segmentNumber = 0
    private var segment: SegmentReader?
    private var isAtEnd = false

    /// - Parameters:
    ///   - source: the record.
    ///   - index: the signal's number in the source's header.
    /// - Throws: ``WFDBError`` with code `outOfRange` if there is no such signal.
    public init(_ source: RecordSource, signal index: Int) throws(WFDBError) {
        guard source.header.signals.indices.contains(index) else {
            throw WFDBError(
                .outOfRange, file: FileAccess.path(source.directory, source.header.name + ".hea"),
                detail: "no signal \(index): there are \(source.header.signals.count)")
        }
        self.source = source
        self.index = index
        signal = source.header.signals[index]
        samplingRate = source.header.samplingRate * Double(signal.samplesPerFrame)
        warnings = source.warnings
    }

    /// The next samples; nil at the end.
    /// - Throws: ``WFDBError`` naming the file and, where there is one, the byte.
    public func next() throws(WFDBError) -> Piece? {
        while !isAtEnd {
            if let segment {
                if var piece = try segment.next() {
                    if !source.isOrdinary {
                        piece.counts = segment.signal.convert(piece.counts, to: signal)
                        piece.firstSampleIndex =
                            piece.firstSampleIndex * Int64(signal.samplesPerFrame / segment.signal.samplesPerFrame)
                            + Int64(source.segments[segmentNumber - 1].firstFrame) * Int64(signal.samplesPerFrame)
                    }
                    if !piece.counts.isEmpty { return piece }
                    continue
                }
                try warn(segment.disagreement)
                self.segment = nil
            }
            guard segmentNumber < source.segments.count else {
                isAtEnd = true
                break
            }
            let next = source.segments[segmentNumber]
            segmentNumber += 1
            guard index < next.signals.count, let own = next.signals[index], next.header.signals[own].hasSamples else {
                continue
            }
            let reader = try SegmentReader(next, signal: own, directory: source.directory)
            try warn(reader.shortness)
            segment = reader
        }
        return nil
    }

    private func warn(_ warning: WFDBError?) throws(WFDBError) {
        guard let warning else { return }
        if source.strict { throw warning }
        warnings.append(warning)
    }
}

/// One signal of one segment.
private final class SegmentReader {
    let signal: SignalSpecification
    /// Set if the file is shorter than it should be.
    let shortness: WFDBError?

    private let header: RecordHeader
    private let index: Int
    private let directory: String
    private let file: SignalFile
    private let column: Int
    private let frames: Int
    /// Number of frames stated in the header, which its checksum covers.
    private let checkedFrames: Int
    private var sum: Int32 = 0
    private var first: Int32?

    init(_ segment: RecordSource.Segment, signal index: Int, directory: String) throws(WFDBError) {
        header = segment.header
        self.index = index
        self.directory = directory
        signal = header.signals[index]
        let group = header.fileGroups.first { $0.contains(index) } ?? index..<(index + 1)
        file = try SignalFile(Array(header.signals[group]), in: directory)
        column = header.signals[group.lowerBound..<index].reduce(0) { $0 + $1.samplesPerFrame }
        let stated = header.frameCount ?? segment.frameCount
        shortness = try file.shortness(stated: stated)
        checkedFrames = file.frames(stated: header.frameCount)
        frames = min(file.frames(stated: stated), segment.frameCount ?? .max)
    }

    /// The next samples, with skew removed; nil at the end.
    func next() throws(WFDBError) -> SignalReader.Piece? {
        var piece = SignalReader.Piece(firstSampleIndex: 0, counts: [])
        let rowLength = file.samplesPerFrame
        let perFrame = signal.samplesPerFrame
        let skew = signal.skew
        let end = max(checkedFrames, frames.addingReportingOverflow(skew).overflow ? .max : frames + skew)
        while piece.counts.isEmpty {
            let more = try file.next(before: end) { firstFrame, count, samples in
                let samples = samples + column
                if firstFrame == 0 { first = samples[0] }
                for row in 0..<min(count, max(0, checkedFrames - firstFrame)) {
                    for k in 0..<perFrame { sum &+= samples[row * rowLength + k] }
                }
                let begin = max(0, skew - firstFrame)
                let end = min(count, frames + skew - firstFrame)
                guard begin < end else { return }
                let wanted = begin..<end
                piece.firstSampleIndex = Int64(firstFrame + wanted.lowerBound - skew) * Int64(perFrame)
                piece.counts = [Int32](unsafeUninitializedCapacity: wanted.count * perFrame) { target, filled in
                    for row in wanted {
                        for k in 0..<perFrame {
                            target[filled] = samples[row * rowLength + k]
                            filled += 1
                        }
                    }
                }
            }
            guard more else { return nil }
        }
        return piece
    }

    /// Differences from the header, known at the end. A short file cannot match its checksum.
    var disagreement: WFDBError? {
        guard shortness == nil else { return nil }
        return header.disagreement(
            index,
            Record.SignalDigest(
                initialValue: checkedFrames > 0 ? first : nil, checksum: Int16(truncatingIfNeeded: sum)),
            directory: directory)
    }
}

extension SignalSpecification {
    /// Counts of this signal converted to another calibration of the same quantity, each repeated if the other has more
    /// samples per frame.
    fileprivate func convert(_ counts: [Int32], to whole: SignalSpecification) -> [Int32] {
        guard !isCalibrated(like: whole) else { return counts }
        let repeats = whole.samplesPerFrame / samplesPerFrame
        let ratio = unitRatio(to: whole) ?? 1
        let isSame = gain == whole.gain * ratio && baseline == whole.baseline && ratio == 1
        let factor = ratio * whole.gain / gain
        var converted: [Int32] = []
        converted.reserveCapacity(counts.count * repeats)
        for count in counts {
            var value = whole.format.invalidSample
            if count != format.invalidSample {
                let ideal = (Double(count) - Double(baseline)) * factor + Double(whole.baseline)
                value = isSame ? count : Int32(min(max(ideal.rounded(), -2_147_483_647), 2_147_483_647))
            }
            for _ in 0..<repeats { converted.append(value) }
        }
        return converted
    }
}
