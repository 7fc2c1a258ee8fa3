internal import StateCoding

/// Puts the segments of one stream in order: what is new in each, what is missing before it, and whether it belongs
/// here at all. The order is the sample index's; clocks have no say.
struct SegmentOrder: Sendable, Codable, RangeChecked {
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

    /// Largest sample index: beyond it a Double no longer holds every whole number.
    static let largestIndex: Int64 = 1 << 53
    static let longestLeadName = 32

    private(set) var hasStarted = false
    private(set) var session: UInt64 = 0
    /// The sample that is expected next.
    private(set) var nextIndex: Int64 = 0
    private(set) var samplingRate: Double = 0
    private(set) var lead = ""

    var isInRange: Bool {
        let rateIsRight = !hasStarted || MonitorConfiguration.supportedSamplingRates.contains(samplingRate)
        return (0...Self.largestIndex).contains(nextIndex) && rateIsRight && lead.utf8.count <= Self.longestLeadName
    }

    /// - Throws: why the segment is refused.
    func check(_ segment: SampleSegment, limits: MonitorConfiguration) throws(SegmentRejection) {
        let count = segment.millivolts.count
        guard count > 0 else { throw .emptySegment }
        guard count <= limits.maximumSegmentSamples else { throw .tooManySamples }
        guard MonitorConfiguration.supportedSamplingRates.contains(segment.samplingRate) else {
            throw .samplingRateOutOfRange
        }
        let first = segment.firstSampleIndex
        guard first >= 0, first <= Self.largestIndex - Int64(count) else { throw .indexOutOfRange }
        guard segment.lead.utf8.count <= Self.longestLeadName else { throw .leadNameTooLong }

        guard hasStarted, segment.session == session else {
            // A restart of the acquisition counts up, so a smaller number is a late message of a run that is over.
            guard !hasStarted || segment.session > session else { throw .staleSession }
            return
        }
        let ahead = first - nextIndex
        let jump = limits.maximumIndexJumpSeconds * segment.samplingRate
        guard Double(-ahead) <= jump else { throw .indexTooFarBehind }
        guard Double(ahead) <= jump else { throw .indexTooFarAhead }
    }

    /// How many samples are missing before a segment that has been checked; 0 or less: none.
    func samplesMissing(before segment: SampleSegment) -> Int64 {
        hasStarted && segment.session == session ? segment.firstSampleIndex - nextIndex : 0
    }

    /// Whether a segment that has been checked ends the session.
    func endsSession(_ segment: SampleSegment) -> Bool { hasStarted && segment.session != session }

    /// Takes a segment that has been checked.
    mutating func admit(_ segment: SampleSegment) -> Admission {
        let count = segment.millivolts.count
        guard hasStarted, segment.session == session else {
            let admission = Admission(isFirst: !hasStarted, sessionChanged: hasStarted)
            hasStarted = true
            session = segment.session
            adopt(segment)
            return admission
        }
        let ahead = segment.firstSampleIndex - nextIndex
        if ahead + Int64(count) <= 0 { return Admission(duplicates: count) }
        let admission = Admission(
            duplicates: Int(max(0, -ahead)), gap: max(0, ahead),
            signalChanged: segment.samplingRate != samplingRate || segment.lead != lead)
        adopt(segment)
        return admission
    }

    private mutating func adopt(_ segment: SampleSegment) {
        nextIndex = segment.firstSampleIndex + Int64(segment.millivolts.count)
        if samplingRate != segment.samplingRate { samplingRate = segment.samplingRate }
        if lead != segment.lead { lead = segment.lead }
    }
}
