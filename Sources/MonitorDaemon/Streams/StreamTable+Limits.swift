import ECGMonitor
import Logging

/// Limits that were set for single streams while they are watched. They hold beside those of the configuration until
/// they are set anew, taken back, or the stream is forgotten: whoever lies in the bed then begins with the
/// configuration's.
extension StreamTable {
    /// The limits that hold for a stream.
    func limits(of stream: WatchedStream) -> MonitorConfiguration {
        let configured = settings.current.limits(of: stream.name)
        guard let own = stream.limits else { return configured }
        do throws(BedLimits.Problem) {
            return try own.applied(to: configured)
        } catch {
            // The configuration has changed so that they no longer go together.
            context.logger.warning(
                "the limits set for a stream do not go with the configuration, which holds again",
                metadata: [
                    "stream": "\(stream.name)", "by": "\(LogFields.oneLine(own.by))", "reason": "\(error.words)",
                ])
            stream.limits = nil
            stream.limitsChange = .clear
            stream.needsSnapshot = true
            return configured
        }
    }

    /// Sets limits.
    /// - Returns: what has changed, in one line; nil: these limits hold already.
    /// - Throws: why nothing was changed.
    func set(_ wish: ReceivedLimits, of stream: WatchedStream) throws(BedLimits.Problem) -> String? {
        let configured = settings.current.limits(of: stream.name)
        var new = BedLimits(by: wish.by, at: DaemonClock.utc())
        if let values = wish.values {
            for limit in BedLimit.allCases {
                let value = values[limit] ?? stream.limits?[limit]
                new[limit] = value == limit.value(in: configured) ? nil : value
            }
        }
        let (old, limits) = (stream.monitor.configuration, try new.applied(to: configured))
        let changes = BedLimit.allCases.compactMap { limit -> String? in
            let (before, after) = (limit.value(in: old), limit.value(in: limits))
            return before == after
                ? nil : "\(limit.name.lowercased()) \(limit.text(after)), before \(limit.text(before))"
        }
        guard !changes.isEmpty else { return nil }
        stream.limits = new.values.isEmpty ? nil : new
        stream.limitsChange = stream.limits.map { .set($0.stored) } ?? .clear
        stream.needsSnapshot = true
        publisher.publish(stream) { stream.monitor.configure(limits, events: &$0) }
        tellLimits(of: stream)
        return changes.joined(separator: "; ")
    }

    func limitsInForce(of stream: WatchedStream) -> LimitsInForce {
        LimitsInForce(
            configured: settings.current.limits(of: stream.name), current: stream.monitor.configuration,
            set: stream.limits)
    }

    /// Tells the station which limits hold.
    func tellLimits(of stream: WatchedStream) {
        stream.hasToldLimits = true
        context.station?.take(limitsInForce(of: stream), of: stream)
    }
}
