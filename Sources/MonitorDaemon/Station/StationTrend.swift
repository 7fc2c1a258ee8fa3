import ECGMonitor

/// Heart rate and RR intervals minute by minute, for a day.
struct StationTrend {
    private static let minutesKept: Int64 = 1440

    /// The oldest first; each minute once.
    private var minutes: [TrendMinute] = []

    /// - Parameter now: UTC, ns since 1970.
    mutating func note(_ event: MonitorEvent, now: Int64) {
        guard let part = TrendPart(event) else { return }
        let minute = TrendMinute.minute(acquired: event.acquisitionTimeNanoseconds, now: now)
        var place = minutes.endIndex
        while place > 0, minutes[place - 1].minute > minute { place -= 1 }
        if place == 0 || minutes[place - 1].minute != minute {
            minutes.insert(TrendMinute(minute: minute), at: place)
            place += 1
        }
        minutes[place - 1].note(part)
        forgetOld()
    }

    /// Puts what the journal has before what has come since. The minute in which both have something is the journal's,
    /// which has all of it that was written.
    mutating func restore(_ past: [TrendMinute]) {
        let known = Set(past.map(\.minute))
        minutes = (past + minutes.filter { !known.contains($0.minute) }).sorted { $0.minute < $1.minute }
        forgetOld()
    }

    private mutating func forgetOld() {
        guard let last = minutes.last?.minute else { return }
        let kept = minutes.firstIndex { $0.minute > last - Self.minutesKept } ?? 0
        if kept > 0 { minutes.removeFirst(kept) }
    }

    /// The oldest first.
    var rates: [StationMessage.TrendPoint] { points(\.rate) }
    /// In ms.
    var intervals: [StationMessage.TrendPoint] { points(\.interval) }

    private func points(_ path: KeyPath<TrendMinute, TrendMinute.Spread>) -> [StationMessage.TrendPoint] {
        minutes.compactMap { minute in
            let spread = minute[keyPath: path]
            return spread.mean.map {
                .init(minute: minute.minute, mean: $0, least: spread.least, greatest: spread.greatest)
            }
        }
    }
}
