import ArgumentParser
import ECGATKGAN
import ECGMonitor
import FoundationEssentials
import NeuralNetwork
import WFDB

/// The final class of each beat through the whole stream: protocol S, and protocol W on the joined answer.
struct EvaluateBeats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "beats",
        abstract: "Score the classes of the beats end to end: beat by beat, run by run, delay, and under attack.",
        discussion: """
            One lead goes through the same pipeline as in the daemon; nothing knows the annotations. Beat by beat: sensitivity \
            and positive predictivity of Q (any beat), S, V and F, matched within 150 ms (EC57), ventricular flutter left out. \
            Run by run: a couplet (2 beats), short run (3 to 5) or long run (6 and more) of V or S was found if the other side has, \
            from 150 ms before it to 150 ms after, a row of the class of at least 2, 3 or 6 beats. The delay is from the annotated \
            R peak to the sample with which the final class is decided.

            With --attack the windows of beats drawn from the records, as many of each class, are attacked white-box: the \
            attacker knows the discriminator, the join, the rhythm and the memory of earlier beats, and moves the window within \
            the ball of --epsilon. The same for the discriminator alone stands beside it.

            A figure on patients that the weights were trained on says nothing of patients never seen; the model card names them.
            """)

    @OptionGroup var options: EvaluateOptions

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Flag(help: "Also the records of the supraventricular arrhythmia database (folder svdb).")
    var svdb = false

    @Flag(help: "Reverse the polarity of every record.")
    var reversed = false

    @Option(
        help: ArgumentHelp(
            "Attack the joined answer: fgsm, bim, pgd, cw, apgd-ce, apgd-dlr; several separated by commas.",
            valueName: "names"))
    var attack: String?

    @Option(help: ArgumentHelp("Beats that are attacked.", valueName: "n"))
    var attackSample = 1000

    @Option(help: ArgumentHelp("Records whose beats are attacked, such as mitdb/DS2 or svdb.", valueName: "list"))
    var attackRecords = "mitdb/DS2"

    @Option(help: "Radius of the attacks in units of the [0,1] window.")
    var epsilon: Float = 0.01

    @Option(help: "Seed of the sample and of the attacks' random starts.")
    var seed: UInt64 = 1

    struct Part: Encodable {
        var database: String
        var records: [String]
        var gross: [String: EC57Figures]
        var v_runs: [String: EC57RunFigures]
        var s_runs: [String: EC57RunFigures]
        var per_record: [RecordFigures]
    }

    struct Report: Encodable {
        var evaluation = "beats"
        var model: LoadedModel.Identity
        var joined: Bool
        var join_trained_on: String?
        /// The lead that was chosen; nil: in each record the first signal that is an ECG.
        var lead: String?
        var reversed: Bool
        var from_seconds: Double
        var match_window_ms = EC57Score.matchWindowSeconds * 1000
        var parts: [Part]?
        var attack: ContextualizedAttack.Report?
    }

    private struct Outcome: Sendable {
        var score: EC57Score
        var ventricular: EC57RunScore
        var supraventricular: EC57RunScore
    }

    private func attackMethods() throws -> [WindowAttack.Method] {
        let allowed: [WindowAttack.Method] = [.fgsm, .bim, .pgd, .cw, .apgdCE, .apgdDLR]
        return try (attack ?? "").split(separator: ",").map { name in
            guard let method = WindowAttack.Method(rawValue: String(name)), allowed.contains(method) else {
                throw ValidationError(
                    "--attack takes \(allowed.map(\.rawValue).joined(separator: ", ")), not \(name)")
            }
            return method
        }
    }

    func validate() throws {
        _ = try attackMethods()
        guard attackSample >= 4 else { throw ValidationError("--attack-sample must be 4 or more") }
        guard epsilon.isFinite, epsilon > 0, epsilon <= 1 else {
            throw ValidationError("--epsilon must be above 0 and at most 1")
        }
    }

    func run() async throws {
        BLAS.useOneThread()
        Interruption.install()
        let loaded = try LoadedModel(model)
        var report = Report(
            model: loaded.identity, joined: loaded.classifier.contextual != nil, join_trained_on: loaded.card?.contextual?.data,
            lead: options.lead, reversed: reversed, from_seconds: options.startSeconds)
        let methods = try attackMethods()
        if methods.isEmpty {
            var parts = [try await evaluate(options.openDatabase(), only: options.records, loaded)]
            if svdb { parts.append(try await evaluate(RecordDatabase("svdb"), only: nil, loaded)) }
            report.parts = parts
        } else {
            report.attack = try await ContextualizedAttack(
                methods: methods, epsilon: epsilon, sample: attackSample, seed: seed,
                startSeconds: options.startSeconds,
                jobs: options.jobs
            ).run(on: attackRecords, modelPath: loaded.path)
        }
        if options.json {
            try EvaluationReport.printJSON(report)
        } else {
            print(text(report, loaded))
        }
    }

    private func evaluate(_ database: RecordDatabase, only wanted: String?, _ model: LoadedModel) async throws -> Part {
        let names = try database.scoredRecords(wanted)
        let start = options.startSeconds
        let output = options.output
        let reversed = reversed
        if let output { try AnnotationOutput.makeFolder(output) }
        let outcomes = try await RecordBatch.map(names, jobs: options.jobs) { name in
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            let events = try MonitorRun.run(
                record, name: name, classifier: model.classifier, reversed: reversed, observing: false
            ).events
            if let output {
                try AnnotationOutput.write(
                    EventAnnotations.annotations(of: events, samplingRate: record.samplingRate), record: name,
                    annotator: AnnotateCommand.annotator, to: output)
            }
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
        return Part(
            database: database.directory, records: names, gross: EC57Figures.gross(scored),
            v_runs: runs(\.ventricular), s_runs: runs(\.supraventricular),
            per_record: scored.map { RecordFigures(record: $0.name, figures: EC57Figures($0.score)) })
    }

    private func text(_ report: Report, _ model: LoadedModel) -> String {
        var lines = ["model \(model.classifier.name), SHA-256 \(model.classifier.sha256)"]
        if let card = model.card {
            lines.append("discriminator trained on: \(card.data); \(card.split)")
            lines.append(card.contextual.map { "join trained on: \($0.data)" } ?? "no join: each window for itself")
        }
        for part in report.parts ?? [] {
            let gross = EC57Figures.grossInOrder(part.gross)
            lines.append("")
            lines.append(
                "beat by beat, \(options.leadText) of \(part.records.count) records of \(part.database), from \(fixed(options.startSeconds, 0)) s"
                    + (reversed ? ", polarity reversed" : ""))
            var table = TextTable([
                "record", "beats", "Q Se", "Q +P", "S Se", "S +P", "V Se", "V +P", "F Se", "F +P",
            ])
            for row in part.per_record.map({ (name: $0.record, figures: $0.figures) }) + gross {
                let f = row.figures
                table.rows.append(
                    [row.name, "\(f.beats)"]
                        + [
                            f.sensitivity, f.positivePredictivity, f.supraventricularSensitivity,
                            f.supraventricularPositivePredictivity, f.ventricularSensitivity,
                            f.ventricularPositivePredictivity, f.fusionSensitivity, f.fusionPositivePredictivity,
                        ].map { TextTable.cell($0, 2) })
            }
            lines.append(table.text)
            var runs = TextTable(["runs of", "couplets Se", "+P", "short Se", "+P", "long Se", "+P"])
            for set in gross.map(\.name) {
                for (letter, figures) in [("V", part.v_runs[set]), ("S", part.s_runs[set])] {
                    guard let figures else { continue }
                    runs.rows.append(
                        ["\(letter), \(set)"]
                            + [figures.couplets, figures.short_runs, figures.long_runs].flatMap {
                                [
                                    "\(TextTable.cell($0.se, 1)) (\($0.found)/\($0.runs))",
                                    "\(TextTable.cell($0.pp, 1)) (\($0.right)/\($0.runs_tested))",
                                ]
                            })
                }
            }
            lines.append("")
            lines.append(runs.text)
            if let delay = part.gross["all"]?.delay { lines.append("delay from R to the final class: \(delay.line)") }
        }
        if let attack = report.attack {
            lines.append("")
            lines.append(attack.text)
        }
        return lines.joined(separator: "\n")
    }
}
