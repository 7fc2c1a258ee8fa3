/// One signal line of a header (header(5)): where the samples are stored, and what they mean.
///
/// Optional fields that the header omits are nil; the computed properties give WFDB's defaults for them.
public struct SignalSpecification: Sendable, Hashable {
    /// Name of the signal file, in the folder of the header. Consecutive signals with the same name share the file.
    public var fileName: String
    /// Layout of the samples.
    public var format: SignalFormat
    /// Samples of this signal per frame, 1 or more: its sampling rate is the record's times this.
    public var samplesPerFrame: Int
    /// Frames by which this signal lags in the file; the reader removes the lag.
    public var skew: Int
    /// Bytes before the first sample of the file.
    public var byteOffset: Int
    /// Counts per physical unit as stated in the header; 0 or nil means uncalibrated.
    public var statedGain: Double?
    /// The count for 0 physical units as stated in the header.
    public var statedBaseline: Int32?
    /// Physical units; nil means millivolts.
    public var units: String?
    /// Resolution of the converter in bits.
    public var adcResolution: Int?
    /// The count in the middle of the converter's range.
    public var adcZero: Int32?
    /// First sample, in counts.
    public var initialValue: Int32?
    /// Sum of all samples modulo 2^16.
    public var checksum: Int16?
    /// Block size of special devices; 0 for ordinary files.
    public var blockSize: Int?
    /// Free text; for an ECG, the lead: "MLII".
    public var description: String?

    public init(
        fileName: String, format: SignalFormat, samplesPerFrame: Int = 1, skew: Int = 0, byteOffset: Int = 0,
        gain: Double? = nil, baseline: Int32? = nil, units: String? = nil, adcResolution: Int? = nil,
        adcZero: Int32? = nil, initialValue: Int32? = nil, checksum: Int16? = nil, blockSize: Int? = nil,
        description: String? = nil
    ) {
        self.fileName = fileName
        self.format = format
        self.samplesPerFrame = samplesPerFrame
        self.skew = skew
        self.byteOffset = byteOffset
        self.statedGain = gain
        self.statedBaseline = baseline
        self.units = units
        self.adcResolution = adcResolution
        self.adcZero = adcZero
        self.initialValue = initialValue
        self.checksum = checksum
        self.blockSize = blockSize
        self.description = description
    }

    /// WFDB's gain for a signal without one in the header.
    public static let uncalibratedGain = 200.0

    /// False if the header states no gain, or 0: then ``gain`` is an assumption.
    public var isCalibrated: Bool { (statedGain ?? 0) != 0 }
    /// Counts per physical unit, never 0; 200 if uncalibrated.
    public var gain: Double { isCalibrated ? statedGain ?? Self.uncalibratedGain : Self.uncalibratedGain }
    /// The count for 0 physical units: the stated baseline, else the converter's zero, else 0.
    public var baseline: Int32 { statedBaseline ?? adcZero ?? 0 }

    /// Millivolts per physical unit; nil if the units are not a voltage.
    public var millivoltsPerUnit: Double? {
        guard let units else { return 1 }
        // Both micro signs: U+00B5 and the Greek letter.
        return switch units.lowercased() {
        case "mv", "millivolt", "millivolts": 1
        case "uv", "\u{B5}v", "\u{3BC}v", "microvolt", "microvolts", "uvolt", "uvolts": 1e-3
        case "v", "volt", "volts": 1e3
        case "nv", "nanovolt", "nanovolts": 1e-6
        default: nil
        }
    }

    /// False for a signal that is only named, without samples (format 0).
    public var hasSamples: Bool { format != .format0 }

    /// Samples in millivolts: `(count - baseline) / gain`, NaN for the format's "no valid sample" value; nil
    /// if the units are not a voltage.
    public func millivolts(_ counts: [Int32]) -> [Float]? {
        guard let perUnit = millivoltsPerUnit else { return nil }
        let scale = perUnit / gain
        let baseline = Double(baseline)
        let invalid = format.invalidSample
        return [Float](unsafeUninitializedCapacity: counts.count) { target, filled in
            for i in counts.indices {
                let count = counts[i]
                target[i] = count == invalid ? .nan : Float((Double(count) - baseline) * scale)
            }
            filled = counts.count
        }
    }
}

