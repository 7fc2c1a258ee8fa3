internal import ECGSignal
internal import StateCoding

/// Makes one sequence of signal events out of those of several leads.
///
/// **Which leads count.** While any lead is good, only the good ones; else, while any is noisy, the noisy ones. A lead
/// that is off, flat, saturated or not a number never counts.
///
/// **Beats.** R peaks within 150 ms of each other are one beat. A beat that all counting leads show is decided at once,
/// any other `waitSeconds` after the first lead has shown it (`BeatVote`). Its window is that of the first counting
/// lead in the source's order, cut where the others found it if need be, so that classes and templates do not mix
/// leads. After trouble a lead is classified in again once it has been good for `returnSeconds`.
///
/// **Noise.** A noisy lead that goes on showing beats at the usual intervals is believed while the good leads are
/// silent: a good lead may have lost the beats, and peaks of noise come at any time.
///
/// **Silence.** A beat in any counting lead counts against asystole: if nothing has been accepted for
/// `BeatVote.maximumDoubt`, one lead is enough.
///
/// **Signal.** The stream has a segment while any lead has one; its condition is the best of the leads' conditions.
///
/// Events are processed in the order of the samples that decided them, so they do not depend on how the samples were
/// divided into blocks.
struct LeadFusion: Sendable, Codable, RangeChecked {
    /// R peaks of one beat lie within this many seconds.
    static let matchSeconds = 0.15
    /// Longest wait, in s, for the leads that have not shown a beat.
    static let waitSeconds = 0.15
    static let returnSeconds = 10.0

    let names: [String]
    private(set) var signalEvents: [SignalEvent] = []
    /// Windows of the beats in `signalEvents`, 280 values each, scaled.
    private(set) var windows: [Float] = []
    /// Unobserved seconds of the session, as of the last tick: those in which no lead could be observed.
    private(set) var unobserved: Double = 0

    private var states: [LeadState]
    private var pendingVotes: [PendingVote] = []
    private var vote = BeatVote()
    private var rhythm = FusedRhythm()
    private var conditions: LeadConditions
    private var condition = SignalCondition.good
    private var isOn = false
    private var samplingRate: Double = 360
    private var matchSamples: Int64 = 54
    private var waitSamples: Int64 = 54

    init(names: [String]) {
        self.names = names
        states = Array(repeating: LeadState(), count: names.count)
        conditions = LeadConditions(count: names.count)
        signalEvents.reserveCapacity(16)
    }

    var leadCount: Int { states.count }

    var isInRange: Bool {
        let count = Int32(clamping: windows.count / BeatWindow.length)
        let rates = MonitorConfiguration.supportedSamplingRates
        let eventsAreValid = signalEvents.allSatisfy { event in
            switch event.content {
            case .beat(let finding):
                (finding.window.map { (0..<count).contains($0) } ?? true) && Int(finding.lead) < states.count
            case .segmentStarted(let rate), .signalChanged(let rate): rates.contains(rate)
            case .leads(let names): names.count == states.count
            case .leadConditions(let conditions): conditions.count == states.count
            default: true
            }
        }
        return names.count == states.count && conditions.count == states.count && eventsAreValid
            && windows.count % BeatWindow.length == 0 && rates.contains(samplingRate)
            && (1...1_000).contains(matchSamples) && (1...1_000).contains(waitSamples) && unobserved >= 0
            && pendingVotes.count <= 64
            && pendingVotes.allSatisfy { $0.sightings.allSatisfy { states.indices.contains($0.lead) } }
    }

    mutating func removeSignalEventsAndWindows() {
        signalEvents.removeAll(keepingCapacity: signalEvents.capacity <= 64)
        windows.removeAll(keepingCapacity: windows.capacity <= 8 * BeatWindow.length)
    }

    var heapBytes: Int {
        signalEvents.capacity * MemoryLayout<SignalEvent>.stride + windows.capacity * MemoryLayout<Float>.stride
            + states.capacity * MemoryLayout<LeadState>.stride
            + pendingVotes.reduce(pendingVotes.capacity * MemoryLayout<PendingVote>.stride) { $0 + $1.heapBytes }
    }

    // MARK: Start and end

    /// - Parameters:
    ///   - content: what begins: a session, or another signal within one.
    ///   - earlier: pending signal events and windows, which come first.
    mutating func begin(
        _ content: SignalEvent.Content, after earlier: PendingSignal, at index: Int64, time: Int64,
        samplingRate: Double, unobserved: Double
    ) {
        let names = names
        self = LeadFusion(names: names)
        (signalEvents, windows) = (earlier.signalEvents, earlier.windows)
        self.samplingRate = samplingRate
        self.unobserved = unobserved
        matchSamples = Int64((Self.matchSeconds * samplingRate).rounded())
        waitSamples = Int64((Self.waitSeconds * samplingRate).rounded())
        rhythm.begin(at: index, samplingRate: samplingRate)
        for content in [content, .leads(names)] {
            signalEvents.append(
                SignalEvent(
                    sampleIndex: index, decidedAt: index, time: time, unobservedSeconds: unobserved, content: content))
        }
    }

