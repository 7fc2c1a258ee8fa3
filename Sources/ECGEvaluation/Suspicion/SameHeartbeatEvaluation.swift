import EC57
public import ECGMonitor
public import ToolSupport

/// How often two streams with the same ECG are found to have the same heartbeat, and how often streams of different
/// patients are.
///
/// All records of a database are streams of one ward that begin together. In some of them, a copy follows as another
/// stream, two seconds later.
public struct SameHeartbeatEvaluation: Sendable {
    /// A beat as the monitor reports it: when it was decided, in s, and the interval before it, in s.
    public struct TimedBeat: Sendable {
        var seconds: Double
        var interval: Double?
    }

    /// The beats of a record and of its copies.
    public struct Beats: Sendable {
        public var record: String
        public var hours: Double
        var own: [TimedBeat]
        var copies: [(copy: PlayedBackCopy, beats: [TimedBeat])]
    }

    private static let lateness = 2.0

    public init() {}

    /// - Parameters:
    ///   - name: the record.
    ///   - database: its folder.
    ///   - hasCopies: whether copies of it are wanted; only of records of two minutes and more.
    /// - Throws: the record cannot be read.
    public func beats(
        of name: String, in database: RecordDatabase, hasCopies: Bool
    ) throws(ToolError) -> Beats {
        let channel = try RecordChannel(try database.record(name), name: name)
        let rate = channel.samplingRate
        let samples = channel.millivolts
        let seconds = Double(samples.count) / rate
        var copies: [(copy: PlayedBackCopy, beats: [TimedBeat])] = []
        if hasCopies, seconds >= 120 {
            copies = PlayedBackCopy.allCases.map { copy in
                (copy, Self.beats(copy.applied(to: samples, rate: rate, seed: 1), rate))
            }
        }
        return Beats(record: name, hours: seconds / 3_600, own: Self.beats(samples, rate), copies: copies)
    }

    private static func beats(_ samples: [Float], _ rate: Double) -> [TimedBeat] {
        MonitorWithoutNetwork.events(samples, rate).compactMap { event in
            guard case .beat(let beat) = event.kind else { return nil }
            return TimedBeat(
                seconds: Double(event.decidedAtSampleIndex) / rate, interval: beat.rrIntervalSeconds)
        }
    }

    /// Pairs of different patients that are found to have the same heartbeat.
    public func falsePairs(_ records: [Beats]) -> [SameHeartbeatFinder.Pair] {
        let streams = records.map { ($0.record, $0.own) }
        return Self.found(streams).map(\.pair)
    }

    /// After how many seconds each copy is found beside its original; nil: not at all.
    public func delays(_ record: Beats) -> [(copy: PlayedBackCopy, seconds: Double?)] {
        record.copies.map { copy, beats in
            let late = beats.map { TimedBeat(seconds: $0.seconds + Self.lateness, interval: $0.interval) }
            return (copy, Self.found([("original", record.own), ("copy", late)]).first?.seconds)
        }
    }

    private static func found(
        _ streams: [(name: String, beats: [TimedBeat])]
    ) -> [(pair: SameHeartbeatFinder.Pair, seconds: Double)] {
        var patterns = [HeartbeatPattern](repeating: HeartbeatPattern(), count: streams.count)
        var finder = SameHeartbeatFinder()
        var found: [(pair: SameHeartbeatFinder.Pair, seconds: Double)] = []
        let all = streams.indices.flatMap { stream in streams[stream].beats.map { (stream, $0) } }
        for (stream, beat) in all.sorted(by: { $0.1.seconds < $1.1.seconds }) {
            guard let excerpt = patterns[stream].append(beat.interval) else { continue }
            let now = UInt64((beat.seconds + 1_000) * 1e9)
            found += finder.compare(excerpt, of: streams[stream].name, at: now).map { ($0, beat.seconds) }
            _ = finder.expire(at: now)
        }
        return found
    }
}

/// The figures of a database; its properties are the keys of the JSON.
public struct SameHeartbeatReport: Encodable, Sendable {
    public struct Copy: Encodable, Sendable {
        public var copy: String
        public var trials: Int
        public var noticed_within_60_s: Int
        public var noticed_at_all: Int
        public var median_delay_seconds: Double?
    }

    public var database: String
    public var records: Int
    /// Of ECG; each moment of it is compared with all other records.
    public var hours: Double
    /// Pairs of different records that seem to have the same heartbeat.
    public var false_pairs: [String]
    public var copies: [Copy]

    /// - Parameter records: all of the database.
    public init(database: String, records: [SameHeartbeatEvaluation.Beats]) {
        let evaluation = SameHeartbeatEvaluation()
        self.database = database
        self.records = records.count
        hours = records.reduce(0) { $0 + $1.hours }.rounded(decimals: 2)
        false_pairs = evaluation.falsePairs(records).map { "\($0.first) and \($0.second)" }
        let delays = records.flatMap { evaluation.delays($0) }
        copies = PlayedBackCopy.allCases.compactMap { copy in
            let own = delays.filter { $0.copy == copy }
            guard !own.isEmpty else { return nil }
            let found = own.compactMap(\.seconds).sorted()
            return Copy(
                copy: copy.text, trials: own.count, noticed_within_60_s: found.count { $0 <= 60 },
                noticed_at_all: found.count,
                median_delay_seconds: found.isEmpty ? nil : found[found.count / 2].rounded(decimals: 1))
        }
    }
}
