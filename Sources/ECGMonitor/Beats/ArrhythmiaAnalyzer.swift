internal import ECGATKGAN
internal import ECGClassification
internal import ECGSignal
internal import StateCoding

/// Stage 2 for one stream: processes the signal events of stage 1 with the classes of their beats and decides every
/// monitor event. Its state consists of small values only; it has no clock.
struct ArrhythmiaAnalyzer: Sendable, Codable {
    private var interruptionHoldSeconds: Double
    private var statusIntervalSeconds: Double

    private var alerts: AlertManager
    private var asystoleAndPause: AsystoleAndPauseRule
    private var rateRule: RateRule
    private var ectopy: EctopyRules
    private var patterns: VentricularPatternRule
    private var burden: VentricularBurdenRule
    private var ventricularRhythm: VentricularRhythmAlertRule
    var atrialFibrillation: AtrialFibrillationRule
    private var signal: SignalAlertRule
    private var leads = LeadAlertRule()
    private var observation = ObservationRule()
    private var suspicion: AttackSuspicionRule
    private var replay = ReplayRule()
    private var signalChange = SignalChangeRule()
    private var sourceClock = SourceClockRule()
    private var usualBeats = UsualBeats()
    private var heartRate = HeartRate()
    /// Gives each beat its final class.
    var beats = BeatResolver()
    /// Number of the lead in which the last beat was classified, in a stream of several.
    private var classifiedLead: UInt8 = 0

    private var state = MonitorState.learning
    /// R peak of the previous beat in the same segment of detection, whether or not its class is final.
    private var lastBeat: Int64?
    /// Where the signal stopped being observable; nil while it is observable.
    private var interruptedSince: Int64?
    /// Start of the current uninterrupted observable signal; nil while the signal is not observable.
    private var seenSince: Int64?
    /// Unobserved seconds of the session, so far and up to the last beat.
    private var unobserved: Double = 0
    private var unobservedAtBeat: Double = 0
    /// The interruption has lasted so long that everything known about the patient was discarded.
    private var gaveUp = false
    private var lastStatus: Int64 = 0
    /// The unobserved part of an interval may hide a beat if it is longer than a QRS complex, in s, and exceeds this
    /// share of the interval.
    private static let hiddenBeatSeconds = 0.12
    private static let hiddenBeatShare = 0.15
    /// Pulses of a pacemaker in this session, and the time at which the last of them was known.
    private var pacingPulses: Int64 = 0
    private var lastPacingPulse: Int64?
    private var isPaced = false
    /// A patient is paced if there was a pulse within the last minute.
    private static let pacedSeconds = 60.0
    /// The last status reported, so that it is not repeated for the same sample.
    private var lastReported: Reported?

    private struct Reported: Sendable, Equatable, Codable {
        var index: Int64
        var state: MonitorState
        var condition: SignalCondition
    }

    init(_ configuration: MonitorConfiguration) {
        interruptionHoldSeconds = configuration.interruptionHoldSeconds
        statusIntervalSeconds = configuration.statusIntervalSeconds
        alerts = AlertManager(configuration)
        asystoleAndPause = AsystoleAndPauseRule(configuration)
        rateRule = RateRule(configuration)
        ectopy = EctopyRules(configuration)
        patterns = VentricularPatternRule(configuration)
        burden = VentricularBurdenRule(configuration)
        ventricularRhythm = VentricularRhythmAlertRule(configuration)
        atrialFibrillation = AtrialFibrillationRule(configuration)
        signal = SignalAlertRule(configuration)
        suspicion = AttackSuspicionRule(configuration.suspicion)
    }