    mutating func endSession(_ leads: inout [SignalProcessor], at index: Int64) {
        add(.sessionEnded, at: index, decidedAt: index, leads)
    }

    // MARK: Merging

    /// Takes the leads' pending signal events, all of which were decided by the sample `last`.
    mutating func merge(_ leads: inout [SignalProcessor], upTo last: Int64) {
        var places = [Int](repeating: 0, count: leads.count)
        let pending = leads.map { PendingSignal(signalEvents: $0.signalEvents, windows: $0.windows) }
        for lead in leads.indices { leads[lead].removeSignalEventsAndWindows() }
        while true {
            var instant = Int64.max
            for lead in leads.indices where places[lead] < pending[lead].signalEvents.count {
                instant = min(instant, pending[lead].signalEvents[places[lead]].decidedAt)
            }
            guard instant <= last else { break }
            decideOverdue(before: instant, &leads)
            process(pending, &places, at: instant, &leads)
        }
        decideOverdue(before: last + 1, &leads)
    }

    /// Processes everything that was decided at one sample.
    private mutating func process(
        _ pending: [PendingSignal], _ places: inout [Int], at instant: Int64, _ leads: inout [SignalProcessor]
    ) {
        var changes = Changes()
        for lead in states.indices {
            states[lead].hasBroken = false
            let (events, windows) = (pending[lead].signalEvents, pending[lead].windows)
            while places[lead] < events.count, events[places[lead]].decidedAt == instant {
                take(events[places[lead]], of: lead, windows, &changes)
                places[lead] += 1
            }
        }
        if isOn, !states.contains(where: { $0.isOn && !$0.hasBroken }) {
            decideAll(at: instant, &leads)
            isOn = false
            rhythm.endSegment(at: instant)
            add(.segmentEnded(observable: isObservable), at: instant, decidedAt: instant, leads)
        }
        if let gap = changes.gap {
            add(.gap(gap.count, isBridged: gap.isBridged), at: gap.first, decidedAt: instant, leads)
        }
        if !isOn, states.contains(where: \.isOn) {
            isOn = true
            add(.segmentStarted(samplingRate: samplingRate), at: instant, decidedAt: instant, leads)
            if let (finding, confidence) = rhythm.beginSegment(at: instant) {
                add(.ventricularRhythm(finding, confidence: confidence), at: instant, decidedAt: instant, leads)
            }
        }
        followConditions(changes, at: instant, leads)
        if let estimate = changes.estimate { judgeRhythm(upTo: estimate, at: instant, leads) }
        decideComplete(at: instant, &leads)
        if changes.isTick { tick(at: instant, changes.unobserved, leads) }
    }

    /// What the leads' signal events of one instant amount to.
    private struct Changes {
        var gap: (first: Int64, count: Int64, isBridged: Bool)?
        /// Where a condition changed, source rate.
        var conditionSince: Int64?
        /// The last sample that an estimate judges; set if the lead that keeps time has one.
        var estimate: Int64?
        var isTick = false
        /// Seconds since the last tick that no lead observed.
        var unobserved = Double.infinity
    }

    private mutating func take(
        _ event: SignalEvent, of lead: Int, _ windows: [Float], _ changes: inout Changes
    ) {
        switch event.content {
        case .segmentStarted: states[lead].beginSegment()
        case .segmentEnded: states[lead].endSegment()
        case .gap(let count, let isBridged):
            changes.gap = (event.sampleIndex, count, isBridged || changes.gap?.isBridged ?? false)
        case .condition(let new):
            states[lead].change(to: new, at: event.decidedAt)
            changes.conditionSince = min(changes.conditionSince ?? event.sampleIndex, event.sampleIndex)
        case .rhythmEstimate(let estimate):
            states[lead].estimate = estimate
            states[lead].estimateKnownAt = event.decidedAt
            if keepsTime(lead, at: event.decidedAt) { changes.estimate = event.sampleIndex }
        case .beat(let finding): hold(finding, of: lead, event, windows)
        case .clock(let evidence):
            changes.isTick = true
            changes.unobserved = min(changes.unobserved, max(0, event.unobservedSeconds - states[lead].unobserved))
            states[lead].unobserved = event.unobservedSeconds
            states[lead].swing = evidence.swing
            states[lead].pacingPulses = evidence.pacingPulses
        case .sessionStarted: (states[lead].unobserved, states[lead].pacingPulses) = (0, 0)
        case .ventricularRhythm, .signalChanged, .sessionEnded, .leads, .leadConditions: break
        }
    }

