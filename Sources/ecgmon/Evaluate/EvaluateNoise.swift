import ArgumentParser
import ECGATKGAN
import ECGMonitor
import FoundationEssentials
import WFDB

/// Alerts in noise: how many are false, and how many true ones are missed.
struct EvaluateNoise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "noise",
        abstract:
            "Count false and missed alerts on clean, noisy and noise-only records, with signal quality judged or not.",
        discussion: """
            The whole stream on channel 0. The truth is what the same rules make of the annotated beats and classes. An \
            alert is true where the reference has one of the same kind or of a graver one of its chain within 5 s; over \
            ventricular flutter no alert is false. Noise is mixed in by the rule of the noise stress database, in every \
            other two minutes from 5:00 on; whole records are scored. Each part is run twice: without and with the \
            judging of signal quality.
            """)

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only these records, separated by commas.", valueName: "names"))
    var records: String?

    @Option(help: ArgumentHelp("Signal-to-noise ratios in dB, separated by commas.", valueName: "dB"))
    var snr = "12,6,0"

    @Option(help: ArgumentHelp("Noise is mixed into every so manyth of the records.", valueName: "n"))
    var mixedEvery = 4

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Records worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        guard mixedEvery >= 1 else { throw ValidationError("--mixed-every must be 1 or more, not \(mixedEvery)") }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
        for part in snr.split(separator: ",") where Double(part).map({ !(-60...60).contains($0) }) ?? true {
            throw ValidationError("--snr takes numbers from -60 to 60, separated by commas, not “\(part)”")
        }
    }

    struct Part: Encodable, Sendable {
        var name: String
        var records: [String]
        var without_quality: AlertScore.Figures
        var with_quality: AlertScore.Figures
        /// The beats of the stream with quality judged, whole records; none where there is no ECG.
        var beats: EC57Figures?
    }

    struct Report: Encodable {
        var evaluation = "noise"
        var model: LoadedModel.Identity
        var database: String
        var tolerance_seconds = AlertScore.toleranceSeconds
        var parts: [Part]
    }

    func run() async throws {
        let loaded = try LoadedModel(model)
        let database = try RecordDatabase(database)
        let noise = try NoiseScenario.NoiseRecords(RecordDatabase("nstdb"))
        let names = try database.scoredRecords(records)
        var parts: [Part] = []
        for scenario in scenarios(names) {
            parts.append(try await evaluate(scenario, database, noise, loaded.classifier))
            if !json { print(Self.text(parts[parts.count - 1]) + "\n") }
        }
        if json {
            try EvaluationReport.printJSON(Report(model: loaded.identity, database: database.directory, parts: parts))
        }
    }

    private func scenarios(_ names: [String]) -> [NoiseScenario] {
        var list = [
            NoiseScenario(name: "records as they are", source: .record, records: names),
            NoiseScenario(name: "noise alone: bw", source: .noiseAlone, records: ["bw"]),
            NoiseScenario(name: "noise alone: em", source: .noiseAlone, records: ["em"]),
            NoiseScenario(name: "noise alone: ma", source: .noiseAlone, records: ["ma"]),
        ]
        let mixed = stride(from: 0, to: names.count, by: mixedEvery).map { names[$0] }
        for kind in ["em", "ma", "bw"] {
            for decibels in snr.split(separator: ",").compactMap({ Double($0) }) {
                list.append(
                    NoiseScenario(
                        name: "\(kind) at \(fixed(decibels, 0)) dB", source: .mixed(noise: kind, decibels: decibels),
                        records: mixed))
            }
        }
        for hertz in [50.0, 60] {
            list.append(
                NoiseScenario(
                    name: "mains \(fixed(hertz, 0)) Hz, 0.2 mV", source: .mains(millivolts: 0.2, hertz: hertz),
                    records: mixed))
        }
        return list
    }

    private struct Outcome: Sendable {
        var without: AlertScore
        var with: AlertScore
        var beats: EC57Score?
    }

    private func evaluate(
        _ scenario: NoiseScenario, _ database: RecordDatabase, _ noise: NoiseScenario.NoiseRecords,
        _ classifier: BeatClassifier
    ) async throws -> Part {
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
        return Part(
            name: scenario.name, records: scenario.records, without_quality: without.figures,
            with_quality: with.figures,
            beats: beats.beats > 0 ? EC57Figures(beats, records: outcomes.count) : nil)
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
            ReferenceAlerts.Beat(sampleIndex: $0.sampleIndex, beatClass: $0.beatClass.monitored)
        }
        // Where there is no ECG there is no truth either: every alert about the patient is false.
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

    private static func text(_ part: Part) -> String {
        var table = TextTable([
            part.name, "false/h high", "medium", "low", "high+medium due", "missed", "low due", "missed",
            "flutter missed",
            "technical %",
        ])
        for (name, f) in [("quality not judged", part.without_quality), ("judged", part.with_quality)] {
            table.rows.append([
                name, fixed(f.false_per_hour_high, 2), fixed(f.false_per_hour_medium, 2),
                fixed(f.false_per_hour_low, 2),
                "\(f.expected_high_and_medium)", "\(f.missed_high_and_medium)", "\(f.expected_low)", "\(f.missed_low)",
                "\(f.flutter_missed) of \(f.flutter_stretches)", fixed(f.technical_time, 2),
            ])
        }
        var lines = [table.text]
        for (name, f) in [("not judged", part.without_quality), ("judged", part.with_quality)] {
            let wrong = f.kinds.filter { $0.not_true > 0 }.map { "\($0.alert) \($0.not_true)" }
            let missed = f.kinds.filter { $0.missed > 0 }.map { "\($0.alert) \($0.missed) of \($0.expected)" }
            lines.append("  \(name): false: \(wrong.isEmpty ? "none" : wrong.joined(separator: ", "))")
            lines.append("    missed: \(missed.isEmpty ? "none" : missed.joined(separator: ", "))")
            let technical = f.technical_alerts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            lines.append("    technical: \(technical.isEmpty ? "none" : technical.joined(separator: ", "))")
        }
        if let beats = part.beats, let sensitivity = beats.sensitivity, let predictivity = beats.positivePredictivity {
            lines.append("  beats: Se \(fixed(sensitivity, 2)), +P \(fixed(predictivity, 2))")
        }
        return lines.joined(separator: "\n")
    }
}

extension EC57Class {
    /// Nil for what is none of the monitor's classes.
    fileprivate var monitored: BeatClass? {
        switch self {
        case .normal: .normal
        case .supraventricular: .supraventricular
        case .ventricular: .ventricular
        case .fusion: .fusion
        case .unclassifiable: nil
        }
    }
}
