import ArgumentParser
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// The paper's Table 1: classification under attack.
struct EvaluateTable1: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table1",
        abstract:
            "The paper's Table 1: models under no attack, FGSM, BIM, PGD and CW, with the paper's figures next to ours.",
        discussion: """
            The windows are those held out from every model's training. There are two blocks: in P-transfer the \
            attacks are made on a surrogate network, the closest match to the paper's figures; in P-whitebox, on the \
            model under test itself. Accuracy and AUC are as the paper defines them: the mean of the four \
            one-versus-rest accuracies, and (SEN + SPE) / 2. The plain accuracy and the area under the true ROC curve \
            are next to them.

            A full run takes hours; it stores what is done, goes on when called again, and --quick gives the same columns in minutes:
              ecgmon evaluate table1 --quick

            Example:
              ecgmon evaluate table1 --quick
            """)

    @Option(
        help: ArgumentHelp(
            "Weights files, or folders of them, separated by commas (default: the shipped ones).", valueName: "files"))
    var models: String?

    @Option(
        help: ArgumentHelp(
            "Weights of the surrogate network for transfer attacks (default: the shipped surrogate.safetensors, if there is one).",
            valueName: "file"))
    var surrogate: String?

    @OptionGroup var options: WindowEvaluationOptions

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        let models = try EvaluatedModel.list(models ?? EvaluatedModel.shippedFolder()) { Terminal.note($0) }
        let surrogate = try EvaluatedModel.chosenSurrogate(surrogate)
        let heldOut = try HeldOutWindows(
            RecordDatabase(options.database), for: models, sample: options.sampleSize, seed: options.seed)
        let table = try Table1(
            models: models, surrogate: surrogate, heldOut: heldOut, epsilon: options.epsilon,
            measurement: options.measurement())
        try ReportOutput.show(
            table.report, json: options.json, plot: options.drawing.plot,
            markdown: options.markdown ? table.markdown : nil, text: table.text)
    }
}
