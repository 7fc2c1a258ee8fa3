internal import ECGLimits
import SwiftProtobuf

/// Limits for a sample block. The numbers are those documented in the schema.
public struct SampleBlockLimits: Sendable, Hashable {
    /// Largest frame that an ingest socket accepts, in bytes. 120,000 float samples need half of it.
    public static let maximumMessageSize = 1 << 20
    /// The schema version that this code implements.
    public static let schemaVersion: UInt32 = 1
    /// Maximum length of a lead name, in bytes of UTF-8.
    public static var maximumLeadNameLength: Int { SignalLimits.maximumLeadNameLength }
    /// Sample indices stay below this limit, up to which a double, and so any JSON reader, holds every integer exactly.
    public static var sampleIndexEnd: Int64 { SignalLimits.sampleIndexEnd }
    /// Latest acquisition time in ns since 1970 (the year 2223); leaves room for adding a session's length to it.
    public static let latestAcquisitionTime: Int64 = 8_000_000_000_000_000_000

    /// Samples per second.
    public var samplingRates = SignalLimits.samplingRates
    /// Maximum number of samples in one block.
    public var maximumSampleCount = 120_000

    public init() {}
}

/// Why a sample block is rejected.
public enum SampleBlockRejection: Error, Sendable, Equatable {
    /// The bytes are not a binary protobuf of the schema: random, truncated, or with a string that is not UTF-8.
    case notDecodable
    /// Sent by a newer or badly broken program; 0 if the field is missing.
    case unknownSchemaVersion(UInt32)
    /// Empty, too long, or containing a character that is not allowed.
    case badStreamName
    /// Outside 100 ... 2000, or not finite.
    case samplingRateOutOfRange(Double)
    /// The block contains no samples.
    case noSamples
    /// Samples in more than one form: it is ambiguous which are meant.
    case bothCountsAndMillivolts
    /// Counts with a gain that is 0 or not finite.
    case unusableGain(Double)
    /// More samples than the limit.
    case tooManySamples(Int)
    /// Negative, or the last sample is beyond 2^53.
    case sampleIndexOutOfRange(Int64)
    /// Negative, or beyond the year 2223.
    case acquisitionTimeOutOfRange(Int64)
    /// Too long, or containing a control character.
    case badLeadName
    /// The converter's minimum count is not below its maximum.
    case unusableConverterRange(minimum: Int32, maximum: Int32)
    /// Both `leads` and a field of the block's only lead.
    case bothLeadAndLeads
    /// More leads than a stream may carry.
    case tooManyLeads(Int)
    /// The leads have different numbers of samples.
    case leadLengthsDiffer
    /// A lead in `leads` has no name, or two have the same.
    case leadNamesNotDistinct

    /// The reasons without their values, one counter each.
    public enum Cause: String, Sendable, CaseIterable {
        case notDecodable = "not_decodable"
        case unknownSchemaVersion = "unknown_schema_version"
        case badStreamName = "bad_stream_name"
        case samplingRateOutOfRange = "sampling_rate_out_of_range"
        case noSamples = "no_samples"
        case bothCountsAndMillivolts = "both_counts_and_millivolts"
        case unusableGain = "unusable_gain"
        case tooManySamples = "too_many_samples"
        case sampleIndexOutOfRange = "sample_index_out_of_range"
        case acquisitionTimeOutOfRange = "acquisition_time_out_of_range"
        case badLeadName = "bad_lead_name"
        case unusableConverterRange = "unusable_converter_range"
        case bothLeadAndLeads = "both_lead_and_leads"
        case tooManyLeads = "too_many_leads"
        case leadLengthsDiffer = "lead_lengths_differ"
        case leadNamesNotDistinct = "lead_names_not_distinct"
    }

    public var cause: Cause {
        switch self {
        case .notDecodable: .notDecodable
        case .unknownSchemaVersion: .unknownSchemaVersion
        case .badStreamName: .badStreamName
        case .samplingRateOutOfRange: .samplingRateOutOfRange
        case .noSamples: .noSamples
        case .bothCountsAndMillivolts: .bothCountsAndMillivolts
        case .unusableGain: .unusableGain
        case .tooManySamples: .tooManySamples
        case .sampleIndexOutOfRange: .sampleIndexOutOfRange
        case .acquisitionTimeOutOfRange: .acquisitionTimeOutOfRange
        case .badLeadName: .badLeadName
        case .unusableConverterRange: .unusableConverterRange
        case .bothLeadAndLeads: .bothLeadAndLeads
        case .tooManyLeads: .tooManyLeads
        case .leadLengthsDiffer: .leadLengthsDiffer
        case .leadNamesNotDistinct: .leadNamesNotDistinct
        }
    }
}

