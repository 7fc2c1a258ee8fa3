import EC57
import ECGATKGAN
public import ECGMonitor
public import WFDB

/// The final class of each beat from the complete stream, scored beat by beat and run by run.
public struct BeatEvaluation: Sendable {
    public var model: LoadedModel
    /// Scoring starts here, in seconds from the start of each record.
    public var startSeconds: Double
    /// Whether the polarity of every record is reversed.
    public var reversed: Bool
    /// Number of records processed at a time; nil: the number of processor cores.
    public var jobs: Int?
    /// Called with each record, its name and its events, on several threads.
    public var onEvents: @Sendable (Record, String, [MonitorEvent]) throws -> Void = { _, _, _ in }

    public init(_ model: LoadedModel, from startSeconds: Double = 300, reversed: Bool = false, jobs: Int? = nil) {
        self.model = model
        self.startSeconds = startSeconds
        self.reversed = reversed
        self.jobs = jobs
    }

    /// Scores the records of one database.
    public func part(_ database: RecordDatabase, records names: [String]) async throws -> BeatReport.Part {
        let (start, reversed, classifier, onEvents) = (startSeconds, reversed, model.classifier, onEvents)
        let outcomes = try await RecordBatch.map(names, jobs: jobs) { name in
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            let events = try MonitorRun.run(
                record, name: name, classifier: classifier, reversed: reversed, observing: false
            ).events
            try onEvents(record, name, events)
            let beats = MonitorRun.beats(events)
            return Outcome(
                score: EC57Score(reference: reference, found: beats, from: start),
                ventricular: EC57RunScore(.ventricular, reference: reference, found: beats, from: start),
                supraventricular: EC57RunScore(.supraventricular, reference: reference, found: beats, from: start))
        }
        let scored = zip(names, outcomes).map { (name: $0, score: $1.score) }
        func runs(_ runs: KeyPath<Outcome, EC57RunScore>) -> [String: EC57RunFigures] {
            EC57Figures.sets(names).reduce(into: [:]) { figures, set in
                var total = EC57RunScore()
                for (name, outcome) in zip(names, outcomes) where set.members.contains(name) {
                    total += outcome[keyPath: runs]
                }
                figures[set.name] = EC57RunFigures(total)
            }
        }
        return BeatReport.Part(
            database: database.directory, records: names, gross: EC57Figures.gross(scored),
            v_runs: runs(\.ventricular), s_runs: runs(\.supraventricular),
            per_record: scored.map { RecordFigures(record: $0.name, figures: EC57Figures($0.score)) })
    }

    private struct Outcome: Sendable {
        var score: EC57Score
        var ventricular: EC57RunScore
        var supraventricular: EC57RunScore
    }
}