    /// - Parameters:
    ///   - windows: windows of the beats in `signalEvents`, 280 values each.
    ///   - classifications: classification of each of these windows on its own.
    ///   - contextual: the contextual classifier, which combines each window's classification with rhythm and patient
    ///     context; if nil, the window's classification is final.
    ///   - gradient: of the network's loss; if nil, no attack is suspected.
    ///   - events: decided events are appended.
    mutating func process(
        _ signalEvents: [SignalEvent], windows: [Float], _ classifications: UnsafeBufferPointer<BeatClassification>,
        contextual: ContextualClassifier?, gradient: LossGradient? = nil, events: inout [MonitorEvent]
    ) {
        swap(&alerts.events, &events)
        for signalEvent in signalEvents {
            if beats.isWaiting { release(before: signalEvent, windows, contextual) }
            alerts.now.sampleIndex = signalEvent.sampleIndex
            alerts.now.decidedAt = signalEvent.decidedAt
            alerts.now.time = signalEvent.time
            unobserved = signalEvent.unobservedSeconds
            switch signalEvent.content {
            case .sessionStarted(let session): begin(session, at: signalEvent.sampleIndex)
            case .segmentStarted(let rate): beginSegment(at: signalEvent.sampleIndex, rate)
            case .segmentEnded(let observable): endSegment(at: signalEvent.sampleIndex, observable: observable)
            case .signalChanged(let rate):
                changeRate(to: rate)
                // The same beats have a different morphology in another lead.
                beats.forget()
                leads.forget(alerts: &alerts)
                atrialFibrillation.reset()
                usualBeats.forget()
                signalChange.reset(alerts: &alerts)
            case .gap(let count, let isBridged): gap(count, from: signalEvent.sampleIndex, isBridged: isBridged)
            case .condition(let condition): change(to: condition, since: signalEvent.sampleIndex)
            case .ventricularRhythm(let finding, let confidence):
                ventricularRhythm.change(
                    to: finding, at: signalEvent.sampleIndex, confidence: confidence, alerts: &alerts)
                ectopy.waveformHoldsTachycardia = ventricularRhythm.holdsTachycardia
            case .beat(var finding):
                if finding.window != nil, finding.lead != classifiedLead { change(toLead: finding.lead) }
                if signal.condition == .good, !finding.isPartlyBridged, finding.window != nil {
                    let known = finding.window.flatMap { gradient?.knowing(window: Int($0), classifications[Int($0)]) }
                    finding.deviation = deviation(of: finding, in: windows, known)
                }
                receive(finding, finding.window.map { classifications[Int($0)] }, windows, contextual, signalEvent)
            case .clock(let evidence):
                sourceClock.clock(at: signalEvent.sampleIndex, time: signalEvent.time, alerts: &alerts)
                clock(at: signalEvent.sampleIndex, evidence)
            case .leads(let names): leads.begin(names, alerts: &alerts)
            case .leadConditions(let conditions):
                leads.change(to: conditions, at: signalEvent.sampleIndex, alerts: &alerts)
                writeStatus(at: signalEvent.sampleIndex, leadChange: leads.changes)
            case .rhythmEstimate: break
            case .sessionEnded: end(at: signalEvent.sampleIndex)
            }
            if alerts.pause.needsReport { reportPause(at: signalEvent.decidedAt) }
        }
        swap(&alerts.events, &events)
    }

    /// Heap memory, in bytes.
    var heapBytes: Int { beats.heapBytes + leads.heapBytes + replay.heapBytes }

    // MARK: Session, segment, signal

    private mutating func begin(_ session: UInt64, at index: Int64) {
        alerts.now.session = session
        alerts.startNumbering()
        unobservedAtBeat = 0
        seenSince = nil
        (pacingPulses, lastPacingPulse, isPaced) = (0, nil, false)
        forgetPatient()
        sourceClock.reset(alerts: &alerts)
        signal.begin(at: index)
        leads = LeadAlertRule()
        observation.begin(at: index)
        interruptedSince = index
        gaveUp = true
        state = .learning
        lastStatus = index
        lastReported = nil
    }

    private mutating func end(at index: Int64) {
        for kind in AlertKind.allCases { alerts.end(kind, .sessionEnded, at: index) }
        withdrawSuspicion(at: index)
        withdrawReplay(at: index)
        state = .ended
        writeStatus(at: index)
    }

    private mutating func beginSegment(at index: Int64, _ rate: Double) {
        changeRate(to: rate)
        let isAfterInterruption = interruptedSince != nil
        if let since = interruptedSince {
            giveUpIfDue(since: since, at: index)
            interruptedSince = nil
        }
        gaveUp = false
        if seenSince == nil { seenSince = index }
        asystoleAndPause.signalBegan(at: index, unobserved: unobserved, isAfterInterruption: isAfterInterruption)
        state = .learning
        writeStatus(at: index)
    }

    private mutating func endSegment(at index: Int64, observable: Bool) {
        lastBeat = nil
        state = .learning
        ectopy.cut(lowPriority: allowsLowPriority, alerts: &alerts)
        patterns.cut()
        burden.cut()
        ventricularRhythm.cut()
        beats.interrupt()
        if !observable {
            asystoleAndPause.signalEnded(
                at: index, unobserved: unobserved, noisy: signal.condition == .noisy, alerts: &alerts)
            seenSince = nil
            if interruptedSince == nil { interruptedSince = index }
        }
    }

