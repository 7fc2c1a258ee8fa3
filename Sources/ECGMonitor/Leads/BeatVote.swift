internal import ECGSignal
internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// Decides whether what some of the leads have shown is a beat.
///
/// What all voting leads show is one. What only some show is weighed by a logistic regression over both sides: how high
/// the signal rises at that place in the leads that call it a beat and in those that do not, each against its own usual
/// beat; how far the beats of each lead stand out from what lies between them; what share of the patient's beats the
/// silent leads have shown lately; and the time since the last beat.
struct BeatVote: Sendable, Codable, RangeChecked {
    /// After this many seconds without a beat, one voting lead is enough: nothing that may be a beat must be held back
    /// when the question is whether the heart stands still.
    static let longestDoubt = 1.5

    /// R peak of the last accepted beat, source rate.
    private(set) var lastBeat: Int64?
    private var intervals = RecentValues()

    var isInRange: Bool { (lastBeat ?? 0) > -1_000_000 }

    /// - Parameters:
    ///   - beat: at least one lead has shown it.
    ///   - voters: the leads that count.
    /// - Returns: the R peak, source rate, as in the lead in which beats are classified; nil: it is no beat.
    mutating func decide(
        _ beat: HeldBeat, voters: [Int], classified: Int, _ states: inout [LeadState], _ leads: [SignalProcessor],
        samplingRate: Double
    ) -> Int64? {
        // No lead votes where all are learning.
        let voters = voters.isEmpty ? beat.sightings.map(\.lead) : voters
        let yes = beat.sightings.filter { voters.contains($0.lead) }
        guard let shown = yes.first(where: { $0.lead == classified }) ?? yes.first else { return nil }
        let rPeak = shown.rPeak - Int64(states[shown.lead].offset.rounded())
        // A beat that a lead finds late, by searching back, cannot come before one that has been told.
        if let lastBeat, rPeak <= lastBeat { return nil }
        let no = voters.filter { !beat.isSeen(in: $0) }
        let swings = voters.map { (lead: $0, swing: leads[$0].swing(around: rPeak + Int64(states[$0].offset.rounded()))) }
        let interval = lastBeat.map { Double(rPeak - $0) / samplingRate }
        let isBeat =
            no.isEmpty || (interval ?? .infinity) >= Self.longestDoubt
            || evidence(yes, no, swings, states, interval: Float(interval ?? 1)) > 0
        for sighting in yes { states[sighting.lead].follow(isAccepted: isBeat) }
        guard isBeat else { return nil }
        learn(yes, swings, classified, &states, leads, rPeak, interval, samplingRate)
        return rPeak
    }

    private mutating func learn(
        _ yes: [HeldBeat.Sighting], _ swings: [(lead: Int, swing: Float?)], _ classified: Int,
        _ states: inout [LeadState], _ leads: [SignalProcessor], _ rPeak: Int64, _ interval: Double?, _ rate: Double
    ) {
        for (lead, swing) in swings {
            states[lead].follow(hasSeen: yes.contains { $0.lead == lead })
            if let swing { states[lead].beatSwings.add(swing) }
            guard let interval, interval > 0.3, interval < 3, let lastBeat else { continue }
            let middle = (rPeak + lastBeat) / 2 + Int64(states[lead].offset.rounded())
            if let swing = leads[lead].swing(around: middle) { states[lead].restSwings.add(swing) }
        }
        if let reference = yes.first(where: { $0.lead == classified })?.rPeak {
            for sighting in yes where sighting.lead != classified {
                states[sighting.lead].follow(offset: Double(sighting.rPeak - reference))
            }
        }
        if let interval, (0.2...3).contains(interval) { intervals.add(Float(interval)) }
        lastBeat = rPeak
    }

    /// Log-odds that it is a beat.
    private func evidence(
        _ yes: [HeldBeat.Sighting], _ no: [Int], _ swings: [(lead: Int, swing: Float?)], _ states: [LeadState],
        interval: Float
    ) -> Float {
        /// The rise of the signal against that of the lead's usual beat.
        func height(_ lead: Int) -> Float {
            guard let usual = states[lead].beatSwings.median, let swing = swings.first(where: { $0.lead == lead })?.swing
            else { return 0 }
            return logf((swing + 0.001) / max(usual, Self.leastSwing))
        }
        /// The rise of its usual beat against that of the signal between beats.
        func clarity(_ lead: Int) -> Float {
            guard let beat = states[lead].beatSwings.median, let rest = states[lead].restSwings.median else { return 1 }
            return logf(max(beat, Self.leastSwing) / max(rest, Self.leastSwing))
        }
        func most(_ leads: [Int], _ value: (Int) -> Float) -> Float { leads.map(value).max() ?? 0 }
        let shown = yes.map(\.lead)
        var sum = Self.intercept
        sum += Self.heightShown * most(shown, height) + Self.heightSilent * most(no, height)
        sum += Self.clarityShown * most(shown, clarity) + Self.claritySilent * most(no, clarity)
        sum += Self.noiseShown * (shown.map { states[$0].noiseRatio }.min() ?? 0)
        if yes.allSatisfy(\.foundBySearchBack) { sum += Self.searchBack }
        sum += Self.relativeInterval * min(1.5, interval / (intervals.median ?? 0.8))
        sum += Self.absoluteInterval * min(0.6, interval)
        sum += Self.sensitivityShown * most(shown) { states[$0].sensitivity }
        sum += Self.precisionShown * most(shown) { states[$0].precision }
        sum += Self.sensitivitySilent * most(no) { states[$0].sensitivity }
        sum += Self.precisionSilent * most(no) { states[$0].precision }
        return sum
    }

    /// mV: less than this is not measured.
    private static let leastSwing: Float = 0.02
    private static let intercept: Float = -5.28
    private static let heightShown: Float = 0.35
    private static let heightSilent: Float = 1.81
    private static let clarityShown: Float = 0.42
    private static let claritySilent: Float = 0.39
    private static let noiseShown: Float = -0.44
    private static let searchBack: Float = -1.08
    private static let relativeInterval: Float = 1.29
    private static let absoluteInterval: Float = 4.75
    private static let sensitivityShown: Float = -1.25
    private static let precisionShown: Float = 4.77
    private static let sensitivitySilent: Float = -1.79
    private static let precisionSilent: Float = 1.76
}
