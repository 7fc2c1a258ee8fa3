internal import ECGSignal
internal import StateCoding

/// The current time and position of stage 2: everything an event needs besides its payload.
struct Moment: Sendable, Codable, RangeChecked {
    var session: UInt64
    /// The sample that the signal event is about, source rate.
    var sampleIndex: Int64
    /// The sample that decided it, source rate.
    var decidedAt: Int64
    /// When `sampleIndex` was acquired; 0 if unknown.
    @FullRange var time: Int64
    var samplingRate: Double

    var isInRange: Bool { samplingRate >= 1 && samplingRate <= MonitorConfiguration.supportedSamplingRates.upperBound }

    func event(_ kind: MonitorEvent.Kind, at index: Int64) -> MonitorEvent {
        let time = AcquisitionClock.advance(time, bySamples: index - sampleIndex, 1e9 / samplingRate)
        return MonitorEvent(
            session: session, sampleIndex: index, decidedAtSampleIndex: decidedAt, acquisitionTimeNanoseconds: time,
            kind: kind)
    }

    /// Seconds of signal from one sample to another.
    func seconds(from first: Int64, to last: Int64) -> Double { Double(last - first) / samplingRate }
}

/// Tracks which alerts are active or latched and who has acknowledged them, and writes all events. An alert starts
/// once and ends once, however often its rule reports it, and its updates keep a minimum interval.
struct AlertManager: Sendable, Codable {
    /// The signal event being processed.
    var now = Moment(session: 0, sampleIndex: 0, decidedAt: 0, time: 0, samplingRate: InternalSampling.rate)
    /// Where events are written. The caller's own array is moved here while signal events are processed, to avoid
    /// copying.
    @Uncoded var events: [MonitorEvent] = []
    private(set) var pause = PauseState()

    /// The signal is noisy and the intervals are as irregular as those of false beats caused by noise: then neither
    /// tachycardia nor a run of V beats starts. Possible fibrillation does.
    var doubtsBeats = false

    private func isDoubtful(_ kind: AlertKind) -> Bool {
        doubtsBeats && (kind == .tachycardia || kind == .extremeTachycardia || kind == .ventricularRun)
    }

    struct Entry: Sendable, Codable {
        /// Number of alerts of this kind in the session so far.
        var number: UInt32 = 0
        /// Its condition is present.
        var isActive = false
        /// Its condition has ended, and nobody has acknowledged it.
        var isLatched = false
        /// Number of reminders since it was acknowledged.
        var reminders: UInt8 = 0
        var onset: Int64 = 0
        /// The sample that decided its last event with new figures, source rate.
        var lastEvent: Int64 = 0
        var beatCount: Int32 = 0
        var heartRate: Float?
        var acknowledgedBy: String?
        /// The sample of the acknowledgement or the last reminder, source rate.
        var remindedAt: Int64 = 0
        var text = ""
    }

    private var entries = InlineArray<27, Entry>(repeating: Entry())
    private var updateSeconds: Double
    private var policy: Policy

    /// The policy as bits, so that ten thousand streams do not each hold sets.
    private struct Policy: Sendable, Codable {
        var latching: UInt8
        var off: UInt32
        var reminderSeconds: Double
        var remindersMaximum: UInt8
        var highPriorityEndsPause: Bool

        init(_ policy: AlarmPolicy) {
            latching = policy.latching.reduce(0) { $0 | 1 << $1.rawValue }
            off = policy.off.reduce(0) { $1.cannotBeSwitchedOff ? $0 : $0 | 1 << UInt32($1.rawValue) }
            reminderSeconds = policy.reminderSeconds
            remindersMaximum = UInt8(clamping: policy.remindersMaximum)
            highPriorityEndsPause = policy.highPriorityEndsPause
        }
    }

    init(_ configuration: MonitorConfiguration) {
        precondition(AlertKind.allCases.count == entries.count, "an entry for each kind")
        updateSeconds = configuration.alertUpdateSeconds
        policy = Policy(configuration.alarms)
    }

    /// Applies new limits: alerts whose kind is now switched off end.
    mutating func configure(_ configuration: MonitorConfiguration) {
        updateSeconds = configuration.alertUpdateSeconds
        policy = Policy(configuration.alarms)
        for kind in AlertKind.allCases where isOff(kind) { end(kind, .switchedOff, at: now.decidedAt) }
    }

    /// Restarts alert numbers for a new session. Active alerts have already been ended.
    mutating func startNumbering() {
        entries = InlineArray(repeating: Entry())
        pause = PauseState()
    }

