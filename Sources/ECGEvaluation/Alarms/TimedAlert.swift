public import ECGMonitor

/// An alert with the times of its life, in seconds of the record.
public struct TimedAlert: Sendable, Equatable {
    public var kind: AlertKind
    public var priority: AlertPriority
    /// When its condition began.
    public var onset: Double
    /// When it was raised: nothing was reported before.
    public var raised: Double
    /// When its condition ended.
    public var end: Double
    /// When that was reported; nil if it was still on at the end of the events.
    public var cleared: Double?

    /// The alerts among events, in the order in which they were raised.
    ///
    /// - Parameters:
    ///   - events: in the order in which they were decided.
    ///   - samplingRate: samples a second of the events' positions.
    ///   - seconds: length of the record: the end of an alert that is not over.
    public static func alerts(_ events: [MonitorEvent], samplingRate: Double, seconds: Double) -> [TimedAlert] {
        var alerts: [TimedAlert] = []
        var open: [AlertKind: Int] = [:]
        for event in events {
            guard case .alert(let alert) = event.kind, alert.basis == .samples else { continue }
            let decided = Double(event.decidedAtSampleIndex) / samplingRate
            switch alert.phase {
            case .started:
                open[alert.kind] = alerts.count
                alerts.append(
                    TimedAlert(
                        kind: alert.kind, priority: alert.priority,
                        onset: min(Double(event.sampleIndex) / samplingRate, decided), raised: decided,
                        end: seconds))
            case .updated:
                guard let index = open[alert.kind] else { continue }
                if alert.priority.rawValue > alerts[index].priority.rawValue { alerts[index].priority = alert.priority }
            case .ended:
                guard let index = open.removeValue(forKey: alert.kind) else { continue }
                alerts[index].end = max(alerts[index].onset, Double(event.sampleIndex) / samplingRate)
                alerts[index].cleared = max(alerts[index].raised, decided)
            }
        }
        return alerts
    }
}
