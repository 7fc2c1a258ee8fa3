import EC57
public import ECGATKGAN
public import ECGClassification
import ECGMonitor

/// The rhythm alerts of whole records scored against the databases' rhythm annotations.
public struct RhythmEvaluation: Sendable {
    public var classifier: BeatClassifier
    /// Number of records processed at a time; nil: the number of processor cores.
    public var jobs: Int?

    public init(_ classifier: BeatClassifier, jobs: Int? = nil) {
        self.classifier = classifier
        self.jobs = jobs
    }

    /// Scores the records of one database.
    public func part(_ database: RecordDatabase, records names: [String]) async throws -> RhythmReport.Part {
        let classifier = classifier
        let scores = try await RecordBatch.map(names, jobs: jobs) { name in
            let record = try database.record(name)
            let annotations = try database.annotations(name, for: record)
            let events = try MonitorRun.events(of: record, name: name, classifier: classifier)
            return RhythmScore(events: events, annotations: annotations, record: record)
        }
        var total = RhythmScore()
        for score in scores { total += score }
        let rows = zip(names, scores).map { name, score in
            RhythmReport.OfRecord(
                record: name, flutter: score.flutter, flutter_false: score.flutterFalse,
                atrial_fibrillation: score.atrialFibrillation, stretches: score.episodes,
                alerts: score.namedAlerts, hours: score.hours.rounded(decimals: 3))
        }
        return RhythmReport.Part(
            database: database.directory, records: names.count, hours: total.hours.rounded(decimals: 3),
            flutter_episodes: total.flutter.count,
            flutter_within_10_s: total.flutter.count { ($0.delay_s ?? .infinity) <= 10 },
            flutter_longest_delay_s: total.flutter.compactMap(\.delay_s).max(), flutter_false: total.flutterFalse,
            atrial_fibrillation: total.atrialFibrillation, stretches: total.episodes,
            alerts_per_hour: total.namedAlerts.mapValues { (Double($0) / total.hours).rounded(decimals: 2) },
            per_record: rows)
    }
}

/// The results of `RhythmEvaluation`; its properties are the keys of the JSON.
public struct RhythmReport: Encodable, Sendable {
    public var evaluation = "rhythm"
    public var model: LoadedModel.Identity
    /// The lead that was chosen; nil: in each record the first signal that is an ECG.
    public var lead: String?
    public var parts: [Part]

    public init(model: LoadedModel.Identity, parts: [Part]) {
        self.model = model
        self.parts = parts
    }

    /// One database.
    public struct Part: Encodable, Sendable {
        public var database: String
        public var records: Int
        public var hours: Double
        public var flutter_episodes: Int
        public var flutter_within_10_s: Int
        public var flutter_longest_delay_s: Double?
        public var flutter_false: Int
        public var atrial_fibrillation: RhythmScore.Duration
        public var stretches: [String: RhythmScore.EpisodeCounts]
        public var alerts_per_hour: [String: Double]
        public var per_record: [OfRecord]
    }

    /// One record.
    public struct OfRecord: Encodable, Sendable {
        public var record: String
        public var flutter: [RhythmScore.Episode]
        public var flutter_false: Int
        public var atrial_fibrillation: RhythmScore.Duration
        public var stretches: [String: RhythmScore.EpisodeCounts]
        public var alerts: [String: Int]
        public var hours: Double
    }
}