    private mutating func gap(_ count: Int64, from index: Int64, isBridged: Bool) {
        if !isBridged { interruptedSince = min(interruptedSince ?? index, index) }
        signal.gap(count, from: index, alerts: &alerts)
        let status = Status(
            condition: signal.condition, conditionSinceSampleIndex: signal.since,
            state: isBridged ? state : .learning,
            heartRate: heartRate.beatsPerMinute, gap: Gap(firstMissingSampleIndex: index, missingSampleCount: count),
            pause: alerts.currentPause, leads: leads.statuses, pacingPulses: pacingPulses, isPaced: isPaced)
        alerts.write(.status(status), at: index)
        if let since = interruptedSince { giveUpIfDue(since: since, at: index + count) }
    }

    private mutating func change(to condition: SignalCondition, since index: Int64) {
        signal.change(to: condition, since: index, alerts: &alerts)
        writeStatus(at: index)
    }

    /// After a long interruption, nothing previously known about the patient can be relied on.
    private mutating func giveUpIfDue(since: Int64, at index: Int64) {
        guard !gaveUp, alerts.now.seconds(from: since, to: index) >= interruptionHoldSeconds else { return }
        gaveUp = true
        for kind in AlertKind.allCases where kind.priority != .technical {
            alerts.end(kind, .signalInterrupted, at: since)
        }
        withdrawSuspicion(at: since, .signalInterrupted)
        forgetPatient()
    }

    private mutating func forgetPatient() {
        lastBeat = nil
        asystoleAndPause.forget()
        heartRate.reset()
        ectopy.reset()
        patterns.cut()
        burden.reset()
        ventricularRhythm.reset()
        atrialFibrillation.reset()
        suspicion.reset()
        signalChange.reset(alerts: &alerts)
        usualBeats.forget()
        beats.forget()
    }

    // MARK: Time

    private mutating func clock(at index: Int64, _ evidence: WaveformEvidence) {
        let becamePaced = followPacing(evidence.pacingPulses, at: index)
        let isTooInterrupted = observation.clock(
            at: index, unobserved: unobserved, seenSince: seenSince, now: alerts.now)
        signal.clock(
            at: index, isTooInterrupted: isTooInterrupted, missedShare: observation.missedShare, alerts: &alerts)
        leads.clock(at: index, alerts: &alerts)
        alerts.clock(at: index)
        ventricularRhythm.clock(at: index, beatsShowTachycardia: ectopy.isInVentricularRun, alerts: &alerts)
        ectopy.waveformHoldsTachycardia = ventricularRhythm.holdsTachycardia
        ectopy.follow(evidence)
        if let since = interruptedSince {
            giveUpIfDue(since: since, at: index)
        } else {
            asystoleAndPause.clock(
                at: index, unobserved: unobserved, meanInterval: heartRate.meanInterval,
                noisy: signal.condition == .noisy, swing: evidence.swing,
                isVentricular: ventricularRhythm.isShown, isStimulated: isStimulating(at: index), alerts: &alerts)
            if alerts.isActive(.asystole) { heartRate.reset() }
        }
        ectopy.clock(at: index, alerts: &alerts)
        patterns.clock(at: index, alerts: &alerts)
        burden.clock(at: index, alerts: &alerts)
        atrialFibrillation.clock(at: index, alerts: &alerts)
        if becamePaced || alerts.now.seconds(from: lastStatus, to: index) >= statusIntervalSeconds {
            writeStatus(at: index)
        }
    }

    /// - Parameter pulses: pulses of a pacemaker in the session so far.
    /// - Returns: whether the patient has just turned out to be paced, or no longer paced.
    private mutating func followPacing(_ pulses: Int64, at index: Int64) -> Bool {
        if pulses > pacingPulses { lastPacingPulse = index }
        pacingPulses = pulses
        let wasPaced = isPaced
        isPaced = lastPacingPulse.map { alerts.now.seconds(from: $0, to: index) <= Self.pacedSeconds } ?? false
        return isPaced != wasPaced
    }

