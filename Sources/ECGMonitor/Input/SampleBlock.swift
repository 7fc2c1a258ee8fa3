/// A run of consecutive samples of one lead, as one acquisition message carries it, already decoded to millivolts.
public struct SampleBlock: Sendable, Equatable {
    /// Names one run of the acquisition, in which sample indices count on. A restart has a larger number.
    public var session: UInt64
    /// Index of the first sample, counted since the session began; 0 ... 2^53.
    public var firstSampleIndex: Int64
    /// Samples a second, `MonitorConfiguration.supportedSamplingRates`.
    public var samplingRate: Double
    /// When the first sample was taken: UTC, nanoseconds since 1970-01-01. 0: unknown. It labels events and never times
    /// them.
    public var acquisitionTimeNanoseconds: Int64
    /// Name of the lead, "II" or "MLII". A change of lead within a session starts detection afresh.
    public var lead: String
    /// The electrode is off during the whole segment: the samples are not looked at, their indices count.
    public var leadOff: Bool
    /// The samples in mV. NaN and infinities mean "no valid sample at this index".
    public var millivolts: [Float]
    /// The voltages at the two ends of the converter's range, in mV: what stands there is saturated. nil: not known.
    public var range: ClosedRange<Float>?

    public init(
        session: UInt64, firstSampleIndex: Int64, samplingRate: Double, acquisitionTimeNanoseconds: Int64,
        lead: String, leadOff: Bool = false, millivolts: [Float], range: ClosedRange<Float>? = nil
    ) {
        self.session = session
        self.firstSampleIndex = firstSampleIndex
        self.samplingRate = samplingRate
        self.acquisitionTimeNanoseconds = acquisitionTimeNanoseconds
        self.lead = lead
        self.leadOff = leadOff
        self.millivolts = millivolts
        self.range = range
    }
}

/// Why a segment was refused as a whole. The monitor is as it was before, so a refused segment can do no harm.
public enum BlockRejection: Error, Sendable, Equatable, CaseIterable {
    /// It holds no sample.
    case emptySegment
    /// It holds more than `MonitorConfiguration.maximumBlockSamples`.
    case tooManySamples
    /// Not a number, or outside of `MonitorConfiguration.supportedSamplingRates`.
    case samplingRateOutOfRange
    /// An index below 0 or beyond 2^53.
    case indexOutOfRange
    /// More than `MonitorConfiguration.maximumIndexJumpSeconds` before the sample expected next.
    case indexTooFarBehind
    /// More than `MonitorConfiguration.maximumIndexJumpSeconds` after the sample expected next.
    case indexTooFarAhead
    /// The session number is smaller than the one being monitored.
    case staleSession
    /// The lead's name is longer than 32 bytes.
    case leadNameTooLong

    /// A short word for a counter's label, such as `index_too_far_ahead`. It is a contract: it never changes.
    public var cause: String {
        switch self {
        case .emptySegment: "empty_segment"
        case .tooManySamples: "too_many_samples"
        case .samplingRateOutOfRange: "sampling_rate_out_of_range"
        case .indexOutOfRange: "index_out_of_range"
        case .indexTooFarBehind: "index_too_far_behind"
        case .indexTooFarAhead: "index_too_far_ahead"
        case .staleSession: "stale_session"
        case .leadNameTooLong: "lead_name_too_long"
        }
    }
}

/// What became of a segment that was not refused.
public struct BlockReceipt: Sendable, Equatable {
    /// Samples that were new and went on their way, those that had been held included; 0 where all had come before or
    /// are held. Silence of a source is silence of these: a source that only repeats itself is silent.
    public var acceptedSamples = 0
    /// Samples that had come before, also such as are held, and were dropped.
    public var duplicateSamplesDropped = 0
    /// What is missing, as far as it is now known for good: before this segment or before those that were held.
    public var gaps: [Gap] = []
    public var gapSamples: Int64 { gaps.reduce(0) { $0 + $1.missingSampleCount } }
    /// Samples that had come too early and, now that this segment brought what was missing, went on their way; they
    /// count among the accepted ones.
    public var reorderedSamples = 0
    /// Samples that lie ahead of `nextSampleIndex` and are held, after this segment. A monitor that is restored from a
    /// snapshot does not have them.
    public var bufferedSamples = 0
    /// The acquisition time lies before that of the segment before. The order is the index's all the same.
    public var timeWentBackwards = false
    /// This segment began a session (not counted for a stream's very first).
    public var sessionChanged = false
    /// The sampling rate or the lead differs from the segment before within one session: detection started afresh.
    public var signalChanged = false
    /// Accepted samples that are NaN or infinite.
    public var invalidSamples = 0
    /// Accepted samples that were set aside as spikes: jumps that no heart makes, taken back at once.
    public var spikeSamples = 0
    /// Index of the sample that is expected next: all before it are done with, what is held is not.
    public var nextSampleIndex: Int64 = 0

    public init() {}
}
