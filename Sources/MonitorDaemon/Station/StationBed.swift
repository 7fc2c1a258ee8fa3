import ECGATKGAN
import ECGMonitor
import ECGSignal
import MonitorWire

/// One bed as the station knows it. A value of bounded size, whatever comes.
struct StationBed {
    static let keptBeats = 300
    static let keptSuspicions = 8

    let name: String
    private(set) var ring: StripRing?
    private(set) var alarms = StationAlarms()
    private(set) var trend = StationTrend()
    /// The latest, oldest first.
    private(set) var beats: [StationMessage.Beat] = []
    private var suspected: [[Int64?]] = []
    /// What is suspected now.
    private var causes: [SuspicionCause] = []
    private var status: Status?
    private var pause: AlarmPause?
    private var limits: LimitsInForce?

    // What viewers have.
    private var sentEnd: Int64 = 0
    private var newBeats: [StationMessage.Beat] = []
    private var sentStatus: StationMessage.Status?
    private var hasNewTrend = false
    private var hasNewLimits = false
    /// Grows with each beginning of the strip.
    private var beginnings = 0
    private var sentBeginning = 0

    init(name: String) { self.name = name }

    // MARK: What comes

    mutating func take(_ block: SampleBlock, skipping skipped: Int) {
        let source = StripRing.Source(
            session: block.session, samplingRate: block.samplingRate,
            leads: [block.lead] + block.furtherLeads.map(\.lead))
        if ring?.source != source {
            alarms.keepStrips(of: ring, beats: beats, suspected: suspected)
            ring = StripRing(source, firstSample: block.firstSampleIndex + Int64(skipped))
            beats.removeAll()
            newBeats.removeAll()
            suspected.removeAll()
            beginnings += 1
        }
        ring?.append(block, skipping: skipped)
        alarms.keepStripsThatAreComplete(ring, beats: beats, suspected: suspected)
    }

    /// - Parameter now: UTC, ns since 1970.
    mutating func take(_ event: MonitorEvent, now: Int64) {
        switch event.kind {
        case .beat(let beat): take(beat, at: event)
        case .alert(let alert): alarms.take(alert, event, ring, beats: beats, suspected: suspected)
        case .suspicion(let suspicion): take(suspicion, at: event)
        case .status(let status):
            self.status = status
            pause = status.pause
        }
        trend.note(event, now: now)
    }

    private mutating func take(_ beat: Beat, at event: MonitorEvent) {
        guard let ring, event.session == ring.source.session else { return }
        let letter =
            switch beat.beatClass {
            case .normal: "N"
            case .supraventricular: "S"
            case .ventricular: "V"
            case .fusion: "F"
            case nil: "?"
            }
        let interval = Int(((beat.rrIntervalSeconds ?? 0) * 1000).rounded())
        let beat = StationMessage.Beat(
            place: ring.place(ofSample: event.sampleIndex), letter: letter, interval: min(max(interval, 0), 60_000))
        beats.append(beat)
        if beats.count > Self.keptBeats { beats.removeFirst(beats.count - Self.keptBeats) }
        newBeats.append(beat)
        if newBeats.count > Self.keptBeats { newBeats.removeFirst(newBeats.count - Self.keptBeats) }
    }

    private mutating func take(_ suspicion: Suspicion, at event: MonitorEvent) {
        causes.removeAll { $0 == suspicion.cause }
        if suspicion.active { causes.append(suspicion.cause) }
        guard let ring, event.session == ring.source.session else { return }
        let from = ring.place(ofSample: suspicion.firstSampleIndex)
        if let last = suspected.last, last.count == 2, last[1] == nil {
            suspected[suspected.count - 1] = [
                last[0], causes.isEmpty ? ring.place(ofSample: suspicion.lastSampleIndex) : nil,
            ]
        } else if suspicion.active {
            suspected.append([from, nil])
            if suspected.count > Self.keptSuspicions { suspected.removeFirst() }
        }
    }

    /// What the journal knows of the time before this station saw the bed.
    mutating func restore(_ past: StationPast) {
        alarms.restore(past.alarms)
        trend.restore(past.trend)
        hasNewTrend = true
    }

    mutating func takeStripsToStore() -> [JournaledStrip] {
        alarms.takeStripsToStore().map { JournaledStrip(stream: name, alarm: $0.alarm, body: $0.strip.stored) }
    }

    mutating func take(_ limits: LimitsInForce) {
        hasNewLimits = hasNewLimits || limits != self.limits
        self.limits = limits
    }

    /// The alarms that are on, as the monitor lists them.
    mutating func take(_ outcome: AlarmCommandOutcome) {
        alarms.take(outcome, ring)
        pause = outcome.pause
    }

    // MARK: What viewers get

    /// What has changed since the last call; from then on it is known.
    mutating func takeChange() -> StationMessage.BedChange {
        var change = StationMessage.BedChange(name: name)
        let status = currentStatus
        if status != sentStatus {
            change.status = status
            sentStatus = status
        }
        change.strip = newStrip(leads: 1)
        if !newBeats.isEmpty { change.beats = newBeats }
        return change
    }