    /// Whether the pacemaker stimulated within the last three seconds.
    private func isStimulating(at index: Int64) -> Bool {
        lastPacingPulse.map { alerts.now.seconds(from: $0, to: index) <= 3 } ?? false
    }

    private mutating func writeStatus(at index: Int64, pauseChange: UInt32 = 0, leadChange: UInt32 = 0) {
        lastStatus = max(lastStatus, index)
        let reported = Reported(index: index, state: state, condition: signal.condition)
        if lastReported == reported, pauseChange == 0, leadChange == 0 { return }
        lastReported = reported
        let status = Status(
            condition: signal.condition, conditionSinceSampleIndex: signal.since, state: state,
            heartRate: heartRate.beatsPerMinute, pause: alerts.currentPause, pauseChange: pauseChange,
            leads: leads.statuses, leadChange: leadChange, pacingPulses: pacingPulses, isPaced: isPaced)
        alerts.write(.status(status), at: index)
    }

    /// A pause has begun or ended: every subscriber must be notified at once.
    private mutating func reportPause(at index: Int64) {
        alerts.pauseWasReported()
        writeStatus(at: index, pauseChange: alerts.pause.changes)
    }

    /// Beats are now classified in another lead. The contextual classifier has templates for each lead; what else
    /// compares waveforms begins anew.
    private mutating func change(toLead lead: UInt8) {
        classifiedLead = lead
        atrialFibrillation.reset()
        usualBeats.forget()
        signalChange.reset(alerts: &alerts)
    }

    /// Converts all sample counts to the new rate.
    private mutating func changeRate(to rate: Double) {
        guard rate != alerts.now.samplingRate else { return }
        alerts.changeRate(to: rate)
        burden.reset()
        sourceClock.reset(alerts: &alerts)
    }

    // MARK: Beats

    /// Noise produces false beats, most of them ectopic, so no low-priority alert is raised in noise. Grave alerts
    /// still are, because fibrillation looks like noise too.
    private var allowsLowPriority: Bool { !isNoisy }

    /// Follows the noisy-signal alert, which outlasts individual bursts of noise.
    private var isNoisy: Bool { alerts.isActive(.noisySignal) }

    /// Receives a beat, with its class unless that has to wait for the next beat.
    private mutating func receive(
        _ finding: BeatFinding, _ answer: BeatClassification?, _ windows: [Float], _ contextual: ContextualClassifier?,
        _ signalEvent: SignalEvent
    ) {
        let index = signalEvent.sampleIndex
        let interval = lastBeat.flatMap {
            seenInterval(from: $0, to: index, unobserved: finding.unobservedSeconds)
        }
        lastBeat = index
        unobservedAtBeat = finding.unobservedSeconds
        asystoleAndPause.beat(at: index, unobserved: finding.unobservedSeconds, alerts: &alerts)
        atrialFibrillation.see(finding, in: windows)
        let resolved = beats.receive(
            finding, answer, windows: windows, classifier: contextual, interval: interval,
            isNoisy: signal.condition != .good, now: alerts.now)
        if let resolved { beat(resolved) }
    }

    /// The interval between two beats, in s; nil if so much of it was unobserved that another beat may lie in
    /// between.
    private func seenInterval(from first: Int64, to last: Int64, unobserved: Double) -> Double? {
        let seconds = alerts.now.seconds(from: first, to: last)
        let missed = max(0, unobserved - unobservedAtBeat)
        return missed > max(Self.hiddenBeatSeconds, Self.hiddenBeatShare * seconds) ? nil : seconds
    }

    /// Reports the pending beat if the signal event resolves it.
    private mutating func release(
        before signalEvent: SignalEvent, _ windows: [Float], _ contextual: ContextualClassifier?
    ) {
        let resolved = beats.release(
            before: signalEvent, windows: windows, classifier: contextual, lastBeat: lastBeat, now: alerts.now)
        guard let resolved else { return }
        alerts.now.decidedAt = signalEvent.decidedAt
        alerts.now.sampleIndex = resolved.sampleIndex
        alerts.now.time = resolved.time
        beat(resolved)
    }

