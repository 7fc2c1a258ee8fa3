import ECGWire
import ToolSupport

/// What is known of a stream, for a display.
struct WatchedBed {
    let name: String
    private(set) var strip = BrailleStrip()
    private(set) var lead = ""
    private(set) var heartRate = 0.0
    private(set) var condition = WireSignalCondition.unspecified
    private(set) var hasEnded = false
    private(set) var pause: WireAlarmPause?
    /// Classes of the last beats, as letters.
    private(set) var beats: [Character] = []
    private(set) var isSuspected = false
    private var alerts: [AlertKey: WireAlert] = [:]
    private var session: UInt64 = 0

    private struct AlertKey: Hashable {
        var session: UInt64
        var kind: Int
        var basis: Int
        var number: UInt64
    }

    init(name: String) { self.name = name }

    mutating func take(_ event: WireEvent) {
        switch event.payload {
        case .waveform(let waveform):
            if event.session != session { strip.clear() }
            session = event.session
            lead = waveform.lead
            strip.take(waveform.millivolts, at: event.sampleIndex, rate: waveform.samplingRate)
        case .status(let status):
            hasEnded = status.state == .ended
            condition = status.condition
            heartRate = status.heartRate
            pause = status.hasPause ? status.pause : nil
        case .beat(let beat):
            let letters: [WireBeatClass: Character] = [
                .normal: "N", .supraventricular: "S", .ventricular: "V", .fusion: "F",
            ]
            beats.append(letters[beat.beatClass] ?? "?")
            if beats.count > 40 { beats.removeFirst() }
            if beat.rrIntervalSeconds > 0 { hasEnded = false }
        case .alert(let alert):
            let key = AlertKey(
                session: event.session, kind: alert.kind.rawValue, basis: alert.basis.rawValue, number: alert.number)
            alerts[key] = alert.phase == .ended ? nil : alert
        case .suspicion(let suspicion): isSuspected = suspicion.active
        case nil: break
        }
    }

    /// The alerts that are on, the gravest first; acknowledged ones after the others of their priority.
    var active: [WireAlert] {
        alerts.values.sorted {
            ($0.priority.rawValue, $1.acknowledged ? 1 : 0, $1.kind.rawValue)
                > ($1.priority.rawValue, $0.acknowledged ? 1 : 0, $0.kind.rawValue)
        }
    }
}