    private mutating func tick(at index: Int64, _ missed: Double, _ leads: [SignalProcessor]) {
        if missed.isFinite { unobserved += missed }
        var swing: Float?
        for lead in counting where states[lead].swing != nil { swing = max(swing ?? 0, states[lead].swing ?? 0) }
        let evidence = WaveformEvidence(
            ventricularProbability: swing == nil ? nil : rhythm.largestRecentProbability,
            noiseProbability: rhythm.largestRecentNoise, swing: swing,
            // A pulse shows in some leads better than in others; each lead counts the same pulses.
            pacingPulses: states.reduce(0) { max($0, $1.pacingPulses) })
        add(.clock(evidence), at: index, decidedAt: index, leads)
        if changeClassifiedLead(at: index) { add(.leadConditions(conditions), at: index, decidedAt: index, leads) }
    }

    // MARK: Conditions

    /// The leads that count: the good ones or, if there are none, the noisy ones.
    private var counting: [Int] {
        let good = states.indices.filter { states[$0].isOn && states[$0].condition == .good }
        return good.isEmpty ? states.indices.filter { states[$0].isOn } : good
    }

    /// A flat line may come from the patient.
    private var isObservable: Bool { states.contains { $0.condition == .flatLine } }

    private mutating func followConditions(_ changes: Changes, at index: Int64, _ leads: [SignalProcessor]) {
        guard let since = changes.conditionSince else {
            if changeClassifiedLead(at: index) { add(.leadConditions(conditions), at: index, decidedAt: index, leads) }
            return
        }
        let before = conditions
        for lead in states.indices { conditions[lead] = states[lead].condition }
        _ = changeClassifiedLead(at: index)
        if conditions != before { add(.leadConditions(conditions), at: index, decidedAt: index, leads) }
        let new: SignalCondition =
            if let first = counting.first {
                states[first].condition
            } else if isObservable {
                .flatLine
            } else {
                states[0].condition
            }
        guard new != condition else { return }
        condition = new
        add(.condition(new), at: since, decidedAt: index, leads)
    }

    /// Chooses the lead in which beats are classified.
    ///
    /// - Returns: whether it is another one.
    private mutating func changeClassifiedLead(at index: Int64) -> Bool {
        let counting = counting
        guard let first = counting.first, first != conditions.classified else { return false }
        let isBack =
            states[first].goodSince.map { Double(index - $0) >= Self.returnSeconds * samplingRate } ?? false
        guard isBack || !counting.contains(conditions.classified) else { return false }
        let offset = states[first].offset
        for lead in states.indices { states[lead].offset -= offset }
        conditions.classified = first
        return true
    }

    // MARK: Ventricular rhythms

    /// Whether the lead is the first of those that have judged the waveform lately: its estimates set the pace.
    private func keepsTime(_ lead: Int, at index: Int64) -> Bool {
        !states[..<lead].contains { $0.isOn && hasEstimate($0, at: index) }
    }

    private func hasEstimate(_ state: LeadState, at index: Int64) -> Bool {
        state.estimate != nil && Double(index - state.estimateKnownAt) <= FusedRhythm.maximumAge * samplingRate
    }

    private mutating func judgeRhythm(upTo sample: Int64, at index: Int64, _ leads: [SignalProcessor]) {
        // Also those of noisy leads, whose estimates say so: fibrillation looks like noise.
        let estimates = states.compactMap { $0.isOn && hasEstimate($0, at: index) ? $0.estimate : nil }
        guard !estimates.isEmpty, let change = rhythm.step(estimates, at: sample) else { return }
        add(
            .ventricularRhythm(change.finding, confidence: change.confidence),
            at: max(0, min(change.sinceIndex, index)), decidedAt: index, leads)
    }

    // MARK: Beats

