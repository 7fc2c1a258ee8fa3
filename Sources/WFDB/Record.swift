/// A whole record in memory: its header and the samples of every signal, in counts.
public struct Record: Sendable {
    /// What the header states, with ``RecordHeader/frameCount`` filled in.
    public private(set) var header: RecordHeader
    /// `samples[signal][index]`, in converter counts; a signal has `frameCount * samplesPerFrame` of
    /// them.
    public let samples: [[Int32]]
    /// Digests of the actual samples, for comparison with the header.
    public let digests: [SignalDigest]
    /// The folder that the record was read from, for messages; empty for a record made in memory.
    public let directory: String
    /// Checksums, first values and lengths that did not agree but did not prevent reading.
    public private(set) var warnings: [WFDBError] = []
    /// Gaps without samples in a multi-segment record, as ranges of frames; ``samples`` holds "no valid
    /// sample" there.
    public private(set) var gaps: [Range<Int>] = []
    /// Time units per second of annotation files that do not state their own: the frames of the header as read.
    public private(set) var annotationRate: Double

    /// First value and sum of a signal as stored in its file, before skew is removed.
    public struct SignalDigest: Sendable, Hashable {
        /// First sample; nil for an empty signal.
        public var initialValue: Int32?
        /// Sum of all samples modulo 2^16.
        public var checksum: Int16
    }

    /// Largest signal file that is written, in bytes.
    public static let maximumSignalFileSize = 512 << 20
    /// Maximum number of samples that are read into memory; ``SignalReader`` has no such limit.
    public static let maximumSampleCount = 1 << 29

    /// A record made in memory.
    ///
    /// Frame count, initial values and checksums in the header are set from the samples; absent fields before them in
    /// the signal line are set to WFDB's defaults.
    /// - Parameters:
    ///   - header: one signal for each array in `samples`.
    ///   - samples: counts of each signal; the length is the common frame count times the signal's samples per frame.
    /// - Throws: ``WFDBError`` with code `inconsistentRecord` if they do not fit together.
    public init(header: RecordHeader, samples: [[Int32]]) throws(WFDBError) {
        let file = header.name + ".hea"
        guard header.signals.count == samples.count else {
            throw WFDBError(
                .inconsistentRecord, file: file,
                detail: "\(header.signals.count) signal lines for \(samples.count) arrays of samples")
        }
        var header = header
        var frames: Int?
        var digests: [SignalDigest] = []
        for index in samples.indices {
            let perFrame = header.signals[index].samplesPerFrame
            guard perFrame >= 1, samples[index].count.isMultiple(of: perFrame) else {
                throw WFDBError(
                    .inconsistentRecord, file: file,
                    detail: "signal \(index): \(samples[index].count) samples are not whole frames of \(perFrame)")
            }
            let count = samples[index].count / perFrame
            guard count == frames ?? count else {
                throw WFDBError(
                    .inconsistentRecord, file: file,
                    detail: "signal \(index) has \(count) frames, signal 0 has \(frames ?? 0)")
            }
            frames = count
            digests.append(
                SignalDigest(
                    initialValue: samples[index].first,
                    checksum: Int16(truncatingIfNeeded: samples[index].reduce(0, &+))))
        }
        header.frameCount = frames ?? header.frameCount
        for index in samples.indices {
            // The fields before those that are computed must stand in the line too.
            header.signals[index].statedGain = header.signals[index].statedGain ?? 0
            header.signals[index].adcResolution =
                header.signals[index].adcResolution ?? header.signals[index].format.bitsPerSample
            header.signals[index].adcZero = header.signals[index].adcZero ?? 0
            header.signals[index].blockSize = header.signals[index].blockSize ?? 0
            header.signals[index].initialValue = digests[index].initialValue ?? header.signals[index].adcZero ?? 0
            header.signals[index].checksum = digests[index].checksum
        }
        self.init(header: header, samples: samples, digests: digests, directory: "")
    }

    init(
        header: RecordHeader, samples: [[Int32]], digests: [SignalDigest], directory: String,
        warnings: [WFDBError] = [], gaps: [Range<Int>] = [], annotationRate: Double? = nil
    ) {
        self.header = header
        self.samples = samples
        self.digests = digests
        self.directory = directory
        self.warnings = warnings
        self.gaps = gaps
        self.annotationRate = annotationRate ?? header.samplingRate
    }

    /// Frames in the record.
    public var frameCount: Int { header.frameCount ?? 0 }
    /// Frames per second.
    public var samplingRate: Double { header.samplingRate }
    /// Samples per second of one signal.
    public func samplingRate(ofSignal index: Int) -> Double {
        header.samplingRate * Double(header.signals[index].samplesPerFrame)
    }

    /// The samples of one signal in millivolts: `(count - baseline) / gain`, NaN for the format's "no valid sample"
    /// value.
    /// - Parameter index: 0 ..< number of signals.
    /// - Throws: ``WFDBError`` with code `notAVoltage` for a signal in mmHg and the like.
    public func millivolts(ofSignal index: Int) throws(WFDBError) -> [Float] {
        let signal = header.signals[index]
        guard let millivolts = signal.millivolts(samples[index]) else {
            throw WFDBError(
                .notAVoltage, file: FileAccess.path(directory, header.name + ".hea"),
                detail: "signal \(index) is in \(signal.units ?? "mV"), not in a voltage")
        }
        return millivolts
    }

    /// The record with a true baseline, for the noise stress records (see
    /// ``RecordHeader/statesBaselineAlreadyRemoved``); any other record is returned unchanged.
    public func withTrueBaseline() -> Record {
        guard header.statesBaselineAlreadyRemoved else { return self }
        var record = self
        for index in header.signals.indices { record.header.signals[index].statedBaseline = 0 }
        return record
    }

    /// Compares the samples with the header's initial values and checksums; a field that the header omits is not
    /// checked.
    /// - Throws: ``WFDBError``, `initialValueMismatch` or `checksumMismatch`, naming the signal file.
    public func verify() throws(WFDBError) {
        for index in header.signals.indices {
            if let error = header.disagreement(index, digests[index], directory: directory) { throw error }
        }
    }
}
