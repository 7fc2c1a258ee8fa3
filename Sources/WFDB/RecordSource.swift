/// A record as described by its header files, before any sample is read: an ordinary record, or one of several segments
/// with their headers.
public struct RecordSource: Sendable {
    /// The record as a whole. The signals of a multi-segment record are those of all its segments, each with the
    /// finest calibration of any segment; its frame count is the sum.
    public private(set) var header: RecordHeader
    /// The folder of the record; "" is the current one.
    public let directory: String
    /// Inconsistencies that do not prevent reading.
    public private(set) var warnings: [WFDBError] = []
    /// Whether inconsistencies are errors instead.
    let strict: Bool
    /// An ordinary record has one.
    let segments: [Segment]

    /// A part of the record that has samples.
    struct Segment: Sendable {
        let header: RecordHeader
        let firstFrame: Int
        /// Its length in frames; nil: as its header or its files say.
        let frameCount: Int?
        /// The segment's signal for each of the record's signals; nil if it has none.
        let signals: [Int?]
    }

    /// Reads `directory/name.hea` and, if it lists segments, their headers in the same folder.
    /// - Parameters:
    ///   - name: the record's name.
    ///   - directory: the record's folder.
    ///   - strict: lengths, checksums and first values that do not agree are errors, not warnings, also in everything
    ///     that is read through the source.
    /// - Throws: ``WFDBError`` naming the file.
    public init(_ name: String, in directory: String, strict: Bool = false) throws(WFDBError) {
        let header = try RecordHeader.read(name, in: directory)
        self.directory = directory
        self.strict = strict
        if header.segments.isEmpty {
            self.header = header
            segments = [
                Segment(
                    header: header, firstFrame: 0, frameCount: nil, signals: header.signals.indices.map { Optional($0) }
                )
            ]
        } else {
            var layout = SegmentLayout(header, file: FileAccess.path(directory, name + ".hea"))
            try layout.readSegments(in: directory)
            segments = layout.segments
            self.header = try layout.wholeHeader()
            warnings = layout.warnings
            if strict, let first = warnings.first { throw first }
        }
    }

    /// True if a single header describes the whole record.
    public var isOrdinary: Bool { segments.count == 1 && segments[0].frameCount == nil }

    /// The source with a true baseline, for the noise stress records (see
    /// ``RecordHeader/statesBaselineAlreadyRemoved``); any other source is returned unchanged.
    public func withTrueBaseline() -> RecordSource {
        guard header.statesBaselineAlreadyRemoved else { return self }
        var source = self
        for index in header.signals.indices { source.header.signals[index].statedBaseline = 0 }
        return source
    }
}

/// Combines the segments of a record.
private struct SegmentLayout {
    let master: RecordHeader
    let file: String
    /// The signals as named by the layout segment if there is one, else by the first segment.
    var names: [SignalSpecification] = []
    var segments: [RecordSource.Segment] = []
    var warnings: [WFDBError] = []
    private var frames = 0
    /// The position of each description among the names.
    private var places: [String?: [Int]] = [:]
    /// A segment may appear more than once.
    private var headers: [String: RecordHeader] = [:]

    /// Maximum size of the table of segments and signals: a header's claims must not take unbounded memory or time.
    private static let largestTable = 10_000_000

    init(_ master: RecordHeader, file: String) {
        self.master = master
        self.file = file
    }

    mutating func readSegments(in directory: String) throws(WFDBError) {
        let hasLayout = master.segments[0].frameCount == 0 && master.segments[0].recordName != nil
        for (number, segment) in master.segments.enumerated() {
            guard let name = segment.recordName, segment.frameCount > 0 || number == 0 && hasLayout else {
                try advance(segment.frameCount)
                continue
            }
            let path = FileAccess.path(directory, name + ".hea")
            let header: RecordHeader
            if let known = headers[name] {
                header = known
            } else {
                header = try RecordHeader.read(name, in: directory)
                headers[name] = header
            }
            guard header.segments.isEmpty else {
                throw WFDBError(.multipleSegments, file: path, detail: "a segment that consists of segments itself")
            }
            guard abs(header.samplingRate - master.samplingRate) <= 1e-6 * master.samplingRate else {
                throw WFDBError(
                    .inconsistentRecord, file: path,
                    detail: "\(header.samplingRate) frames a second in this segment, \(master.samplingRate) in \(file)")
            }
            if number == 0, hasLayout {
                for signal in header.signals { addName(signal) }
                continue
            }
            if let own = header.frameCount, own < segment.frameCount {
                warnings.append(
                    WFDBError(
                        .truncated, file: path,
                        detail: "the segment has \(own) frames, \(segment.frameCount) are stated in \(file)"))
            }
            let signals = hasLayout ? signalsByName(header) : try signalsByPlace(header, path)
            segments.append(
                RecordSource.Segment(
                    header: header, firstFrame: frames, frameCount: segment.frameCount, signals: signals))
            try advance(segment.frameCount)
            guard segments.count * names.count <= Self.largestTable else {
                throw WFDBError(
                    .tooLarge, file: file, detail: "more than \(Self.largestTable) signals in the segments together")
            }
        }
        if let stated = master.frameCount, stated != frames {
            warnings.append(
                WFDBError(
                    .inconsistentRecord, file: file, detail: "\(stated) frames are stated, the segments have \(frames)")
            )
        }
    }