    private mutating func hold(_ finding: BeatFinding, of lead: Int, _ event: SignalEvent, _ windows: [Float]) {
        states[lead].hasBeats = true
        states[lead].noiseRatio = finding.noiseRatio
        states[lead].follow(rPeak: event.sampleIndex, usual: vote.usualInterval.map { $0 * samplingRate })
        let sighting = PendingVote.Sighting(
            lead: lead, rPeak: event.sampleIndex, amplitude: finding.amplitude,
            foundBySearchBack: finding.foundBySearchBack, unobservedSeconds: finding.unobservedSeconds)
        var place: Int?
        for index in pendingVotes.indices where !pendingVotes[index].isSeen(in: lead) {
            let distance = abs(pendingVotes[index].rPeak - event.sampleIndex)
            guard distance <= matchSamples else { continue }
            if place.map({ distance < abs(pendingVotes[$0].rPeak - event.sampleIndex) }) ?? true { place = index }
        }
        if place == nil {
            // A beat that the others have shown, and that has been decided.
            if let last = vote.lastBeat, event.sampleIndex <= last + matchSamples { return }
            guard pendingVotes.count < 64 else { return }
            pendingVotes.append(PendingVote(sightings: [], due: event.decidedAt + waitSamples))
            place = pendingVotes.count - 1
        }
        guard let place else { return }
        pendingVotes[place].sightings.append(sighting)
        pendingVotes[place].pacing.add(finding.pacing)
        guard lead == conditions.classified, pendingVotes[place].finding == nil else { return }
        pendingVotes[place].finding = finding
        pendingVotes[place].finding?.lead = UInt8(lead)
        if finding.window != nil { pendingVotes[place].window = Array(windows[finding.windowPlace]) }
    }

    /// Decides the beats that all counting leads have shown.
    private mutating func decideComplete(at index: Int64, _ leads: inout [SignalProcessor]) {
        guard !pendingVotes.isEmpty else { return }
        let voters = voters
        while let place = pendingVotes.firstIndex(where: { beat in voters.allSatisfy { beat.isSeen(in: $0) } }) {
            decide(place, at: index, &leads)
        }
    }

    /// Decides the beats whose time is up before `index`.
    private mutating func decideOverdue(before index: Int64, _ leads: inout [SignalProcessor]) {
        while let place = pendingVotes.indices.min(by: { pendingVotes[$0].due < pendingVotes[$1].due }),
            pendingVotes[place].due < index
        {
            decide(place, at: pendingVotes[place].due, &leads)
        }
    }

    private mutating func decideAll(at index: Int64, _ leads: inout [SignalProcessor]) {
        while let place = pendingVotes.indices.min(by: { pendingVotes[$0].rPeak < pendingVotes[$1].rPeak }) {
            decide(place, at: index, &leads)
        }
    }

    /// The counting leads that have left their learning phase.
    private var voters: [Int] { counting.filter { states[$0].hasBeats } }

    /// Decides a beat, and before it those with an earlier R peak.
    private mutating func decide(_ place: Int, at index: Int64, _ leads: inout [SignalProcessor]) {
        let beat = pendingVotes.remove(at: place)
        while let earlier = pendingVotes.firstIndex(where: { $0.rPeak < beat.rPeak }) {
            decide(earlier, at: index, &leads)
        }
        let rPeak = vote.decide(
            beat, voters: voters, classified: conditions.classified, &states, leads, samplingRate: samplingRate)
        if let rPeak { emit(beat, rPeak, at: index, &leads) }
    }

    private mutating func emit(
        _ beat: PendingVote, _ rPeak: Int64, at index: Int64, _ leads: inout [SignalProcessor]
    ) {
        let shown = beat.sightings[0]
        var finding = beat.finding
        if finding != nil {
            if !beat.window.isEmpty {
                finding?.window = Int32(windows.count / BeatWindow.length)
                windows.append(contentsOf: beat.window)
            }
        } else {
            let lead = conditions.classified
            let place = rPeak + Int64(states[lead].offset.rounded())
            finding = leads[lead].beat(at: place, amplitude: shown.amplitude, decidedAt: index)
            if finding?.window != nil {
                finding?.window = Int32(windows.count / BeatWindow.length)
                windows.append(contentsOf: leads[lead].windows.suffix(BeatWindow.length))
                leads[lead].removeLastWindow()
            }
            finding?.lead = UInt8(lead)
            finding?.foundBySearchBack = beat.sightings.allSatisfy(\.foundBySearchBack)
        }
        var result =
            finding
            ?? BeatFinding(
                window: nil, notClassifiedBecause: .poorSignal, amplitude: shown.amplitude,
                foundBySearchBack: shown.foundBySearchBack, lead: UInt8(conditions.classified))
        // As the stream counts: what the lead has missed since, the stream has missed at most.
        let since = max(0, states[shown.lead].unobserved - shown.unobservedSeconds)
        result.unobservedSeconds = max(0, unobserved - since)
        result.pacing = beat.pacing
        add(.beat(result), at: rPeak, decidedAt: index, leads)
    }

    private mutating func add(
        _ content: SignalEvent.Content, at index: Int64, decidedAt: Int64, _ leads: [SignalProcessor]
    ) {
        signalEvents.append(
            SignalEvent(
                sampleIndex: index, decidedAt: decidedAt, time: leads[0].time(ofSample: index),
                unobservedSeconds: unobserved, content: content))
    }
}
