import ECGMonitor
import MonitorWire

/// The alarms of one bed: those that are on, and the latest that began, each with the strip around its beginning.
struct StationAlarms {
    static let keptAlarms = 32
    private static let mostOn = 64
    /// Before and after an alarm's beginning.
    static let stripSeconds = 10.0
    /// Of a stream of more leads the first are kept.
    static let keptLeads = 3
    /// Beats are decided after their samples have come: so much later a strip is taken from the ring.
    private static let beatDelaySeconds = 3.0

    private struct Past {
        var alarm: StationMessage.PastAlarm
        /// Of the ring that the alarm lies in.
        var source: StripRing.Source
        var range: Range<Int64>
        var onset: Int64
        var strip: StoredStrip?
        /// All that will ever come of the strip has come.
        var isComplete: Bool
    }

    private var alerts: [String: Alert] = [:]
    private var past: [Past] = []
    private(set) var hasNewHistory = false
    /// Ids of those whose strips the journal does not have as they are.
    private var toStore: Set<String> = []

    /// Every alarm has one: as long as it lives.
    static func id(_ alert: Alert, session: UInt64) -> String {
        "\(session)/\(alert.kind.contractName)/\(alert.number)" + (alert.basis == .wallClock ? "/clock" : "")
    }

    // MARK: What comes

    mutating func take(
        _ alert: Alert, _ event: MonitorEvent, _ ring: StripRing?, beats: [StationMessage.Beat], suspected: [[Int64?]]
    ) {
        let id = Self.id(alert, session: event.session)
        if alert.phase == .ended {
            alerts[id] = nil
        } else {
            alerts[id] = alert
            // A monitor has one of each kind and basis at most.
            if alerts.count > Self.mostOn, let oldest = alerts.keys.min() { alerts[oldest] = nil }
        }
        if let place = past.firstIndex(where: { $0.alarm.id == id }) {
            let before = past[place].alarm
            past[place].alarm.text = alert.text
            past[place].alarm.end = Self.end(alert)
            if past[place].alarm != before { hasNewHistory = true }
        } else if alert.phase == .started {
            begin(alert, id, event, ring)
            guard let ring else { return }
            // The daemon may end before the rest has come.
            past[0].strip = strip(past[0], ring, beats, suspected)
            if past[0].strip != nil { toStore.insert(id) }
        }
    }

    /// - Parameter ring: nil: no samples have come, so there will be no strip.
    private mutating func begin(_ alert: Alert, _ id: String, _ event: MonitorEvent, _ ring: StripRing?) {
        var alarm = StationMessage.PastAlarm(
            id: id, kind: alert.kind.contractName, priority: alert.priority.contractName, text: alert.text,
            time: event.acquisitionTimeNanoseconds / 1_000_000, end: "", hasStrip: true)
        hasNewHistory = true
        defer { if past.count > Self.keptAlarms { past.removeLast() } }
        guard let ring, ring.source.session == event.session else {
            alarm.hasStrip = false
            return past.insert(
                Past(
                    alarm: alarm, source: .init(session: 0, samplingRate: 0, leads: []), range: 0..<0, onset: 0,
                    isComplete: true), at: 0)
        }
        // A condition that has lasted for long when it is found is shown where it was found.
        let onset = ring.place(ofSample: alert.onsetSampleIndex)
        let found = ring.place(ofSample: event.decidedAtSampleIndex)
        let reach = Int64(Self.stripSeconds * ring.rate)
        let middle = onset - reach >= ring.first || found - onset <= reach ? onset : found - reach / 2
        past.insert(
            Past(alarm: alarm, source: ring.source, range: max(0, middle - reach)..<(middle + reach), onset: onset,
                isComplete: false),
            at: 0)
    }

    // MARK: The journal

    /// Puts the alarms that the journal knows after those that began since.
    /// - Parameter alarms: the newest first.
    mutating func restore(_ alarms: [(alarm: StationMessage.PastAlarm, strip: StoredStrip?)]) {
        for (alarm, strip) in alarms {
            if let place = past.firstIndex(where: { $0.alarm.id == alarm.id }) {
                // Made again from samples that were sent again.
                if past[place].alarm.time == 0 { past[place].alarm.time = alarm.time }
                past[place].strip = past[place].strip?.filled(from: strip) ?? strip
                past[place].alarm.hasStrip = past[place].alarm.hasStrip || strip != nil
                continue
            }
            guard past.count < Self.keptAlarms else { break }
            var alarm = alarm
            if alarm.end.isEmpty, alerts[alarm.id] == nil { alarm.end = "over" }
            past.append(
                Past(
                    alarm: alarm, source: strip?.source ?? .init(session: 0, samplingRate: 0, leads: []),
                    range: (strip?.from ?? 0)..<(strip?.until ?? 0), onset: strip?.onset ?? 0, strip: strip,
                    isComplete: strip == nil))
        }
        hasNewHistory = true
    }

    /// Strips that have come, or come further, since the last call.
    mutating func takeStripsToStore() -> [(alarm: String, strip: StoredStrip)] {
        guard !toStore.isEmpty else { return [] }
        defer { toStore.removeAll() }
        return past.compactMap { past in
            guard toStore.contains(past.alarm.id), let strip = past.strip else { return nil }
            return (past.alarm.id, strip)
        }
    }

