import ECGMonitor
import ECGWire
import MonitorWire
import SwiftProtobuf

/// The alarms that the journal's alert events tell of, each once, in the order in which they began.
struct PastAlarms {
    struct Alarm {
        /// As `StationAlarms.id` has it.
        var id: String
        /// Contract names; empty: of a later version.
        var kind: String
        var priority: String
        var session: UInt64
        /// When its condition began, or, where its first event is not known, changed: UTC, ns since 1970; 0: unknown.
        var acquiredAt: Int64
        /// The last event in which it occurs.
        var last: WireAlert
        /// The time of that event.
        var lastAt: Int64
        /// Its first event is not among those looked at, so it began before.
        var beganBefore: Bool

        /// In words; empty: it is on.
        var end: String {
            guard last.phase == .ended else { return last.latched ? "over, not acknowledged" : "" }
            return switch last.endedBecause {
            case .shadowed: "a graver one took its place"
            case .signalInterrupted: "signal interrupted"
            case .sessionEnded: "session ended"
            case .acknowledged: "over, acknowledged"
            case .switchedOff: "switched off"
            default: "over"
            }
        }
    }

    private(set) var all: [Alarm] = []

    /// - Parameter bodies: events of one stream in binary protobuf, the oldest first. What is none is left out.
    init(_ bodies: [[UInt8]]) {
        self.init(
            bodies.compactMap { body in
                (try? WireEvent(serializedBytes: body)).map { (max(0, $0.acquisitionTimeNs), $0) }
            })
    }

    /// - Parameter events: of one stream with their times, the oldest first.
    init(_ events: [(time: Int64, event: WireEvent)]) {
        var places: [String: Int] = [:]
        for (time, event) in events {
            guard case .alert(let alert) = event.payload else { continue }
            let kind = AlertKind(alert.kind)
            let name = kind?.contractName ?? ""
            let id = "\(event.session)/\(name)/\(alert.number)" + (alert.basis == .wallClock ? "/clock" : "")
            if let place = places[id] {
                all[place].last = alert
                all[place].lastAt = time
                continue
            }
            places[id] = all.count
            all.append(
                Alarm(
                    id: id, kind: name, priority: Self.priority(alert.priority).contractName, session: event.session,
                    acquiredAt: time, last: alert, lastAt: time, beganBefore: alert.phase != .started))
        }
    }

    static func priority(_ priority: WireAlertPriority) -> AlertPriority {
        switch priority {
        case .high: .high
        case .medium: .medium
        case .low: .low
        case .technical, .unspecified, .UNRECOGNIZED: .technical
        }
    }
}
