import ECGEvaluation
import ECGMonitor
import MonitorDaemon

/// What a report says of a stream out of a journal, hour by hour.
struct StreamSummary {
    /// An hour of the clock, UTC.
    struct Hour {
        /// UTC, ns since 1970.
        var start: Int64
        /// Minutes with a rate or a beat.
        var minutes = 0
        var beats = [Int](repeating: 0, count: 5)
        var meanRate: Double?
        var leastRate: Double?
        var greatestRate: Double?
        /// Seconds of alarms of atrial fibrillation.
        var fibrillationSeconds = 0.0
    }

    static let minute: Int64 = 60_000_000_000
    private static let hour: Int64 = 60 * minute

    let past: StreamPast
    private(set) var hours: [Hour] = []
    /// Minutes with a rate or a beat.
    let monitoredMinutes: Int
    /// By class, in the order of `TrendMinute.classes`.
    let beats: [Int]
    let fibrillationSeconds: Double
    /// Where charts begin: with what is known, at a full ten minutes. UTC, ns since 1970.
    let origin: Int64

    init(_ past: StreamPast) {
        self.past = past
        let known = past.minutes.filter { $0.rate.count > 0 || $0.beats.contains { $0 > 0 } }
        monitoredMinutes = known.count
        let first = known.first.map { $0.minute * Self.minute } ?? past.range.lowerBound
        origin = max(past.range.lowerBound, first) / (10 * Self.minute) * (10 * Self.minute)
        beats = known.reduce(into: [0, 0, 0, 0, 0]) { sum, minute in
            for place in sum.indices { sum[place] += minute.beats[place] }
        }
        let fibrillation = past.alarms.filter { $0.kind == .atrialFibrillation }
            .map { $0.start..<max($0.start, $0.end ?? past.range.upperBound) }
        fibrillationSeconds = Self.seconds(fibrillation, within: past.range)
        let byHour = Dictionary(grouping: known) { $0.minute / 60 }
        let alarmHours = fibrillation.flatMap { Set([$0.lowerBound / Self.hour, $0.upperBound / Self.hour]) }
        for number in Set(byHour.keys).union(alarmHours).sorted() {
            var hour = Hour(start: number * Self.hour)
            let minutes = byHour[number] ?? []
            hour.minutes = minutes.count
            for minute in minutes { for place in hour.beats.indices { hour.beats[place] += minute.beats[place] } }
            let rates = minutes.compactMap { $0.rate.mean }
            if !rates.isEmpty { hour.meanRate = rates.reduce(0, +) / Double(rates.count) }
            (hour.leastRate, hour.greatestRate) = (rates.min(), rates.max())
            hour.fibrillationSeconds = Self.seconds(fibrillation, within: hour.start..<(hour.start + Self.hour))
            hours.append(hour)
        }
    }

    /// Each second once.
    private static func seconds(_ stretches: [Range<Int64>], within range: Range<Int64>) -> Double {
        var (total, reached) = (Int64(0), range.lowerBound)
        for stretch in stretches.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            let (start, end) = (max(stretch.lowerBound, reached), min(stretch.upperBound, range.upperBound))
            guard end > start else { continue }
            total += end - start
            reached = end
        }
        return Double(total) / 1e9
    }

    var beatCount: Int { beats.reduce(0, +) }

    /// Share of the monitored time, 0 ... 1; nil: nothing was monitored.
    var fibrillationShare: Double? {
        monitoredMinutes > 0 ? min(1, fibrillationSeconds / Double(monitoredMinutes * 60)) : nil
    }

    /// Minutes of a quantity for a chart.
    func minutes(_ quantity: KeyPath<TrendMinute, TrendMinute.Spread>) -> [HolterSummary.Minute] {
        past.minutes.compactMap { minute in
            let spread = minute[keyPath: quantity]
            return spread.mean.map {
                HolterSummary.Minute(
                    start: max(0, seconds(minute.minute * Self.minute)), mean: $0, least: spread.least,
                    greatest: spread.greatest)
            }
        }
    }

    /// Ectopic beats by hour of the clock, from the first that is known.
    var ectopy: (hours: [HolterSummary.Part], clock: Double) {
        guard let first = hours.first?.start, let last = hours.last?.start else { return ([], 0) }
        var parts = (0...Int((last - first) / Self.hour)).map { HolterSummary.Part(start: Double($0) * 3600) }
        for hour in hours {
            let place = Int((hour.start - first) / Self.hour)
            parts[place].supraventricular = hour.beats[1]
            parts[place].ventricular = hour.beats[2]
        }
        return (parts, Double(first / 1_000_000_000 % 86_400))
    }

    /// From the beginning of the charts.
    func seconds(_ time: Int64) -> Double { Double(time - origin) / 1e9 }

    /// Time of day at the beginning of the charts, in s.
    var clock: Double { Double(origin / 1_000_000_000 % 86_400) }

    /// From the beginning of the charts to the end of the stretch.
    var charted: Double { Double(past.range.upperBound - origin) / 1e9 }

    /// Of the stretch, in minutes.
    var minutes: Int { Int((Double(past.range.upperBound - past.range.lowerBound) / 60e9).rounded()) }
}