/// One line in the header of a multi-segment record.
public struct SegmentSpecification: Sendable, Hashable {
    /// The record that is this segment, in the same folder; nil (`~` in the file) for a gap without samples.
    public var recordName: String?
    /// Its length in frames; 0 for a layout segment, which only names the signals.
    public var frameCount: Int

    public init(recordName: String?, frameCount: Int) {
        self.recordName = recordName
        self.frameCount = frameCount
    }
}

/// A record's header: the record line, the signal lines and the comments of header(5).
public struct RecordHeader: Sendable, Hashable {
    /// The record's name as stated in the header.
    public var name: String
    /// Frames per second, above 0; WFDB's default is 250.
    public var samplingRate: Double
    /// Ticks per second of the counter that some recordings have; nil if it is the sampling rate.
    public var counterFrequency: Double?
    /// Counter value at the first sample.
    public var baseCounter: Double?
    /// Frames in the record; nil if the header does not say (then the signal files' length decides).
    public var frameCount: Int?
    /// Time of day of the first sample, `HH:MM:SS` as written in the header.
    public var baseTime: String?
    /// Date of the first sample, `DD/MM/YYYY` as written in the header.
    public var baseDate: String?
    /// The signals in the order of their lines; none if there are segments.
    public var signals: [SignalSpecification]
    /// The segments of a multi-segment record, in order of time; empty for an ordinary record.
    public var segments: [SegmentSpecification] = []
    /// The number of signals stated in the header of a multi-segment record.
    public var segmentSignalCount = 0
    /// Comment lines, without the number sign and the blank after it.
    public var comments: [String]

    public init(
        name: String, samplingRate: Double = 250, counterFrequency: Double? = nil, baseCounter: Double? = nil,
        frameCount: Int? = nil, baseTime: String? = nil, baseDate: String? = nil, signals: [SignalSpecification] = [],
        comments: [String] = []
    ) {
        self.name = name
        self.samplingRate = samplingRate
        self.counterFrequency = counterFrequency
        self.baseCounter = baseCounter
        self.frameCount = frameCount
        self.baseTime = baseTime
        self.baseDate = baseDate
        self.signals = signals
        self.comments = comments
    }

    /// Largest header file that is read, in bytes.
    public static let maximumFileSize = 4 << 20

    /// Reads `directory/name.hea`.
    /// - Throws: ``WFDBError``, with the byte at fault if the text is malformed.
    public static func read(_ name: String, in directory: String) throws(WFDBError) -> RecordHeader {
        let path = FileAccess.path(directory, name + ".hea")
        guard FileAccess.staysInFolder(name) else {
            throw WFDBError(.invalidName, file: path, detail: "“\(name)” is not a record name")
        }
        return try RecordHeader(parsing: try FileAccess.read(path, limit: maximumFileSize), file: path)
    }

    /// Writes `directory/name.hea` atomically.
    public func write(to directory: String) throws(WFDBError) {
        let path = FileAccess.path(directory, name + ".hea")
        try checkWritable(path)
        try FileAccess.writeAtomically(Array(text.utf8), to: path)
    }

    /// Signals that share a file, as ranges of indices into ``signals``.
    var fileGroups: [Range<Int>] {
        var groups: [Range<Int>] = []
        for index in signals.indices {
            if let last = groups.last, signals[last.lowerBound].fileName == signals[index].fileName,
                signals[last.lowerBound].hasSamples == signals[index].hasSamples
            {
                groups[groups.count - 1] = last.lowerBound..<(index + 1)
            } else {
                groups.append(index..<(index + 1))
            }
        }
        return groups
    }

    /// True for the MIT-BIH Noise Stress Test Database's noisy records, made by WFDB's `nst`: their headers state a
    /// baseline (1024) that has already been subtracted from the samples, so a correct reader shows them 5.12 mV too
    /// low.
    public var statesBaselineAlreadyRemoved: Bool {
        comments.contains { $0.hasPrefix("Created by `nst'") || $0.hasPrefix("Created by 'nst'") }
            && !signals.isEmpty && signals.allSatisfy { ($0.adcZero ?? 0) == 0 && ($0.statedBaseline ?? 0) != 0 }
    }
}