    /// To be called when every viewer has been given what is new.
    mutating func forgetChanges() {
        if let ring {
            sentEnd = ring.end
            sentBeginning = beginnings
        }
        newBeats.removeAll()
        alarms.forgetChanges()
        (hasNewTrend, hasNewLimits) = (false, false)
    }

    /// All leads of what is new, for those who have opened the bed.
    func detail(withTrend: Bool) -> StationMessage.Detail? {
        let strip = newStrip(leads: .max)
        let history = alarms.hasNewHistory ? alarms.history : nil
        let withTrend = withTrend || hasNewTrend
        guard strip != nil || history != nil || withTrend || hasNewLimits else { return nil }
        return StationMessage.Detail(
            bed: name, strip: strip ?? [], trend: withTrend ? trend.rates : nil,
            intervalTrend: withTrend ? trend.intervals : nil, history: history,
            limits: hasNewLimits ? limits.map { StationMessage.Limits($0) } : nil)
    }

    private func newStrip(leads: Int) -> [StationMessage.Stretch]? {
        guard let ring else { return nil }
        let from = max(sentBeginning == beginnings ? sentEnd : ring.first, ring.first)
        guard from < ring.end else { return nil }
        return [stretch(ring, from..<ring.end, leads: leads)]
    }

    /// Everything, for a viewer who has nothing.
    func whole(stripSeconds: Double) -> StationMessage.BedChange {
        var change = StationMessage.BedChange(name: name, status: currentStatus)
        if let strip = latest(seconds: stripSeconds, leads: 1) {
            change.strip = [strip]
            change.beats = beats.filter { $0.place >= strip.first }
        }
        return change
    }

    /// Everything of a bed that is opened.
    func opened() -> StationMessage.Bed {
        StationMessage.Bed(
            bed: name, strip: latest(seconds: 20, leads: .max).map { [$0] } ?? [], trend: trend.rates,
            intervalTrend: trend.intervals,
            intervals: beats.filter { $0.interval > 0 }.map { .init(letter: $0.letter, milliseconds: $0.interval) },
            history: alarms.history, limits: limits.map { StationMessage.Limits($0) })
    }

    /// The strip around an alarm; nil: none is kept.
    func strip(ofAlarm id: String) -> StationMessage.Strip? {
        alarms.strip(ofAlarm: id, of: ring, beats: beats, suspected: suspected)?.message(bed: name, alarm: id)
    }

    private func latest(seconds: Double, leads: Int) -> StationMessage.Stretch? {
        guard let ring, ring.first < ring.end else { return nil }
        let from = max(ring.first, ring.end - Int64(seconds * ring.rate))
        return stretch(ring, from..<ring.end, leads: leads)
    }

    private func stretch(_ ring: StripRing, _ range: Range<Int64>, leads: Int) -> StationMessage.Stretch {
        StationMessage.Stretch(
            first: range.lowerBound,
            leads: (0..<min(leads, ring.leadCount)).map { .init(values: ring.values(ofLead: $0, range)) })
    }

    private var currentStatus: StationMessage.Status {
        StationMessage.Status(
            session: ring.map { "\($0.source.session)" } ?? "", rate: ring?.rate ?? 0, leads: leads,
            heartRate: status?.heartRate.map { ($0 * 10).rounded() / 10 },
            condition: status?.condition.contractName ?? "", state: status?.state.contractName ?? "",
            rhythm: rhythm, paced: status?.isPaced ?? false,
            suspicions: causes.map { $0 == .replay ? "replay" : "attack" }, suspected: suspected,
            pause: pause.map {
                .init(
                    kind: $0.kind == .audio ? "audio" : "alarm", seconds: $0.remainingSeconds.rounded(), by: $0.by)
            },
            alarms: alarms.on)
    }

    private var leads: [StationMessage.Lead] {
        if let leads = status?.leads, !leads.isEmpty {
            return leads.map { .init(name: $0.name, condition: $0.condition.contractName, words: $0.condition.words) }
        }
        return ring?.source.leads.map { .init(name: $0, condition: "", words: "") } ?? []
    }

    /// The rhythm by the alarms that are on; without one, what can be said.
    private var rhythm: String {
        if let kind = alarms.rhythm { return kind.name }
        guard let status else { return "" }
        switch (status.state, status.condition) {
        case (.ended, _): return "ended"
        case (.learning, _): return "learning the signal"
        case (.monitoring, .good): return status.isPaced ? "paced, no rhythm alarm" : "no rhythm alarm"
        case (.monitoring, _): return "rhythm not known"
        }
    }
}

extension SignalCondition {
    /// For a display.
    fileprivate var words: String {
        switch self {
        case .good: "good"
        case .leadOff: "lead off"
        case .flatLine: "flat line"
        case .saturation: "saturated"
        case .invalidSamples: "invalid samples"
        case .noisy: "noisy"
        }
    }
}
