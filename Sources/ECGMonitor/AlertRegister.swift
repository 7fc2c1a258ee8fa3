internal import ECGSignal

/// When and where stage 2 stands: what every event needs besides its payload.
struct Moment: Sendable {
    var session: UInt64
    /// What the mark is about, source rate.
    var sampleIndex: Int64
    /// The sample that decided it, source rate.
    var decidedAt: Int64
    /// When `sampleIndex` was taken; 0: unknown.
    var time: Int64
    var samplingRate: Double

    func event(_ kind: MonitorEvent.Kind, at index: Int64) -> MonitorEvent {
        let time = AcquisitionClock.advance(time, bySamples: index - sampleIndex, 1e9 / samplingRate)
        return MonitorEvent(
            session: session, sampleIndex: index, decidedAtSampleIndex: decidedAt, acquisitionTimeNanoseconds: time,
            kind: kind)
    }

    /// Seconds of signal from one sample to another.
    func seconds(from first: Int64, to last: Int64) -> Double { Double(last - first) / samplingRate }
}

/// Which alerts are active, and the writing of all events. An alert starts once and ends once, whatever its rule says
/// again and again, and its updates keep their distance.
struct AlertRegister: Sendable {
    /// The mark that is being decided.
    var now = Moment(session: 0, sampleIndex: 0, decidedAt: 0, time: 0, samplingRate: InternalSampling.rate)
    /// Where events go. The caller's own array stands here while the marks are walked, so that nothing is copied.
    var events: [MonitorEvent] = []

    /// The signal is noisy and the intervals are odd, as those of beats are that noise imitates: then neither tachycardia
    /// nor a run of V beats starts. What may be fibrillation does.
    var doubtsBeats = false

    private struct Entry {
        /// How many of this kind the session has had.
        var number: UInt32 = 0
        var isActive = false
        var onset: Int64 = 0
        /// The decision of its last event, source rate.
        var lastEvent: Int64 = 0
        var beatCount: Int32 = 0
    }

    private static let kinds = AlertKind.allCases.count
    private var entries = InlineArray<15, Entry>(repeating: Entry())
    private let updateSeconds: Double

    init(updateSeconds: Double) {
        self.updateSeconds = updateSeconds
    }

    /// A session begins, and the numbers with it. Active alerts have been ended.
    mutating func startNumbering() { entries = InlineArray(repeating: Entry()) }

    /// An event that is not an alert.
    mutating func write(_ kind: MonitorEvent.Kind, at index: Int64) { events.append(now.event(kind, at: index)) }

    func isActive(_ kind: AlertKind) -> Bool { entries[Int(kind.rawValue)].isActive }

    /// Where the condition of the active alert began.
    func onset(_ kind: AlertKind) -> Int64 { entries[Int(kind.rawValue)].onset }

    /// Starts an alert; nothing happens if it is active already.
    ///
    /// - Parameter text: one line, with the figures.
    mutating func start(
        _ kind: AlertKind, onset: Int64, heartRate: Double? = nil, beatCount: Int = 0, text: @autoclosure () -> String
    ) {
        let slot = Int(kind.rawValue)
        guard !entries[slot].isActive, !(doubtsBeats && (kind == .tachycardia || kind == .ventricularRun))
        else { return }
        entries[slot].number &+= 1
        entries[slot].isActive = true
        entries[slot].onset = onset
        entries[slot].lastEvent = now.decidedAt
        entries[slot].beatCount = Int32(clamping: beatCount)
        append(kind, .started, at: onset, nil, heartRate, beatCount, text())
    }

    /// Tells that an active alert goes on with other figures, if the last event about it is long enough ago.
    mutating func update(
        _ kind: AlertKind, heartRate: Double? = nil, beatCount: Int = 0, text: @autoclosure () -> String
    ) {
        let slot = Int(kind.rawValue)
        guard entries[slot].isActive else { return }
        entries[slot].beatCount = Int32(clamping: beatCount)
        guard now.seconds(from: entries[slot].lastEvent, to: now.decidedAt) >= updateSeconds else { return }
        entries[slot].lastEvent = now.decidedAt
        append(kind, .updated, at: now.sampleIndex, nil, heartRate, beatCount, text())
    }

    /// Ends an alert; nothing happens if it is not active.
    ///
    /// - Parameter index: the sample at which the condition ended.
    mutating func end(
        _ kind: AlertKind, _ cause: AlertEnd, at index: Int64, heartRate: Double? = nil
    ) {
        let slot = Int(kind.rawValue)
        guard entries[slot].isActive else { return }
        entries[slot].isActive = false
        let seconds = now.seconds(from: entries[slot].onset, to: index)
        let reason =
            switch cause {
            case .cleared: "over"
            case .shadowed: "replaced by a graver alert"
            case .signalInterrupted: "no longer watched: the signal is interrupted"
            case .sessionEnded: "no longer watched: the session ended"
            }
        append(
            kind, .ended, at: index, cause, heartRate, Int(entries[slot].beatCount),
            "\(kind.name) \(reason) after \(fixed(seconds, decimals: 1)) s")
    }

    private mutating func append(
        _ kind: AlertKind, _ phase: AlertPhase, at index: Int64, _ cause: AlertEnd?, _ heartRate: Double?,
        _ beatCount: Int, _ text: String
    ) {
        let entry = entries[Int(kind.rawValue)]
        let alert = Alert(
            kind: kind, phase: phase, priority: kind.priority, number: entry.number, endedBecause: cause,
            onsetSampleIndex: entry.onset, durationSeconds: now.seconds(from: entry.onset, to: now.decidedAt),
            heartRate: heartRate, beatCount: beatCount, text: text)
        write(.alert(alert), at: index)
    }
}

/// A number with fixed decimals and a point, whatever the locale.
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