    /// Writes an event that is not an alert.
    mutating func write(_ kind: MonitorEvent.Kind, at index: Int64) { events.append(now.event(kind, at: index)) }

    /// Whether the alert's condition is present.
    func isActive(_ kind: AlertKind) -> Bool { entries[Int(kind.rawValue)].isActive }

    /// Whether any of these alerts is active.
    func isActive(anyOf kinds: AlertKind...) -> Bool { kinds.contains { isActive($0) } }

    /// Where the condition of the active alert began.
    func onset(_ kind: AlertKind) -> Int64 { entries[Int(kind.rawValue)].onset }

    private func isOff(_ kind: AlertKind) -> Bool { policy.off & 1 << UInt32(kind.rawValue) != 0 }

    private func isLatching(_ kind: AlertKind) -> Bool { policy.latching & 1 << kind.priority.rawValue != 0 }

    // MARK: Reports from the rules

    /// Starts an alert; does nothing if it is already active. For a latched alert, its condition has returned.
    ///
    /// - Parameter text: one line, including the figures.
    mutating func start(
        _ kind: AlertKind, onset: Int64, heartRate: Double? = nil, beatCount: Int = 0, text: @autoclosure () -> String
    ) {
        let slot = Int(kind.rawValue)
        guard !entries[slot].isActive, !isOff(kind), !isDoubtful(kind) else { return }
        let isBack = entries[slot].isLatched
        if !isBack {
            entries[slot].number &+= 1
            entries[slot].onset = onset
        }
        entries[slot].isActive = true
        entries[slot].isLatched = false
        entries[slot].acknowledgedBy = nil
        entries[slot].reminders = 0
        entries[slot].lastEvent = now.decidedAt
        keep(heartRate, beatCount, text(), slot)
        if kind.priority == .high, policy.highPriorityEndsPause { _ = pause.end() }
        append(
            kind, isBack ? .updated : .started, at: isBack ? now.sampleIndex : onset, nil, isBack ? .conditionBack : nil
        )
    }

    /// Reports new figures for an active alert, if the last event about it is long enough ago, or at once.
    mutating func update(
        _ kind: AlertKind, heartRate: Double? = nil, beatCount: Int = 0, atOnce: Bool = false,
        text: @autoclosure () -> String
    ) {
        let slot = Int(kind.rawValue)
        guard entries[slot].isActive else { return }
        entries[slot].beatCount = Int32(clamping: beatCount)
        guard atOnce || now.seconds(from: entries[slot].lastEvent, to: now.decidedAt) >= updateSeconds else { return }
        entries[slot].lastEvent = now.decidedAt
        keep(heartRate, beatCount, text(), slot)
        append(kind, .updated, at: now.sampleIndex, nil, .figures)
    }

    /// Its condition has ended: ends an alert, or latches it; does nothing if it is not active.
    ///
    /// A latched alert also ends when a graver alert replaces it, or when the session ends.
    /// - Parameter index: the sample at which the condition ended.
    mutating func end(_ kind: AlertKind, _ cause: AlertEnd, at index: Int64, heartRate: Double? = nil) {
        let slot = Int(kind.rawValue)
        let isOver: Bool =
            switch cause {
            case .cleared, .signalInterrupted: false
            case .shadowed, .sessionEnded, .acknowledged, .switchedOff: true
            }
        guard entries[slot].isActive || isOver && entries[slot].isLatched else { return }
        let seconds = now.seconds(from: entries[slot].onset, to: index)
        entries[slot].isActive = false
        if !isOver, isLatching(kind), entries[slot].acknowledgedBy == nil {
            entries[slot].isLatched = true
            let how = cause == .cleared ? "over" : "no longer watched"
            entries[slot].text = "\(kind.name) \(how) after \(fixed(seconds, decimals: 1)) s, not yet acknowledged"
            return append(kind, .updated, at: index, nil, .conditionOver)
        }
        entries[slot].isLatched = false
        let reason =
            switch cause {
            case .cleared: "over"
            case .shadowed: "replaced by a graver alert"
            case .signalInterrupted: "no longer watched: the signal is interrupted"
            case .sessionEnded: "no longer watched: the session ended"
            case .acknowledged: "acknowledged, its condition is over,"
            case .switchedOff: "switched off"
            }
        entries[slot].heartRate = heartRate.map { Float($0) }
        entries[slot].text = "\(kind.name) \(reason) after \(fixed(seconds, decimals: 1)) s"
        append(kind, .ended, at: index, cause, nil)
        entries[slot].text = ""
    }

