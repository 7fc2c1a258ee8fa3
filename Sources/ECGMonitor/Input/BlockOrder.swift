internal import ECGLimits
internal import StateCoding

/// Puts the sample blocks of one stream in order: what is new in each block, what is missing before it, and whether
/// it belongs to this stream at all. The order is that of the sample indices; clocks play no part.
struct BlockOrder: Sendable, Codable, RangeChecked {
    /// How to handle a sample block that was not rejected.
    struct Admission: Equatable {
        /// Samples at the start of the block that were received before.
        var duplicates = 0
        /// Samples missing between the last one and this block.
        var gap: Int64 = 0
        /// Whether this is the stream's very first block.
        var isFirst = false
        var sessionChanged = false
        /// Whether the sampling rate or the leads changed within the session.
        var signalChanged = false
    }

    /// A rate that differs from the session's by less than this is the same rate, measured again by the source.
    static let rateTolerance = 0.01

    private(set) var hasStarted = false
    private(set) var session: UInt64 = 0
    /// The next expected sample.
    private(set) var nextIndex: Int64 = 0
    private(set) var samplingRate: Double = 0
    private(set) var lead = ""
    /// Names of the other leads of a stream of several.
    private(set) var furtherLeads: [String] = []

    var isInRange: Bool {
        let rateIsRight = !hasStarted || MonitorConfiguration.supportedSamplingRates.contains(samplingRate)
        return (0...SignalLimits.sampleIndexEnd).contains(nextIndex) && rateIsRight
            && lead.utf8.count <= SignalLimits.maximumLeadNameLength && furtherLeads.count < SignalLimits.maximumLeads
            && furtherLeads.allSatisfy { $0.utf8.count <= SignalLimits.maximumLeadNameLength }
    }

    /// - Throws: why the block is rejected.
    func check(_ block: SampleBlock, limits: MonitorConfiguration) throws(BlockRejection) {
        let count = block.millivolts.count
        guard count > 0 else { throw .emptySegment }
        guard block.totalSampleCount <= limits.maximumBlockSamples else { throw .tooManySamples }
        guard MonitorConfiguration.supportedSamplingRates.contains(block.samplingRate) else {
            throw .samplingRateOutOfRange
        }
        let first = block.firstSampleIndex
        guard first >= 0, first <= SignalLimits.sampleIndexEnd - Int64(count) else { throw .indexOutOfRange }
        guard block.lead.utf8.count <= SignalLimits.maximumLeadNameLength else { throw .leadNameTooLong }

        try Self.check(block.furtherLeads, beside: block)

        guard hasStarted, block.session == session else {
            // Each acquisition restart has a larger session number, so a smaller one is a late message from an
            // earlier session.
            guard !hasStarted || block.session > session else { throw .staleSession }
            return
        }
        let ahead = first - nextIndex
        let jump = limits.maximumIndexJumpSeconds * block.samplingRate
        guard Double(-ahead) <= jump else { throw .indexTooFarBehind }
        guard Double(ahead) <= jump else { throw .indexTooFarAhead }
    }

    private static func check(_ further: [LeadSamples], beside block: SampleBlock) throws(BlockRejection) {
        guard !further.isEmpty else { return }
        guard further.count < SignalLimits.maximumLeads else { throw .tooManyLeads }
        guard !block.lead.isEmpty else { throw .leadNamesNotDistinct }
        for (number, lead) in further.enumerated() {
            guard lead.millivolts.count == block.millivolts.count else { throw .leadLengthsDiffer }
            guard lead.lead.utf8.count <= SignalLimits.maximumLeadNameLength else { throw .leadNameTooLong }
            guard !lead.lead.isEmpty, lead.lead != block.lead,
                !further[..<number].contains(where: { $0.lead == lead.lead })
            else { throw .leadNamesNotDistinct }
        }
    }

    private func hasSameLeads(_ block: SampleBlock) -> Bool {
        guard block.lead == lead, block.furtherLeads.count == furtherLeads.count else { return false }
        for index in furtherLeads.indices where block.furtherLeads[index].lead != furtherLeads[index] { return false }
        return true
    }

    /// How many samples are missing before a block that has been checked; 0 or less if none are.
    func samplesMissing(before block: SampleBlock) -> Int64 {
        hasStarted && block.session == session ? block.firstSampleIndex - nextIndex : 0
    }

    /// Whether a block that has been checked ends the session.
    func endsSession(_ block: SampleBlock) -> Bool { hasStarted && block.session != session }

    /// Accepts a block that has been checked, and sets `samplingRate` to the rate at which it is read.
    mutating func admit(_ block: SampleBlock) -> Admission {
        let count = block.millivolts.count
        guard hasStarted, block.session == session else {
            let admission = Admission(isFirst: !hasStarted, sessionChanged: hasStarted)
            hasStarted = true
            session = block.session
            adopt(block, startsSession: true)
            return admission
        }
        let ahead = block.firstSampleIndex - nextIndex
        if ahead + Int64(count) <= 0 { return Admission(duplicates: count) }
        let admission = Admission(
            duplicates: Int(max(0, -ahead)), gap: max(0, ahead),
            signalChanged: !isSameRate(block.samplingRate) || !hasSameLeads(block))
        adopt(block)
        return admission
    }

    private func isSameRate(_ rate: Double) -> Bool { abs(rate - samplingRate) <= Self.rateTolerance * samplingRate }

    private mutating func adopt(_ block: SampleBlock, startsSession: Bool = false) {
        nextIndex = block.firstSampleIndex + Int64(block.millivolts.count)
        if startsSession || !isSameRate(block.samplingRate) { samplingRate = block.samplingRate }
        guard !hasSameLeads(block) else { return }
        lead = block.lead
        furtherLeads = block.furtherLeads.map(\.lead)
    }
}
