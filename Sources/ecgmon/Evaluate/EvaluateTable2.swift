import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// The paper's Table 2: how like the generator's windows are to those it was given.
struct EvaluateTable2: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table2",
        abstract:
            "The paper's Table 2: MSE, SSIM, cross-correlation and NRMSE of the generator, with the paper's figures next to ours.",
        discussion: """
            Each held-out window, clean or under a white-box attack on the model, goes through the generator with its \
            true class and fresh noise. The output is compared with the input, and with the window before the attack. \
            The paper defines none of its four figures. Here SSIM is Wang's in one dimension (Gaussian window of 11 \
            samples, sigma 1.5), cross-correlation is Pearson's coefficient at lag 0, and NRMSE is given both over the \
            range and over the root mean square of the window.

            Example:
              ecgmon evaluate table2
            """)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Weights of the generator (default: the shipped ones).", valueName: "file"))
    var generator: String?

    @Option(
        help: ArgumentHelp(
            "Weights of the discriminator to attack (default: the shipped ones).", valueName: "file"))
    var model: String?

    @OptionGroup var options: WindowEvaluationOptions

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        guard let path = generator ?? InstalledFiles.find("Config/models/generator.safetensors") else {
            throw ToolError(
                "there is no generator: Config/models/generator.safetensors was not found",
                nextStep: "Name one with --generator, or train one with `ecgmon train`")
        }
        let model = try EvaluatedModel.load(InstalledFiles.model(model))
        let weights: SharedGenerator
        let checksum: String
        do throws(ModelError) {
            let (generator, sha256) = try ModelFile.readGenerator(from: path)
            (weights, checksum) = (SharedGenerator(generator), sha256)
        } catch {
            throw ToolError("the generator cannot be used: \(error)", nextStep: "Name another with --generator")
        }
        let heldOut = try HeldOutWindows(
            RecordDatabase(options.database), for: [model], sample: options.sampleSize, seed: options.seed)
        let table = try Table2(
            generator: weights, generatorPath: path, generatorChecksum: checksum, model: model, heldOut: heldOut,
            epsilon: options.epsilon, measurement: options.measurement())
        try ReportOutput.show(
            table.report, json: options.json, plot: options.drawing.plot,
            markdown: options.markdown ? table.markdown : nil, text: table.text)
    }
}
