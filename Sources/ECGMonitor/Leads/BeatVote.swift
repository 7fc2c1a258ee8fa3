internal import ECGSignal
internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// Decides whether what some of the leads have shown is a beat.
///
/// What all voting leads show is one. What only some show is weighed by a logistic regression over both sides:
///
/// - how far the signal rises at that place, in the leads that call it a beat and in those that do not, each against
///   its own usual beat;
/// - how far the usual beats of each side stand out from what lies between them;
/// - how such beats of the same lead turned out before. Two beats that all leads show tell that afterwards: if they are
///   one usual interval apart, whatever came between them was none;
/// - what share of the patient's beats each side has shown lately, and the time since the last beat;
/// - which side has the first lead: the source puts the best one there.
///
/// The weights were fitted to the two leads of mitdb, svdb, qtdb and nstdb. Docs/signal.md has the figures, by records
/// and databases held out.
struct BeatVote: Sendable, Codable, RangeChecked {
    /// After this many seconds without a beat, one voting lead is enough: nothing that may be a beat is held back when
    /// the question is whether the heart stands still.
    static let maximumDoubt = 1.5
    /// Longest distance, in s, of two beats that all leads show from which doubtful ones between them are judged.
    private static let maximumJudgedInterval = 4.0
    /// Up to this many usual intervals there is no room for a beat between; from the second on there is for one.
    private static let withoutRoom: Float = 1.35
    private static let withRoom: Float = 1.6

    /// A beat that only noisy leads show comes no earlier than this share of the usual interval.
    private static let earliestSteady = 0.8

    /// The usual interval between beats, in s; nil if unknown.
    var usualInterval: Double? { intervals.median.map { Double($0) } }

    /// R peak of the last accepted beat, source rate.
    private(set) var lastBeat: Int64?
    /// The same of the last beat that all voting leads have shown.
    private var lastUnanimous: Int64?
    /// Whether some leads have shown a beat since then.
    private var hasDoubtful = false
    /// The intervals between accepted beats, and between unanimous ones with nothing doubtful between them, in s.
    private var intervals = RecentValues()
    private var clearIntervals = RecentValues()

    var isInRange: Bool { (lastBeat ?? 0) > -1_000_000 && (lastUnanimous ?? 0) > -1_000_000 }

    /// - Parameters:
    ///   - beat: at least one lead has shown it.
    ///   - voters: the leads that count.
    ///   - classified: the lead in which beats are classified.
    /// - Returns: the R peak, source rate, as in the lead in which beats are classified; nil: it is no beat.
    mutating func decide(
        _ beat: PendingVote, voters: [Int], classified: Int, _ states: inout [LeadState], _ leads: [SignalProcessor],
        samplingRate: Double
    ) -> Int64? {
        // No lead votes where all are learning.
        let voters = voters.isEmpty ? beat.sightings.map(\.lead) : voters
        var yes = beat.sightings.filter { voters.contains($0.lead) }
        let isSteadyInNoise = yes.isEmpty
        if isSteadyInNoise {
            yes = beat.sightings.filter { states[$0.lead].isOn && states[$0.lead].isSteady }
            let seconds = lastBeat.map { Double(beat.rPeak - $0) / samplingRate }
            if let seconds, let usualInterval, seconds < Self.earliestSteady * usualInterval { return nil }
        }
        guard let shown = yes.first(where: { $0.lead == classified }) ?? yes.first else { return nil }
        let rPeak = shown.rPeak - Int64(states[shown.lead].offset.rounded())
        // A beat that a lead finds late, by searching back, cannot come before one that has been told.
        if let lastBeat, rPeak <= lastBeat { return nil }
        let swings = voters.map { lead in
            (lead: lead, swing: leads[lead].swing(around: rPeak + Int64(states[lead].offset.rounded())))
        }
        // A lead that stands still at that place, its amplifier at the limit, says nothing about it.
        let no = swings.filter { lead, swing in
            guard !beat.isSeen(in: lead) else { return false }
            guard let swing, let rest = states[lead].restSwings.median else { return true }
            return swing >= Self.minimumMotion * rest
        }.map(\.lead)
        if voters.count > 1, !isSteadyInNoise {
            if no.isEmpty {
                judgeDoubtful(&states, at: rPeak, samplingRate: samplingRate)
            } else {
                hasDoubtful = true
                for lead in yes.map(\.lead) { states[lead].doubtfulBeats = min(states[lead].doubtfulBeats + 1, 1_000) }
            }
        }
        let interval = lastBeat.map { Double(rPeak - $0) / samplingRate }
        let isBeat =
            no.isEmpty || isSteadyInNoise || (interval ?? .infinity) >= Self.maximumDoubt
            || evidence(yes, no, swings, states, interval: Float(interval ?? 1)) > 0
        guard isBeat else { return nil }
        learn(yes, swings, classified, &states, leads, rPeak, interval)
        return rPeak
    }

