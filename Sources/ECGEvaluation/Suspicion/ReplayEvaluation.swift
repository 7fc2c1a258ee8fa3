import EC57
import ECGMonitor
public import ToolSupport

/// How often ECG that is played back is noticed, and how often ECG that goes on is suspected of it.
///
/// The monitor gets the ECG sample by sample, without a network: a replay is judged by times and heights of the beats
/// alone.
public struct ReplayEvaluation: Sendable {
    /// Of one record.
    public struct Outcome: Sendable, Codable {
        public var record: String
        public var hours: Double
        /// Where in the untouched record a replay is suspected, in s, and what the alert says.
        public var suspected: [Suspected] = []
        public var trials: [Trial] = []
    }

    public struct Suspected: Sendable, Codable {
        public var seconds: Double
        public var text: String
    }

    /// One loop that was played to the monitor.
    public struct Trial: Sendable, Codable {
        public var copy: PlayedBackCopy
        /// Length of what is played again and again, in s.
        public var length: Double
        /// Seconds from its start until it was suspected; nil: not within a minute.
        public var delay: Double?
    }

    /// Lengths of the loops, in s.
    public static let lengths: [Double] = [10, 30, 60]
    /// How much ECG comes before the loop, and for how long the loop runs, in s.
    private static let liveSeconds = 180.0, loopSeconds = 60.0

    public init() {}

    /// - Parameters:
    ///   - name: the record.
    ///   - database: its folder.
    ///   - triesLoops: whether loops are tried, too; only in records of four minutes and more.
    /// - Throws: the record cannot be read.
    public func outcome(
        of name: String, in database: RecordDatabase, triesLoops: Bool
    ) throws(ToolError) -> Outcome {
        let channel = try RecordChannel(try database.record(name), name: name)
        let rate = channel.samplingRate
        let samples = channel.millivolts
        var outcome = Outcome(record: name, hours: Double(samples.count) / rate / 3_600)
        outcome.suspected = Self.suspected(samples, rate)
        let begin = Int(Self.liveSeconds * rate)
        guard triesLoops, Double(samples.count) >= Double(begin) + (Self.lengths.max() ?? 0) * rate else {
            return outcome
        }
        for length in Self.lengths {
            let end = begin + Int(length * rate)
            let live = Array(samples[..<end])
            for copy in PlayedBackCopy.allCases {
                let once = copy.applied(to: Array(samples[begin..<end]), rate: rate, seed: 1)
                guard !once.isEmpty else { continue }
                let loop = (0..<Int(Self.loopSeconds * rate)).map { once[$0 % once.count] }
                let start = Double(end) / rate
                let first = Self.suspected(live + loop, rate).first { $0.seconds >= start }
                outcome.trials.append(Trial(copy: copy, length: length, delay: first.map { $0.seconds - start }))
            }
        }
        return outcome
    }

    /// When a replay begins to be suspected, in s.
    private static func suspected(_ samples: [Float], _ rate: Double) -> [Suspected] {
        MonitorWithoutNetwork.events(samples, rate).compactMap { event in
            guard case .alert(let alert) = event.kind, alert.kind == .replaySuspected, alert.phase == .started
            else { return nil }
            return Suspected(seconds: Double(event.decidedAtSampleIndex) / rate, text: alert.text)
        }
    }
}

/// The figures of a database; its properties are the keys of the JSON.
public struct ReplayReport: Encodable, Sendable {
    public struct Loop: Encodable, Sendable {
        public var copy: String
        public var loop_seconds: Double
        public var trials: Int
        public var noticed: Int
        public var noticed_pct: Double
        public var median_delay_seconds: Double?
    }

    public var database: String
    public var records: Int
    public var hours: Double
    public var suspected: Int
    public var suspected_per_day: Double
    /// Record, seconds and text of each suspicion in untouched ECG.
    public var suspicions: [String]
    public var loops: [Loop]

    public init(database: String, outcomes: [ReplayEvaluation.Outcome]) {
        self.database = database
        records = outcomes.count
        let total = outcomes.reduce(0) { $0 + $1.hours }
        hours = total.rounded(decimals: 2)
        suspected = outcomes.reduce(0) { $0 + $1.suspected.count }
        suspected_per_day = (24 * Double(suspected) / max(total, 1e-9)).rounded(decimals: 2)
        suspicions = outcomes.flatMap { outcome in
            outcome.suspected.map { "\(outcome.record) at \(fixed($0.seconds, 0)) s: \($0.text)" }
        }
        let trials = outcomes.flatMap(\.trials)
        loops = PlayedBackCopy.allCases.flatMap { copy in
            ReplayEvaluation.lengths.compactMap { length -> Loop? in
                let own = trials.filter { $0.copy == copy && $0.length == length }
                guard !own.isEmpty else { return nil }
                let delays = own.compactMap(\.delay).sorted()
                return Loop(
                    copy: copy.text, loop_seconds: length, trials: own.count, noticed: delays.count,
                    noticed_pct: (100 * Double(delays.count) / Double(own.count)).rounded(decimals: 1),
                    median_delay_seconds: delays.isEmpty ? nil : delays[delays.count / 2].rounded(decimals: 1))
            }
        }
    }
}
