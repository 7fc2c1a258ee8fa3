import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// The final class of each beat through the whole stream: protocol S, and protocol W on the final class.
struct EvaluateBeats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "beats",
        abstract: "Score the classes of the beats end to end: beat by beat, run by run, delay, and under attack.",
        discussion: """
            One lead goes through the same pipeline as in the daemon; none of it sees the annotations. Beat by beat: sensitivity \
            and positive predictivity of Q (any beat), S, V and F, matched within 150 ms (EC57), ventricular flutter left out. \
            Run by run: a couplet (2 beats), short run (3 to 5) or long run (6 and more) of V or S was found if the other side has a run of at least 2, 3 or 6 \
            beats of the class between 150 ms before it and 150 ms after it. The delay is from the annotated \
            R peak to the sample with which the final class is decided.

            With --attack the windows of beats drawn from the records, as many of each class, are attacked white-box: the \
            attacker knows the discriminator, the contextual classifier, the rhythm and the patient's earlier beats, and changes each \
            sample of the window by at most --epsilon. The discriminator alone is reported beside it.

            Figures on patients that the weights were trained on say nothing about new patients. The model card names them.

            Example:
              ecgmon evaluate beats --model Config/models/inter-patient.safetensors
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
            "Attack the final class: fgsm, bim, pgd, cw, apgd-ce, apgd-dlr; several separated by commas.",
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
        let loaded = try LoadedModel.chosen(model)
        var report = BeatReport(loaded, reversed: reversed, from: options.startSeconds)
        let methods = try attackMethods()
        if methods.isEmpty {
            var evaluation = BeatEvaluation(
                loaded, from: options.startSeconds, reversed: reversed, jobs: options.jobs)
            evaluation.onEvents = try options.annotationWriter()
            let database = try options.openDatabase()
            var parts = [try await evaluation.part(database, records: database.scoredRecords(options.records))]
            if svdb {
                let other = try RecordDatabase("svdb")
                parts.append(try await evaluation.part(other, records: other.scoredRecords(nil)))
            }
            report.parts = parts
        } else {
            let attack = ContextualizedAttack(
                methods: methods, epsilon: epsilon, sample: attackSample, seed: seed,
                startSeconds: options.startSeconds,
                runtime: .console(threads: options.jobs ?? 2), jobs: options.jobs)
            report.attack = try await attack.run(on: attackRecords, modelPath: loaded.path)
        }
        try ReportOutput.show(report, json: options.json, plot: options.drawing.plot, text: report.text(loaded))
    }
}
