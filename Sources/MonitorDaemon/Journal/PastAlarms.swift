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
        /// When its condition was found: UTC, ns since 1970, by the source's clock; 0: unknown.
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
        var places: [String: Int] = [:]
        for body in bodies {
            guard let event = try? WireEvent(serializedBytes: body), case .alert(let alert) = event.payload else {
                continue
            }
            let kind = AlertKind(alert.kind)
            let name = kind?.contractName ?? ""
            let id = "\(event.session)/\(name)/\(alert.number)" + (alert.basis == .wallClock ? "/clock" : "")
            if let place = places[id] {
                all[place].last = alert
                all[place].lastAt = event.acquisitionTimeNs
                continue
            }
            places[id] = all.count
            all.append(
                Alarm(
                    id: id, kind: name, priority: Self.name(alert.priority), session: event.session,
                    acquiredAt: max(0, event.acquisitionTimeNs), last: alert, lastAt: event.acquisitionTimeNs,
                    beganBefore: alert.phase != .started))
        }
    }

    private static func name(_ priority: WireAlertPriority) -> String {
        switch priority {
        case .high: AlertPriority.high.contractName
        case .medium: AlertPriority.medium.contractName
        case .low: AlertPriority.low.contractName
        default: AlertPriority.technical.contractName
        }
    }
}
