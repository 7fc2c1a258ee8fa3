import EC57
public import ECGMonitor
public import WFDB

/// The complete stream over records, from samples to events: beats and classes scored beat by beat.
public struct StreamEvaluation: Sendable {
    public var model: LoadedModel
    /// Scoring starts here, in seconds from the start of each record.
    public var startSeconds: Double
    /// Number of records processed at a time; nil: the number of processor cores.
    public var jobs: Int?
    /// Called with each record, its name and its events, on several threads.
    public var onEvents: @Sendable (Record, String, [MonitorEvent]) throws -> Void = { _, _, _ in }

    public init(_ model: LoadedModel, from startSeconds: Double = 300, jobs: Int? = nil) {
        self.model = model
        self.startSeconds = startSeconds
        self.jobs = jobs
    }

    /// Scores the records of one database.
    public func part(_ database: RecordDatabase, records names: [String]) async throws -> StreamReport.Part {
        let outcomes = try await outcomes(database, names)
        var alerts: [String: Int] = [:]
        for kind in outcomes.flatMap(\.alerts) { alerts[kind.name, default: 0] += 1 }
        let scored = Array(zip(names, outcomes.map(\.score)))
        let gross = EC57Figures.gross(scored)
        return StreamReport.Part(
            database: database.directory, records: names, gross: gross,
            per_record: scored.map { RecordFigures(record: $0, figures: EC57Figures($1)) }, alerts: alerts,
            suspicions_raised: outcomes.reduce(0) { $0 + $1.suspicions },
            hours: outcomes.reduce(0) { $0 + $1.hours }.rounded(decimals: 3))
    }

    /// Scores the noise stress records of 118 and 119 (folders nstdb and nstdb_119_regenerated), ratio by ratio.
    public func noiseStress() async throws -> [StreamReport.NoiseLevel] {
        var levels: [StreamReport.NoiseLevel] = []
        let folders = [("118", try RecordDatabase("nstdb")), ("119", try? RecordDatabase("nstdb_119_regenerated"))]
        for (suffix, ratio) in [("24", 24), ("18", 18), ("12", 12), ("06", 6), ("00", 0), ("_6", -6)] {
            var level = StreamReport.NoiseLevel(
                snr_db: ratio, records: [], gross: EC57Figures(EC57Score()), noise_reported: [])
            var total = EC57Score()
            for (base, folder) in folders {
                guard let folder else { continue }
                let name = "\(base)e\(suffix)"
                let outcome = try await outcomes(folder, [name])[0]
                total += outcome.score
                level.records.append(name)
                if outcome.noiseReported { level.noise_reported.append(name) }
            }
            level.gross = EC57Figures(total, records: level.records.count)
            levels.append(level)
        }
        return levels
    }

    /// The result for one record.
    private struct Outcome: Sendable {
        var score: EC57Score
        var alerts: [AlertKind]
        var suspicions: Int
        var hours: Double
        var noiseReported: Bool
    }

    private func outcomes(_ database: RecordDatabase, _ names: [String]) async throws -> [Outcome] {
        let (start, classifier, onEvents) = (startSeconds, model.classifier, onEvents)
        return try await RecordBatch.map(names, jobs: jobs) { name in
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            let events = try MonitorRun.events(of: record, name: name, classifier: classifier)
            try onEvents(record, name, events)
            var outcome = Outcome(
                score: EC57Score(reference: reference, found: MonitorRun.beats(events), from: start), alerts: [],
                suspicions: 0,
                hours: Double(record.frameCount) / record.samplingRate / 3600, noiseReported: false)
            for event in events {
                switch event.kind {
                case .alert(let alert) where alert.phase == .started:
                    outcome.alerts.append(alert.kind)
                    if alert.kind == .noisySignal { outcome.noiseReported = true }
                case .suspicion(let suspicion) where suspicion.active: outcome.suspicions += 1
                default: break
                }
            }
            return outcome
        }
    }
}