extension SampleBlockRejection: CustomStringConvertible {
    /// One line for a log or a terminal; never quotes a string received from outside.
    public var description: String {
        switch self {
        case .notDecodable: "not a SampleBlock in binary protobuf"
        case .unknownSchemaVersion(let version):
            "schema version \(version), expected \(SampleBlockLimits.schemaVersion)"
        case .badStreamName:
            "the stream's name must have 1 to \(StreamName.maximumLength) characters out of A-Z a-z 0-9 _ - . : "
                + "and begin with one of A-Z a-z 0-9 _"
        case .samplingRateOutOfRange(let rate): "sampling rate \(rate), expected 100 to 2000 per second"
        case .noSamples: "no samples"
        case .bothCountsAndMillivolts: "both counts and millivolts"
        case .unusableGain(let gain): "gain \(gain), expected counts per millivolt, finite and not 0"
        case .tooManySamples(let count): "\(count) samples in one block"
        case .sampleIndexOutOfRange(let index): "first sample index \(index), expected 0 to 2^53"
        case .acquisitionTimeOutOfRange(let time): "acquisition time \(time) ns, expected 0 to 8e18"
        case .badLeadName:
            "the lead's name must have at most \(SampleBlockLimits.maximumLeadNameLength) bytes "
                + "and no control characters"
        case .unusableConverterRange(let minimum, let maximum):
            "a converter's range from \(minimum) to \(maximum), expected the smaller count first"
        case .bothLeadAndLeads: "leads beside the fields of a single lead"
        case .tooManyLeads(let count): "\(count) leads, expected \(SignalLimits.maximumLeads) at most"
        case .leadLengthsDiffer: "leads with different numbers of samples"
        case .leadNamesNotDistinct: "leads without a name, or two of the same"
        }
    }
}

extension WireSampleBlock {
    /// Decodes a block as received. Fields from later schema versions are dropped.
    /// - Throws: `.notDecodable`. The contents are not checked yet: see `validate`.
    public init(frame: UnsafeRawBufferPointer) throws(SampleBlockRejection) {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        do {
            try self.init(serializedBytes: frame.bytes, options: options)
        } catch {
            throw .notDecodable
        }
    }

    /// Checks everything that can be checked without knowing the stream's past. Millivolts that are not finite do not
    /// lead to rejection: they are invalid samples, which the monitor reports.
    /// - Throws: the first reason found.
    public func validate(_ limits: SampleBlockLimits = SampleBlockLimits()) throws(SampleBlockRejection) {
        guard schemaVersion == SampleBlockLimits.schemaVersion else { throw .unknownSchemaVersion(schemaVersion) }
        guard StreamName.isValid(stream) else { throw .badStreamName }
        // NaN is outside every range.
        guard limits.samplingRates.contains(samplingRate) else { throw .samplingRateOutOfRange(samplingRate) }
        if leads.isEmpty {
            try validateSamples()
        } else {
            try validateLeads()
        }
        let sampleCount = self.sampleCount
        guard sampleCount > 0 else { throw .noSamples }
        let total = sampleCount * max(1, leads.count)
        guard total <= limits.maximumSampleCount else { throw .tooManySamples(total) }
        guard firstSampleIndex >= 0, firstSampleIndex <= SampleBlockLimits.sampleIndexEnd - Int64(sampleCount) else {
            throw .sampleIndexOutOfRange(firstSampleIndex)
        }
        guard (0...SampleBlockLimits.latestAcquisitionTime).contains(acquisitionTimeNs) else {
            throw .acquisitionTimeOutOfRange(acquisitionTimeNs)
        }
        guard Self.isValid(leadName: lead) else { throw .badLeadName }
    }

    private func validateLeads() throws(SampleBlockRejection) {
        guard lead.isEmpty, counts.isEmpty, millivolts.isEmpty, !leadOff, !hasConverterRange else {
            throw .bothLeadAndLeads
        }
        guard leads.count <= SignalLimits.maximumLeads else { throw .tooManyLeads(leads.count) }
        for (number, lead) in leads.enumerated() {
            guard Self.isValid(leadName: lead.name) else { throw .badLeadName }
            guard !lead.name.isEmpty, !leads[..<number].contains(where: { $0.name == lead.name }) else {
                throw .leadNamesNotDistinct
            }
            try lead.validateSamples()
            guard lead.sampleCount == leads[0].sampleCount else { throw .leadLengthsDiffer }
        }
    }

    private static func isValid(leadName name: String) -> Bool {
        name.utf8.count <= SampleBlockLimits.maximumLeadNameLength
            && !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// Checks a block without samples, which on an acknowledged endpoint queries the stream's position.
    /// - Throws: the first reason found.
    public func validateHello() throws(SampleBlockRejection) {
        guard schemaVersion == SampleBlockLimits.schemaVersion else { throw .unknownSchemaVersion(schemaVersion) }
        guard StreamName.isValid(stream) else { throw .badStreamName }
    }

    /// Number of samples in the block, of each lead.
    public var sampleCount: Int { leads.isEmpty ? ownSampleCount : leads[0].sampleCount }
}
