/// The heart rate minute by minute, for a day.
struct StationTrend {
    private static let minutesKept: Int64 = 1440

    private struct Minute {
        var minute: Int64
        var sum = 0.0
        var count = 0.0
        var least = Double.infinity
        var greatest = -Double.infinity
    }

    private var minutes: [Minute] = []

    /// - Parameters:
    ///   - rate: beats per minute.
    ///   - now: UTC, ns since 1970. A clock that is set back adds to the newest minute.
    mutating func note(_ rate: Double, now: Int64) {
        guard rate.isFinite, rate > 0 else { return }
        let minute = max(now / 60_000_000_000, minutes.last?.minute ?? .min)
        if minutes.last?.minute != minute { minutes.append(Minute(minute: minute)) }
        let last = minutes.count - 1
        minutes[last].sum += rate
        minutes[last].count += 1
        minutes[last].least = min(minutes[last].least, rate)
        minutes[last].greatest = max(minutes[last].greatest, rate)
        while let first = minutes.first, first.minute <= minute - Self.minutesKept { minutes.removeFirst() }
    }

    /// The oldest first.
    var points: [StationMessage.TrendPoint] {
        minutes.map { .init(minute: $0.minute, mean: $0.sum / $0.count, least: $0.least, greatest: $0.greatest) }
    }
}