    private static func end(_ alert: Alert) -> String {
        guard alert.phase == .ended else { return alert.isLatched ? "over, not acknowledged" : "" }
        return switch alert.endedBecause {
        case .cleared, nil: "over"
        case .shadowed: "a graver one took its place"
        case .signalInterrupted: "signal interrupted"
        case .sessionEnded: "session ended"
        case .acknowledged: "over, acknowledged"
        case .switchedOff: "switched off"
        }
    }

    /// Those that are on, as the monitor lists them.
    mutating func take(_ outcome: AlarmCommandOutcome, _ ring: StripRing?) {
        alerts.removeAll()
        for alert in outcome.alerts { alerts[Self.id(alert, session: outcome.session)] = alert }
        for place in past.indices where past[place].alarm.end.isEmpty && alerts[past[place].alarm.id] == nil {
            past[place].alarm.end = "over"
            hasNewHistory = true
        }
    }

    // MARK: Strips

    /// Takes the strips out of the ring that have come in full, with their beats.
    mutating func keepStripsThatAreComplete(
        _ ring: StripRing?, beats: [StationMessage.Beat], suspected: [[Int64?]]
    ) {
        guard let ring else { return }
        let delay = Int64(Self.beatDelaySeconds * ring.rate)
        for place in past.indices
        where !past[place].isComplete && past[place].source == ring.source
            && past[place].range.upperBound + delay <= ring.end
        {
            keep(place, ring, beats, suspected)
        }
    }

    /// Takes what there is of them, before the ring goes.
    mutating func keepStrips(of ring: StripRing?, beats: [StationMessage.Beat], suspected: [[Int64?]]) {
        guard let ring else { return }
        for place in past.indices where !past[place].isComplete && past[place].source == ring.source {
            keep(place, ring, beats, suspected)
        }
    }

    private mutating func keep(
        _ place: Int, _ ring: StripRing, _ beats: [StationMessage.Beat], _ suspected: [[Int64?]]
    ) {
        let before = past[place].strip
        past[place].strip = strip(past[place], ring, beats, suspected)
        past[place].isComplete = true
        if past[place].strip == nil { past[place].alarm.hasStrip = false }
        if past[place].strip != before { toStore.insert(past[place].alarm.id) }
    }

    private func strip(
        _ past: Past, _ ring: StripRing, _ beats: [StationMessage.Beat], _ suspected: [[Int64?]]
    ) -> StoredStrip? {
        let range = past.range.clamped(to: ring.first..<ring.end)
        guard !range.isEmpty else { return past.strip }
        // What has not come, or is not kept any more, is a hole.
        let before = Array(repeating: StripDecimator.none, count: Int(range.lowerBound - past.range.lowerBound))
        let after = Array(repeating: StripDecimator.none, count: Int(past.range.upperBound - range.upperBound))
        let strip = StoredStrip(
            ring.source, rate: ring.rate, range: past.range, onset: past.onset,
            values: (0..<min(Self.keptLeads, ring.leadCount)).map { before + ring.values(ofLead: $0, range) + after },
            beats: beats.filter { range.contains($0.place) },
            suspected: suspected.filter { ($0[0] ?? 0) < range.upperBound && ($0[1] ?? .max) >= range.lowerBound })
        return strip.filled(from: past.strip)
    }

    /// The strip around an alarm, as far as it has come; nil: none is kept.
    func strip(
        ofAlarm id: String, of ring: StripRing?, beats: [StationMessage.Beat], suspected: [[Int64?]]
    ) -> StoredStrip? {
        guard let past = past.first(where: { $0.alarm.id == id }) else { return nil }
        guard !past.isComplete, let ring, ring.source == past.source else { return past.strip }
        return strip(past, ring, beats, suspected)
    }

    // MARK: What viewers get

    /// Not acknowledged before acknowledged, then by priority, then by kind and number.
    var on: [StationMessage.Alarm] {
        let sorted = alerts.sorted { a, b in
            let (isOpenA, isOpenB) = (a.value.acknowledgedBy == nil, b.value.acknowledgedBy == nil)
            if isOpenA != isOpenB { return isOpenA }
            if a.value.priority != b.value.priority { return a.value.priority.rawValue > b.value.priority.rawValue }
            return a.key < b.key
        }
        return sorted.prefix(Self.keptAlarms).map { id, alert in
            StationMessage.Alarm(
                id: id, kind: alert.kind.contractName, name: alert.kind.name, number: alert.number,
                priority: alert.priority.contractName, text: alert.text, acknowledgedBy: alert.acknowledgedBy,
                isLatched: alert.isLatched)
        }
    }

    /// The gravest rhythm that an alarm tells of now.
    var rhythm: AlertKind? {
        let kinds = Set(alerts.values.filter { !$0.isLatched }.map(\.kind))
        return Self.rhythms.first { kinds.contains($0) }
    }

    private static let rhythms: [AlertKind] = [
        .ventricularFibrillation, .asystole, .ventricularTachycardia, .extremeBradycardia, .extremeTachycardia,
        .idioventricularRhythm, .supraventricularTachycardia, .ventricularRun, .atrialFibrillation, .bigeminy,
        .trigeminy, .supraventricularRun, .bradycardia, .tachycardia,
    ]

    /// The newest first.
    var history: [StationMessage.PastAlarm] { past.map(\.alarm) }

    mutating func forgetChanges() { hasNewHistory = false }
}