    /// Handles a beat whose class is final, or that will never get one.
    private mutating func beat(_ resolved: ResolvedBeat) {
        let (finding, classification, interval) = (resolved.finding, resolved.classification, resolved.interval)
        let index = resolved.sampleIndex
        alerts.write(
            .beat(
                Beat(
                    beatClass: classification?.beatClass, notClassifiedBecause: finding.notClassifiedBecause,
                    probabilities: classification?.probabilities ?? .zero,
                    attackSuspicion: classification?.attackSuspicion ?? 0, agreement: finding.deviation?.agreement,
                    rrIntervalSeconds: interval, amplitudeMillivolts: finding.amplitude,
                    foundBySearchBack: finding.foundBySearchBack, lead: leads.name(finding.lead),
                    pacing: finding.pacing)),
            at: index)
        let isQuiet = allowsLowPriority
        burden.beat(
            classification?.beatClass, at: index, interval: interval, meanInterval: heartRate.meanInterval,
            lowPriority: isQuiet, alerts: &alerts)
        if let interval { heartRate.add(interval: interval) }
        alerts.doubtsBeats = isNoisy && !heartRate.isSteady
        if let beatClass = classification?.beatClass {
            ectopy.beat(beatClass, at: index, lowPriority: allowsLowPriority, alerts: &alerts)
            patterns.beat(beatClass, at: index, lowPriority: allowsLowPriority, alerts: &alerts)
        }
        if let interval, let rate = heartRate.beatsPerMinute {
            rateRule.beat(at: index, rate: rate, interval: interval, alerts: &alerts)
        }
        atrialFibrillation.beat(
            classification?.beatClass, at: index, interval: interval, heartRate: heartRate.beatsPerMinute,
            isQuiet: isQuiet, alerts: &alerts)
        followReplay(replay.beat(interval: interval, height: finding.amplitude), at: index)
        if let classification, let deviation = finding.deviation {
            usualBeats.note(classification.beatClass, of: deviation)
            signalChange.beat(fineNoise: deviation.fineNoise, at: index, alerts: &alerts)
            if let agreement = deviation.agreement {
                suspect(
                    .init(agreement: agreement, attackSuspicion: classification.attackSuspicion), at: index)
            }
        }
        if state == .learning {
            state = .monitoring
            writeStatus(at: index)
        }
    }

    // MARK: Commands

    /// Applies an operator's command as of the last sample processed.
    /// - Parameters:
    ///   - index: the last sample processed; `time` is when it was acquired.
    ///   - policy: sets how long pauses may last.
    mutating func apply(
        _ command: AlarmCommand, at index: Int64, time: Int64, policy: AlarmPolicy, events: inout [MonitorEvent]
    ) -> AlarmCommandOutcome {
        setNow(index, time)
        swap(&alerts.events, &events)
        var outcome = AlarmCommandOutcome(result: .done, session: alerts.now.session, appliedAtSampleIndex: index)
        switch command.action {
        case _ where !AlarmCommand.isValid(name: command.by):
            outcome.result = .invalid("by must hold 1 to \(AlarmCommand.maximumNameLength) printable characters")
        case .acknowledge(let kind, let number):
            outcome.acknowledged = alerts.acknowledge(kind, number: number, by: command.by)
            if outcome.acknowledged == 0 { outcome.result = .nothingToDo }
        case .pause(let kind, let seconds):
            let seconds = seconds ?? policy.pauseSeconds
            if !(seconds >= 1) {
                outcome.result = .invalid("a pause lasts a second at least")
            } else if seconds > policy.maximumPauseSeconds {
                outcome.result = .tooLong(limit: policy.maximumPauseSeconds)
            } else {
                alerts.beginPause(kind, seconds: seconds, by: command.by)
            }
        case .resume:
            if !alerts.endPause() { outcome.result = .nothingToDo }
        case .list: break
        }
        if alerts.pause.needsReport { reportPause(at: index) }
        outcome.alerts = alerts.activeAlerts
        outcome.pause = alerts.currentPause
        swap(&alerts.events, &events)
        return outcome
    }

    /// Applies new limits after the last sample processed. Counts in progress continue. The limits of stage 1 and of
    /// attack suspicion do not change.
    mutating func configure(
        _ configuration: MonitorConfiguration, at index: Int64, time: Int64, events: inout [MonitorEvent]
    ) {
        setNow(index, time)
        swap(&alerts.events, &events)
        setLimits(configuration)
        swap(&alerts.events, &events)
    }

    /// Applies limits that are already in force again, because decoded state may contain anything.
    mutating func restoreLimits(_ configuration: MonitorConfiguration) {
        setLimits(configuration)
        alerts.events = []
    }