    private mutating func advance(_ count: Int) throws(WFDBError) {
        let (sum, overflow) = frames.addingReportingOverflow(count)
        guard !overflow else {
            throw WFDBError(.outOfRange, file: file, detail: "more frames than can be counted")
        }
        frames = sum
    }

    /// In a fixed layout every segment has the same signals in the same order.
    private mutating func signalsByPlace(_ header: RecordHeader, _ path: String) throws(WFDBError) -> [Int?] {
        if segments.isEmpty { names = header.signals }
        guard header.signals.count == names.count else {
            throw WFDBError(
                .inconsistentRecord, file: path,
                detail: "\(header.signals.count) signals in this segment, \(names.count) in the first one")
        }
        return header.signals.indices.map { Optional($0) }
    }

    /// In a variable layout a signal is identified by its description; signals with the same one, by their order.
    private mutating func signalsByName(_ header: RecordHeader) -> [Int?] {
        var signals: [Int?] = Array(repeating: nil, count: names.count)
        var taken: [String?: Int] = [:]
        for (index, signal) in header.signals.enumerated() {
            let number = taken[signal.description, default: 0]
            taken[signal.description] = number + 1
            let candidates = places[signal.description] ?? []
            if number < candidates.count {
                signals[candidates[number]] = index
            } else {
                // One that the layout forgot.
                addName(signal)
                signals.append(index)
            }
        }
        return signals
    }

    private mutating func addName(_ signal: SignalSpecification) {
        places[signal.description, default: []].append(names.count)
        names.append(signal)
    }

    /// One header for the whole record.
    func wholeHeader() throws(WFDBError) -> RecordHeader {
        var header = master
        header.segments = []
        header.frameCount = frames
        var isUniform = true
        var signals: [SignalSpecification] = []
        for (place, name) in names.enumerated() {
            var parts: [SignalSpecification] = []
            for segment in segments where place < segment.signals.count {
                guard let index = segment.signals[place] else { continue }
                let part = segment.header.signals[index]
                if part.hasSamples, parts.last.map({ !$0.isCalibrated(like: part) }) ?? true { parts.append(part) }
            }
            let whole = try wholeSignal(name, parts)
            let formats = Set(parts.map(\.format))
            isUniform = isUniform && formats.count <= 1 && parts.allSatisfy { $0.isCalibrated(like: whole) }
            signals.append(whole)
        }
        // The record must hold as one file, too.
        let formats = Set(signals.map(\.format)).subtracting([.format0])
        let format = isUniform && formats.count == 1 ? formats.first ?? .format16 : .format32
        for index in signals.indices {
            signals[index].fileName = master.name + ".dat"
            signals[index].format = format == .format8 ? .format32 : format
        }
        guard frames <= Int.max / (signals.map(\.samplesPerFrame).max() ?? 1) else {
            throw WFDBError(.outOfRange, file: file, detail: "more samples than can be counted")
        }
        header.signals = signals
        return header
    }

    /// One signal of the record: named by the layout, with the finest calibration and the highest sampling rate of its
    /// parts.
    private func wholeSignal(
        _ name: SignalSpecification, _ parts: [SignalSpecification]
    ) throws(WFDBError) -> SignalSpecification {
        guard var whole = parts.first else { return SignalSpecification(named: name, like: name) }
        for part in parts {
            guard let ratio = part.unitRatio(to: whole) else {
                throw WFDBError(
                    .inconsistentRecord, file: file,
                    detail: "the signal “\(name.description ?? "")” is in \(whole.units ?? "mV") and in "
                        + "\(part.units ?? "mV")")
            }
            let samplesPerFrame = max(whole.samplesPerFrame, part.samplesPerFrame)
            if abs(part.gain / ratio) > abs(whole.gain) { whole = part }
            whole.samplesPerFrame = samplesPerFrame
        }
        guard parts.allSatisfy({ whole.samplesPerFrame.isMultiple(of: $0.samplesPerFrame) }) else {
            throw WFDBError(
                .inconsistentRecord, file: file,
                detail: "the signal “\(name.description ?? "")” has sampling rates that are no multiples of each other")
        }
        return SignalSpecification(named: name, like: whole)
    }
}

extension SignalSpecification {
    /// The signal's description alone, without the location of its samples.
    fileprivate init(named name: SignalSpecification, like signal: SignalSpecification) {
        self.init(
            fileName: "~", format: signal.format, samplesPerFrame: signal.samplesPerFrame, gain: signal.statedGain,
            baseline: signal.baseline, units: signal.units, adcResolution: signal.adcResolution,
            adcZero: signal.adcZero, description: name.description ?? signal.description)
    }

    /// Whether both have the same calibration and sampling rate.
    func isCalibrated(like other: SignalSpecification) -> Bool {
        gain == other.gain && baseline == other.baseline && units ?? "mV" == other.units ?? "mV"
            && samplesPerFrame == other.samplesPerFrame && format == other.format
    }

    /// One unit of this signal in the other's units; nil if they measure different things.
    func unitRatio(to other: SignalSpecification) -> Double? {
        if units ?? "mV" == other.units ?? "mV" { return 1 }
        guard let own = millivoltsPerUnit, let its = other.millivoltsPerUnit else { return nil }
        return own / its
    }
}
