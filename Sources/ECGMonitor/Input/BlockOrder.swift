internal import ECGLimits
internal import StateCoding

/// Puts the segments of one stream in order: what is new in each, what is missing before it, and whether it belongs
/// here at all. The order is the sample index's; clocks have no say.
struct BlockOrder: Sendable, Codable, RangeChecked {
    /// What is to be done with a segment that is not refused.
    struct Admission: Equatable {
        /// Samples at its front that came before.
        var duplicates = 0
        /// Samples missing between the last one and this segment.
        var gap: Int64 = 0
        /// The stream's very first segment.
        var isFirst = false
        var sessionChanged = false
        /// Another sampling rate or lead within the session.
        var signalChanged = false
    }

    /// A rate that differs by less from the session's is the same rate, measured anew by its source.
    static let rateTolerance = 0.01

    private(set) var hasStarted = false
    private(set) var session: UInt64 = 0
    /// The sample that is expected next.
    private(set) var nextIndex: Int64 = 0
    private(set) var samplingRate: Double = 0
    private(set) var lead = ""

    var isInRange: Bool {
        let rateIsRight = !hasStarted || MonitorConfiguration.supportedSamplingRates.contains(samplingRate)
        return (0...SignalLimits.sampleIndexEnd).contains(nextIndex) && rateIsRight
            && lead.utf8.count <= SignalLimits.maximumLeadNameLength
    }

    /// - Throws: why the segment is refused.
    func check(_ block: SampleBlock, limits: MonitorConfiguration) throws(BlockRejection) {
        let count = block.millivolts.count
        guard count > 0 else { throw .emptySegment }
        guard count <= limits.maximumBlockSamples else { throw .tooManySamples }
        guard MonitorConfiguration.supportedSamplingRates.contains(block.samplingRate) else {
            throw .samplingRateOutOfRange
        }
        let first = block.firstSampleIndex
        guard first >= 0, first <= SignalLimits.sampleIndexEnd - Int64(count) else { throw .indexOutOfRange }
        guard block.lead.utf8.count <= SignalLimits.maximumLeadNameLength else { throw .leadNameTooLong }

        guard hasStarted, block.session == session else {
            // A restart of the acquisition counts up, so a smaller number is a late message of a run that is over.
            guard !hasStarted || block.session > session else { throw .staleSession }
            return
        }
        let ahead = first - nextIndex
        let jump = limits.maximumIndexJumpSeconds * block.samplingRate
        guard Double(-ahead) <= jump else { throw .indexTooFarBehind }
        guard Double(ahead) <= jump else { throw .indexTooFarAhead }
    }

    /// How many samples are missing before a segment that has been checked; 0 or less: none.
    func samplesMissing(before block: SampleBlock) -> Int64 {
        hasStarted && block.session == session ? block.firstSampleIndex - nextIndex : 0
    }

    /// Whether a segment that has been checked ends the session.
    func endsSession(_ block: SampleBlock) -> Bool { hasStarted && block.session != session }

    /// Takes a block that has been checked. `samplingRate` is then the rate that it is read with.
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
            signalChanged: !isSameRate(block.samplingRate) || block.lead != lead)
        adopt(block)
        return admission
    }

    private func isSameRate(_ rate: Double) -> Bool { abs(rate - samplingRate) <= Self.rateTolerance * samplingRate }

    private mutating func adopt(_ block: SampleBlock, startsSession: Bool = false) {
        nextIndex = block.firstSampleIndex + Int64(block.millivolts.count)
        if startsSession || !isSameRate(block.samplingRate) { samplingRate = block.samplingRate }
        if lead != block.lead { lead = block.lead }
    }
}