    private mutating func keep(_ heartRate: Double?, _ beatCount: Int, _ text: String, _ slot: Int) {
        entries[slot].heartRate = heartRate.map { Float($0) }
        entries[slot].beatCount = Int32(clamping: beatCount)
        entries[slot].text = text
    }

    private mutating func append(
        _ kind: AlertKind, _ phase: AlertPhase, at index: Int64, _ cause: AlertEnd?, _ change: AlertChange?
    ) {
        write(.alert(alert(kind, phase, cause, change)), at: index)
    }

    private func alert(
        _ kind: AlertKind, _ phase: AlertPhase, _ cause: AlertEnd?, _ change: AlertChange?
    ) -> Alert {
        let slot = Int(kind.rawValue)
        var alert = Alert(
            kind: kind, phase: phase, priority: kind.priority, number: entries[slot].number, endedBecause: cause,
            onsetSampleIndex: entries[slot].onset,
            durationSeconds: now.seconds(from: entries[slot].onset, to: now.decidedAt),
            heartRate: entries[slot].heartRate.map { Double($0) }, beatCount: Int(entries[slot].beatCount),
            text: entries[slot].text, change: change)
        alert.acknowledgedBy = entries[slot].acknowledgedBy
        alert.isLatched = entries[slot].isLatched
        alert.paused = pause.kind
        return alert
    }

    // MARK: Operator commands

    /// - Parameters:
    ///   - kind: nil for all kinds.
    ///   - number: nil for any number.
    /// - Returns: how many active or latched alerts were newly acknowledged.
    mutating func acknowledge(_ kind: AlertKind?, number: UInt32?, by name: String) -> Int {
        var count = 0
        for candidate in AlertKind.allCases where kind == nil || kind == candidate {
            let slot = Int(candidate.rawValue)
            guard number == nil || entries[slot].number == number else { continue }
            guard entries[slot].isActive || entries[slot].isLatched, entries[slot].acknowledgedBy == nil else {
                continue
            }
            count += 1
            entries[slot].acknowledgedBy = name
            if entries[slot].isLatched {
                end(candidate, .acknowledged, at: now.sampleIndex)
            } else {
                entries[slot].remindedAt = now.decidedAt
                append(candidate, .updated, at: now.sampleIndex, nil, .acknowledged)
            }
        }
        return count
    }

    mutating func beginPause(_ kind: AlarmPause.Kind, seconds: Double, by name: String) {
        pause.begin(kind, seconds: seconds, by: name, now)
    }

    /// - Returns: whether a pause was in effect.
    mutating func endPause() -> Bool { pause.end() }

    /// Records that the change of the pause has been published.
    mutating func pauseWasReported() { pause.needsReport = false }

    /// The pause currently in effect.
    var currentPause: AlarmPause? { pause.current(now) }

    /// Active and latched alerts, gravest first.
    var activeAlerts: [Alert] {
        AlertKind.allCases.filter { entries[Int($0.rawValue)].isActive || entries[Int($0.rawValue)].isLatched }
            .map { alert($0, .updated, nil, nil) }
            .sorted { $0.priority.rawValue > $1.priority.rawValue }
    }

    /// Counts pauses down, and reminds of acknowledged alerts whose condition persists.
    mutating func clock(at index: Int64) {
        pause.endIfDue(at: index)
        guard policy.reminderSeconds > 0 else { return }
        for slot in entries.indices where entries[slot].isActive && entries[slot].acknowledgedBy != nil {
            guard entries[slot].reminders < policy.remindersMaximum,
                now.seconds(from: entries[slot].remindedAt, to: index) >= policy.reminderSeconds,
                let kind = AlertKind(rawValue: UInt8(slot)), kind.priority == .high || kind.priority == .medium
            else { continue }
            entries[slot].reminders += 1
            entries[slot].remindedAt = index
            append(kind, .updated, at: index, nil, .reminder)
        }
    }

    /// Converts indices to a new rate: the pause keeps its length in seconds.
    mutating func changeRate(to rate: Double) {
        pause.changeRate(at: now.decidedAt, from: now.samplingRate, to: rate)
        now.samplingRate = rate
    }
}

/// A number with fixed decimals and a decimal point, whatever the locale.
func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    var scale = 1
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(scaled)" }
    let fraction = "\(scaled % scale)"
    return "\(sign)\(scaled / scale)." + String(repeating: "0", count: decimals - fraction.count) + fraction
}
