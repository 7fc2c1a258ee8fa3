/// A block of consecutive samples of one lead or several, as carried by one acquisition message, already decoded to
/// millivolts.
public struct SampleBlock: Sendable, Equatable {
    /// Identifies one run of the acquisition, within which sample indices count up. A restart has a larger number.
    public var session: UInt64
    /// Index of the first sample, counted since the session began; 0 ... 2^53.
    public var firstSampleIndex: Int64
    /// Samples per second, within `MonitorConfiguration.supportedSamplingRates`.
    public var samplingRate: Double
    /// When the first sample was acquired: UTC, nanoseconds since 1970-01-01; 0 if unknown. It labels events and
    /// never determines their timing.
    public var acquisitionTimeNanoseconds: Int64
    /// Name of the lead, such as "II" or "MLII". A change of lead within a session restarts detection.
    public var lead: String
    /// The electrode is off during the whole block: sample values are ignored, but their indices count.
    public var leadOff: Bool
    /// The samples in mV. NaN and infinities mean "no valid sample at this index".
    public var millivolts: [Float]
    /// The voltages at both ends of the converter's range, in mV; samples at either end are saturated. nil if
    /// unknown.
    public var range: ClosedRange<Float>?
    /// The patient's other leads, in the source's order; empty for a stream of one lead. The order matters: beats are
    /// classified in the first lead that is usable. Another set of leads within a session restarts detection.
    public var furtherLeads: [LeadSamples]

    public init(
        session: UInt64, firstSampleIndex: Int64, samplingRate: Double, acquisitionTimeNanoseconds: Int64,
        lead: String, leadOff: Bool = false, millivolts: [Float], range: ClosedRange<Float>? = nil,
        furtherLeads: [LeadSamples] = []
    ) {
        self.session = session
        self.firstSampleIndex = firstSampleIndex
        self.samplingRate = samplingRate
        self.acquisitionTimeNanoseconds = acquisitionTimeNanoseconds
        self.lead = lead
        self.leadOff = leadOff
        self.millivolts = millivolts
        self.range = range
        self.furtherLeads = furtherLeads
    }

    /// Number of samples of all leads.
    public var totalSampleCount: Int { furtherLeads.reduce(millivolts.count) { $0 + $1.millivolts.count } }
}

/// The samples of one more lead in a block, acquired at the same instants as those of the first lead.
public struct LeadSamples: Sendable, Equatable {
    /// Name of the lead, such as "V5"; not empty, and no other lead of the block has it.
    public var lead: String
    /// The electrode is off during the whole block: sample values are ignored, but their indices count.
    public var leadOff: Bool
    /// The samples in mV, as many as the first lead has. NaN and infinities mean "no valid sample at this index".
    public var millivolts: [Float]
    /// The voltages at both ends of the converter's range, in mV; nil if unknown.
    public var range: ClosedRange<Float>?

    public init(lead: String, leadOff: Bool = false, millivolts: [Float], range: ClosedRange<Float>? = nil) {
        self.lead = lead
        self.leadOff = leadOff
        self.millivolts = millivolts
        self.range = range
    }
}

/// Why a whole sample block was rejected. The monitor's state is unchanged, so a rejected block can do no harm.
public enum BlockRejection: Error, Sendable, Equatable, CaseIterable {
    /// The block contains no samples.
    case emptySegment
    /// The block contains more than `MonitorConfiguration.maximumBlockSamples` samples, all leads together.
    case tooManySamples
    /// Not a number, or outside `MonitorConfiguration.supportedSamplingRates`.
    case samplingRateOutOfRange
    /// An index below 0 or beyond 2^53.
    case indexOutOfRange
    /// More than `MonitorConfiguration.maximumIndexJumpSeconds` before the next expected sample.
    case indexTooFarBehind
    /// More than `MonitorConfiguration.maximumIndexJumpSeconds` after the next expected sample.
    case indexTooFarAhead
    /// The session number is smaller than that of the current session.
    case staleSession
    /// The lead's name is longer than 32 bytes.
    case leadNameTooLong
    /// More leads than `SignalLimits.maximumLeads`.
    case tooManyLeads
    /// The leads of the block have different numbers of samples.
    case leadLengthsDiffer
    /// One of several leads has no name, or two have the same.
    case leadNamesNotDistinct

    /// A short name for a counter's label, such as `index_too_far_ahead`. It is a contract and never changes.
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
        case .tooManyLeads: "too_many_leads"
        case .leadLengthsDiffer: "lead_lengths_differ"
        case .leadNamesNotDistinct: "lead_names_not_distinct"
        }
    }
}

/// What happened to a sample block that was not rejected.
public struct BlockReceipt: Sendable, Equatable {
    /// New samples that were processed, including buffered ones that could now proceed; 0 if all had been received
    /// before or are still in the reorder buffer. A source that delivers none of these is silent, even if it keeps
    /// repeating itself.
    public var acceptedSamples = 0
    /// Dropped samples that had been received before, including those still in the reorder buffer.
    public var duplicateSamplesDropped = 0
    /// Samples now known to be missing for good, before this block or before the buffered blocks.
    public var gaps: [Gap] = []
    public var gapSamples: Int64 { gaps.reduce(0) { $0 + $1.missingSampleCount } }
    /// Samples that had arrived too early and were processed once this block supplied what was missing; they are
    /// included in the accepted samples.
    public var reorderedSamples = 0
    /// Samples ahead of `nextSampleIndex` that remain in the reorder buffer after this block. A monitor restored from
    /// a snapshot does not have them.
    public var bufferedSamples = 0
    /// The acquisition time is earlier than that of the previous block. The order is still that of the sample
    /// indices.
    public var timeWentBackwards = false
    /// This block began a new session (not set for a stream's very first session).
    public var sessionChanged = false
    /// The sampling rate or the leads differ from the previous block in the same session: detection was restarted.
    public var signalChanged = false
    /// Accepted samples that are NaN or infinite, in all leads together.
    public var invalidSamples = 0
    /// Accepted samples, in all leads together, that were discarded as spikes: jumps that no heart can produce, reversed at once.
    public var spikeSamples = 0
    /// Index of the next expected sample: all samples before it have been dealt with; buffered samples have not.
    public var nextSampleIndex: Int64 = 0

    public init() {}
}