    /// Judges the doubtful beats between the last two that all leads have shown.
    private mutating func judgeDoubtful(_ states: inout [LeadState], at rPeak: Int64, samplingRate: Double) {
        defer {
            lastUnanimous = rPeak
            hasDoubtful = false
            for lead in states.indices { states[lead].doubtfulBeats = 0 }
        }
        guard let lastUnanimous else { return }
        let seconds = Double(rPeak - lastUnanimous) / samplingRate
        guard seconds < Self.maximumJudgedInterval else { return }
        guard hasDoubtful else { return clearIntervals.add(Float(seconds)) }
        guard let usual = clearIntervals.median, usual > 0 else { return }
        let ratio = Float(seconds) / usual
        for lead in states.indices where states[lead].doubtfulBeats > 0 {
            let hasRoom = ratio > Self.withRoom && Float(states[lead].doubtfulBeats) <= ratio.rounded() - 1
            states[lead].follow(wereBeats: ratio < Self.withoutRoom ? false : hasRoom ? true : nil)
        }
    }

    private mutating func learn(
        _ yes: [PendingVote.Sighting], _ swings: [(lead: Int, swing: Float?)], _ classified: Int,
        _ states: inout [LeadState], _ leads: [SignalProcessor], _ rPeak: Int64, _ interval: Double?
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
        _ yes: [PendingVote.Sighting], _ no: [Int], _ swings: [(lead: Int, swing: Float?)], _ states: [LeadState],
        interval: Float
    ) -> Float {
        /// The rise of the signal against that of the lead's usual beat.
        func height(_ lead: Int) -> Float {
            let swing = swings.first { $0.lead == lead }?.swing
            guard let usual = states[lead].beatSwings.median, let swing else { return 0 }
            return max(Self.minimumHeightRatio, logf((swing + 0.001) / max(usual, Self.minimumSwing)))
        }
        /// The rise of its usual beat against that of the signal between beats.
        func clarity(_ lead: Int) -> Float {
            guard let beat = states[lead].beatSwings.median, let rest = states[lead].restSwings.median else { return 1 }
            return logf(max(beat, Self.minimumSwing) / max(rest, Self.minimumSwing))
        }
        func most(_ leads: [Int], _ value: (Int) -> Float) -> Float { leads.map(value).max() ?? 0 }
        let shown = yes.map(\.lead)
        var sum = Self.intercept
        sum += (shown.min() ?? 0) < (no.min() ?? 0) ? Self.firstLead : -Self.firstLead
        sum += Self.heightShown * most(shown, height) + Self.heightSilent * most(no, height)
        sum += Self.clarityShown * most(shown, clarity) + Self.claritySilent * most(no, clarity)
        sum += Self.noiseShown * (shown.map { states[$0].noiseRatio }.min() ?? 0)
        if yes.allSatisfy(\.foundBySearchBack) { sum += Self.searchBack }
        sum += Self.relativeInterval * min(1.5, interval / (intervals.median ?? 0.8))
        sum += Self.absoluteInterval * min(0.6, interval)
        sum += Self.trustShown * most(shown) { states[$0].trust }
        sum += Self.trustSilent * (no.map { states[$0].trust }.min() ?? 0)
        sum += Self.sensitivityShown * most(shown) { states[$0].sensitivity }
        sum += Self.sensitivitySilent * most(no) { states[$0].sensitivity }
        return sum
    }

    private static let minimumHeightRatio: Float = -2.5
    /// A lead stands still where it moves by less than this share of what it usually does between beats.
    private static let minimumMotion: Float = 0.2
    /// mV: less than this is not measured.
    private static let minimumSwing: Float = 0.02
    private static let intercept: Float = -0.306
    /// For the side of the first lead that counts: not fitted. It costs little where the fit has seen the database, and
    /// with mitdb left out of the fit it lowers the error rate there from 0.55 % to 0.34 % (at 1).
    private static let firstLead: Float = 0.5
    private static let heightShown: Float = 0.081
    private static let heightSilent: Float = 2.099
    private static let clarityShown: Float = 0.137
    private static let claritySilent: Float = 1.076
    private static let noiseShown: Float = -1.831
    private static let searchBack: Float = -1.399
    private static let relativeInterval: Float = 0.569
    private static let absoluteInterval: Float = 5.848
    private static let trustShown: Float = 0.76
    private static let trustSilent: Float = -0.15
    private static let sensitivityShown: Float = -0.724
    private static let sensitivitySilent: Float = -1.943
}
