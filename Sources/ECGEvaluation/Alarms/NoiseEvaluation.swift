public import EC57
public import ECGATKGAN
public import ECGClassification
import ECGMonitor
import ToolSupport

/// Alerts in noise, with and without signal quality assessment: how many are false, and how many true ones are missed.
///
/// The reference is what the same rules report for the annotated beats.
public struct NoiseEvaluation: Sendable {
    public var classifier: BeatClassifier
    public var database: RecordDatabase
    public var noise: NoiseScenario.NoiseRecords
    /// Number of records processed at a time; nil: the number of processor cores.
    public var jobs: Int?

    public init(
        _ classifier: BeatClassifier, _ database: RecordDatabase, noise: NoiseScenario.NoiseRecords, jobs: Int? = nil
    ) {
        self.classifier = classifier
        self.database = database
        self.noise = noise
        self.jobs = jobs
    }

    /// Runs and scores one scenario.
    public func part(_ scenario: NoiseScenario) async throws -> NoiseReport.Part {
        let (database, noise, classifier) = (database, noise, classifier)
        let outcomes = try await RecordBatch.map(scenario.records, jobs: jobs) { name in
            let material = try scenario.material(name, database, noise)
            var unjudged = MonitorConfiguration()
            unjudged.judgesSignalQuality = false
            var outcome = Outcome(
                without: try Self.score(material, name, classifier, unjudged).alerts, with: AlertScore(), beats: nil)
            (outcome.with, outcome.beats) = try Self.score(material, name, classifier, MonitorConfiguration())
            return outcome
        }
        var without = AlertScore()
        var with = AlertScore()
        var beats = EC57Score()
        for outcome in outcomes {
            without += outcome.without
            with += outcome.with
            if let score = outcome.beats { beats += score }
        }
        return NoiseReport.Part(
            name: scenario.name, records: scenario.records, without_quality: without.figures,
            with_quality: with.figures,
            beats: beats.beats > 0 ? EC57Figures(beats, records: outcomes.count) : nil)
    }

    private struct Outcome: Sendable {
        var without: AlertScore
        var with: AlertScore
        var beats: EC57Score?
    }

    private static func score(
        _ material: NoiseScenario.Material, _ name: String, _ classifier: BeatClassifier,
        _ configuration: MonitorConfiguration
    ) throws(ToolError) -> (alerts: AlertScore, beats: EC57Score?) {
        let rate = material.samplingRate
        let events = try MonitorRun.events(
            millivolts: material.millivolts, samplingRate: rate, lead: material.lead, name: name,
            classifier: classifier, configuration: configuration)
        let count = Int64(material.millivolts.count)
        let known = (material.reference?.beats ?? []).map {
            ReferenceAlerts.Beat(sampleIndex: $0.sampleIndex, beatClass: BeatClass($0.beatClass))
        }
        // Without ECG there is no reference either: every alert about the patient is false.
        let truth =
            material.reference == nil
            ? []
            : ReferenceAlerts.events(
                ofBeats: known, samplingRate: rate, sampleCount: count, configuration: configuration)
        let flutter = (material.reference?.flutter ?? []).map {
            Double($0.lowerBound) / rate...Double($0.upperBound) / rate
        }
        let alerts = AlertScore(
            found: events, reference: truth, flutter: flutter, samplingRate: rate, seconds: Double(count) / rate)
        let beats = material.reference.map { EC57Score(reference: $0, found: MonitorRun.beats(events), from: 0) }
        return (alerts, beats)
    }
}

/// The results of `NoiseEvaluation`; its properties are the keys of the JSON.
public struct NoiseReport: Encodable, Sendable {
    public var evaluation = "noise"
    public var model: LoadedModel.Identity
    public var database: String
    public var tolerance_seconds = AlertScore.toleranceSeconds
    public var parts: [Part]

    public init(model: LoadedModel.Identity, database: String, parts: [Part]) {
        self.model = model
        self.database = database
        self.parts = parts
    }

    /// One scenario.
    public struct Part: Encodable, Sendable {
        public var name: String
        public var records: [String]
        public var without_quality: AlertScore.Figures
        public var with_quality: AlertScore.Figures
        /// The beats of the stream with signal quality assessed, over whole records; none if there is no ECG.
        public var beats: EC57Figures?
    }
}