    private mutating func setLimits(_ configuration: MonitorConfiguration) {
        interruptionHoldSeconds = configuration.interruptionHoldSeconds
        statusIntervalSeconds = configuration.statusIntervalSeconds
        alerts.configure(configuration)
        asystoleAndPause.configure(configuration)
        rateRule.configure(configuration)
        ectopy.configure(configuration)
        patterns.configure(configuration)
        burden.configure(configuration)
        ventricularRhythm.configure(configuration)
        atrialFibrillation.configure(configuration)
        signal.configure(configuration)
    }

    private mutating func setNow(_ index: Int64, _ time: Int64) {
        alerts.now.sampleIndex = index
        alerts.now.decidedAt = index
        alerts.now.time = time
    }

    // MARK: Attack

    private mutating func deviation(
        of finding: BeatFinding, in windows: [Float], _ gradient: LossGradient?
    ) -> BeatDeviation? {
        let place = finding.windowPlace
        // Annotated beats have classes, but no windows (`ReferenceAlerts`).
        guard place.upperBound <= windows.count else { return nil }
        return windows.withUnsafeBufferPointer { windows in
            windows.baseAddress.flatMap {
                usualBeats.compare($0 + place.lowerBound, range: finding.windowRange, gradient: gradient)
            }
        }
    }

    private mutating func suspect(_ measures: AttackSuspicionRule.Measures, at index: Int64) {
        switch suspicion.step(measures, sampleIndex: index) {
        case .raised:
            writeSuspicion(active: true, at: index)
            let first = suspicion.firstSampleIndex
            let text = suspicionText
            alerts.start(.attackSuspected, onset: first, beatCount: suspicion.suspectedBeats, text: text)
        case .withdrawn:
            writeSuspicion(active: false, at: index)
            alerts.end(.attackSuspected, .cleared, at: suspicion.lastSampleIndex)
        case nil:
            guard suspicion.isActive else { return }
            let text = suspicionText
            alerts.update(.attackSuspected, beatCount: suspicion.suspectedBeats, text: text)
        }
    }

    private var suspicionText: String {
        "tampering suspected, \(suspicion.suspectedBeats) beats, score \(fixed(Double(suspicion.score), decimals: 2))"
    }

    private mutating func writeSuspicion(active: Bool, at index: Int64) {
        let extent = Suspicion(
            cause: .perturbation, active: active, score: suspicion.score, beatsConsidered: suspicion.beatsConsidered,
            firstSampleIndex: suspicion.firstSampleIndex, lastSampleIndex: suspicion.lastSampleIndex)
        alerts.write(.suspicion(extent), at: index)
    }

    private mutating func withdrawSuspicion(at index: Int64, _ cause: AlertEnd = .sessionEnded) {
        guard suspicion.isActive else { return }
        writeSuspicion(active: false, at: index)
        alerts.end(.attackSuspected, cause, at: index)
        suspicion.reset()
    }

    // MARK: Replay

    private mutating func followReplay(_ change: ReplayRule.Change?, at index: Int64) {
        let first = max(0, index - Int64(replay.extent.seconds * alerts.now.samplingRate))
        let text = replayText
        switch change {
        case .raised:
            writeReplay(active: true, first: first, at: index)
            alerts.start(.replaySuspected, onset: first, beatCount: replay.extent.beats, text: text)
        case .withdrawn:
            writeReplay(active: false, first: first, at: index)
            alerts.end(.replaySuspected, .cleared, at: index)
        case nil:
            guard replay.isActive else { return }
            alerts.update(.replaySuspected, beatCount: replay.extent.beats, text: text)
        }
    }

    private var replayText: String {
        "ECG repeats what was received \(fixed(replay.extent.secondsAgo, decimals: 0)) s before, "
            + "\(replay.extent.beats) beats"
    }

    private mutating func writeReplay(active: Bool, first: Int64, at index: Int64) {
        let suspicion = Suspicion(
            cause: .replay, active: active, score: min(1, Float(replay.extent.evidence) / Float(ReplayRule.maximumBitsShown)),
            beatsConsidered: replay.extent.beats, firstSampleIndex: first, lastSampleIndex: index)
        alerts.write(.suspicion(suspicion), at: index)
    }

    private mutating func withdrawReplay(at index: Int64) {
        guard replay.endSession() else { return }
        writeReplay(active: false, first: index, at: index)
        alerts.end(.replaySuspected, .sessionEnded, at: index)
    }
}
