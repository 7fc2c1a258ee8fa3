import ECGATKGAN
package import ECGMonitor
package import ECGSignal

/// What a Holter report says of a recording, out of the monitor's events.
package struct HolterSummary: Sendable {
    package struct Beat: Sendable {
        /// Seconds from the record's start.
        package var seconds: Double
        /// N, S, V, F, or ? where it was not classified.
        package var letter: Character
        /// To the beat before; nil: not known.
        package var interval: Double?

        package init(seconds: Double, letter: Character, interval: Double?) {
            (self.seconds, self.letter, self.interval) = (seconds, letter, interval)
        }
    }

    /// An alarm or a suspicion, from where its condition began to where it was over.
    package struct Episode: Sendable {
        package var kind: AlertKind
        package var priority: AlertPriority
        package var start: Double
        /// nil: it was on at the record's end.
        package var end: Double?
        package var text: String
    }

    /// A part of the recording, such as an hour.
    package struct Part: Sendable {
        package var start: Double
        package var beats = 0
        package var ventricular = 0
        package var supraventricular = 0
        package var couplets = 0
        package var runs = 0
        /// Beats per minute; nil: there were too few.
        package var meanRate: Double?
        package var leastRate: Double?
        package var greatestRate: Double?
        /// Share of the time, 0 ... 1.
        package var fibrillation = 0.0
        package var unusable = 0.0

        package init(start: Double) { self.start = start }
    }

    /// A minute's heart rate, or another quantity.
    package struct Minute: Sendable {
        package var start: Double
        package var mean: Double
        package var least: Double
        package var greatest: Double

        package init(start: Double, mean: Double, least: Double, greatest: Double) {
            (self.start, self.mean, self.least, self.greatest) = (start, mean, least, greatest)
        }
    }

    /// Of intervals between two normal beats in a row (Task Force of ESC and NASPE, Circulation 1996;93:1043).
    package struct Variability: Sendable {
        package var intervals: Int
        /// In ms.
        package var sdnn: Double
        package var rmssd: Double
        /// Share of differences above 50 ms, 0 ... 1.
        package var pnn50: Double
    }

    package let duration: Double
    package private(set) var beats: [Beat] = []
    package private(set) var episodes: [Episode] = []
    package private(set) var minutes: [Minute] = []
    package private(set) var hours: [Part] = []
    package private(set) var whole: Part
    package private(set) var variability: Variability?
    /// The longest interval between two beats, and when it began.
    package private(set) var longest: (interval: Double, start: Double)?
    /// Seconds in each condition of the signal.
    package private(set) var conditions: [SignalCondition: Double] = [:]

    /// - Parameters:
    ///   - events: of the whole record, in the order in which they were decided.
    ///   - samplingRate: of their sample indices, above 0.
    ///   - samples: length of the record.
    package init(events: [MonitorEvent], samplingRate: Double, samples: Int) {
        duration = Double(samples) / samplingRate
        whole = Part(start: 0)
        read(events, samplingRate)
        beats.sort { $0.seconds < $1.seconds }
        minutes = Self.minutes(beats)
        let end = max(duration, 1)
        whole = part(0..<end)
        hours = stride(from: 0, to: end, by: 3600).map { part($0..<min($0 + 3600, end)) }
        variability = Variability(beats)
        if let beat = beats.max(by: { ($0.interval ?? 0) < ($1.interval ?? 0) }), let interval = beat.interval {
            longest = (interval, beat.seconds - interval)
        }
    }

    private mutating func read(_ events: [MonitorEvent], _ rate: Double) {
        var open: [String: Int] = [:]
        var condition: (SignalCondition, since: Double)?
        for event in events {
            let seconds = Double(event.sampleIndex) / rate
            switch event.kind {
            case .beat(let beat):
                beats.append(
                    Beat(seconds: seconds, letter: Self.letter(beat.beatClass), interval: beat.rrIntervalSeconds))
            case .alert(let alert):
                let key = "\(event.session)/\(alert.kind)/\(alert.number)/\(alert.basis)"
                if let place = open[key] {
                    episodes[place].text = alert.text
                    if alert.phase == .ended { episodes[place].end = max(seconds, episodes[place].start) }
                } else {
                    open[key] = episodes.count
                    episodes.append(
                        Episode(
                            kind: alert.kind, priority: alert.priority,
                            start: Double(alert.onsetSampleIndex) / rate, end: nil, text: alert.text))
                }
            case .status(let status):
                let since = Double(status.conditionSinceSampleIndex) / rate
                if let (old, begun) = condition, old != status.condition {
                    conditions[old, default: 0] += max(0, since - begun)
                    condition = (status.condition, since)
                } else if condition == nil {
                    condition = (status.condition, since)
                }
            case .suspicion: break
            }
        }
        if let (last, since) = condition { conditions[last, default: 0] += max(0, duration - since) }
    }

    private static func letter(_ beatClass: BeatClass?) -> Character {
        switch beatClass {
        case .normal: "N"
        case .supraventricular: "S"
        case .ventricular: "V"
        case .fusion: "F"
        case nil: "?"
        }
    }

    /// Rates over a minute each: of single intervals an ectopic beat would make the least and the greatest.
    private static func minutes(_ beats: [Beat]) -> [Minute] {
        var minutes: [Minute] = []
        var place = 0
        while place < beats.count {
            let start = (beats[place].seconds / 60).rounded(.down) * 60
            var rates: [Double] = []
            var intervals: [Double] = []
            while place < beats.count, beats[place].seconds < start + 60 {
                if let interval = beats[place].interval, interval > 0 { intervals.append(interval) }
                // Eight intervals, as displays average.
                if intervals.count >= 8 { rates.append(60 * 8 / intervals.suffix(8).reduce(0, +)) }
                place += 1
            }
            guard let least = rates.min(), let greatest = rates.max() else { continue }
            let mean = 60 * Double(intervals.count) / intervals.reduce(0, +)
            minutes.append(Minute(start: start, mean: mean, least: min(least, mean), greatest: max(greatest, mean)))
        }
        return minutes
    }

    private func part(_ range: Range<Double>) -> Part {
        var part = Part(start: range.lowerBound)
        var run = 0
        func endRun() {
            if run == 2 { part.couplets += 1 } else if run > 2 { part.runs += 1 }
            run = 0
        }
        for beat in beats where range.contains(beat.seconds) {
            part.beats += 1
            if beat.letter == "S" { part.supraventricular += 1 }
            if beat.letter == "V" {
                part.ventricular += 1
                run += 1
            } else {
                endRun()
            }
        }
        endRun()
        let within = minutes.filter { range.contains($0.start) }
        if !within.isEmpty {
            part.meanRate = within.reduce(0) { $0 + $1.mean } / Double(within.count)
            part.leastRate = within.map(\.mean).min()
            part.greatestRate = within.map(\.mean).max()
        }
        let length = max(range.upperBound - range.lowerBound, 1)
        part.fibrillation = share(of: [.atrialFibrillation], range) / length
        part.unusable = share(of: [.leadOff, .signalLost, .noisySignal], range) / length
        return part
    }

    /// Seconds of a range in which one of these alarms was on.
    private func share(of kinds: Set<AlertKind>, _ range: Range<Double>) -> Double {
        var reached = range.lowerBound
        var total = 0.0
        for episode in episodes.filter({ kinds.contains($0.kind) }).sorted(by: { $0.start < $1.start }) {
            let start = max(episode.start, reached)
            let end = min(episode.end ?? duration, range.upperBound)
            guard end > start else { continue }
            total += end - start
            reached = end
        }
        return total
    }

}

extension HolterSummary.Variability {
    /// - Returns: nil of fewer than 30 such intervals.
    package init?(_ beats: [HolterSummary.Beat]) {
        let pairs = zip(beats, beats.dropFirst())
        // An interval that follows no other normal one is parted from those before it.
        var runs: [[Double]] = [[]]
        for (before, beat) in pairs {
            if before.letter == "N", beat.letter == "N", let interval = beat.interval, (0.3...2).contains(interval) {
                runs[runs.count - 1].append(interval * 1000)
            } else if runs.last?.isEmpty == false {
                runs.append([])
            }
        }
        let all = runs.flatMap { $0 }
        guard all.count >= 30 else { return nil }
        let mean = all.reduce(0, +) / Double(all.count)
        let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count - 1)
        let differences = runs.flatMap { run in zip(run, run.dropFirst()).map { abs($1 - $0) } }
        guard !differences.isEmpty else { return nil }
        let squares = differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)
        self.init(
            intervals: all.count, sdnn: variance.squareRoot(), rmssd: squares.squareRoot(),
            pnn50: Double(differences.count { $0 > 50 }) / Double(differences.count))
    }
}
