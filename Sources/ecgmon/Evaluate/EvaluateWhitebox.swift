import ArgumentParser
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// Protocol W: what is left of a model when the attacker knows all of it.
struct EvaluateWhitebox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whitebox",
        abstract:
            "A model under every white-box attack, the worst case over them, the curve over epsilon, and sanity checks.",
        discussion: """
            The attacker knows the weights, the normalisation and the suspicion score. There is a row for each attack \
            on the held-out windows: FGSM, BIM and CW with 20 iterations, PGD with 20 iterations and 5 restarts, APGD \
            with 100 iterations on cross-entropy and on the DLR loss, SAP, and the joint attack on class and \
            suspicion; Square (black-box, 5,000 queries) on a stratified sample. A window counts as right in the worst \
            case only if it is right under all of FGSM, BIM, PGD, CW, both APGD and Square.

            A full run takes hours. It stores what is done and resumes when called again; --quick takes minutes.

            Example:
              ecgmon evaluate whitebox --quick
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Another network's weights, to check that attacks transferred from it do less harm (default: the shipped surrogate.safetensors, if any).",
            valueName: "file"))
    var surrogate: String?

    @Option(help: ArgumentHelp("Number of windows for Square; 0: all.", valueName: "n"))
    var squareSample = 1000

    @Option(help: ArgumentHelp("Network passes that Square may use per window.", valueName: "n"))
    var squareQueries = 5000

    @Option(
        help: ArgumentHelp("Number of windows for the curve over epsilon and for the sanity checks.", valueName: "n"))
    var curveSample = 1000

    @Flag(
        help: """
            Attack through the monitor's scaling: samples are moved before the window is scaled to [0,1], by at most \
            epsilon of its range.
            """)
    var throughScaling = false

    @Flag(
        help: """
            Only clean windows and the worst case, each attack on what the earlier ones have left: a fraction of the time.
            """)
    var worstOnly = false

    @OptionGroup var options: WindowEvaluationOptions

    func validate() throws {
        guard squareSample == 0 || squareSample >= 4, squareQueries >= 1, curveSample >= 4 else {
            throw ValidationError("a number is out of range; see ecgmon evaluate whitebox --help")
        }
    }

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        let model = try EvaluatedModel.load(InstalledFiles.model(model))
        let heldOut = try HeldOutWindows(
            RecordDatabase(options.database), for: [model], sample: options.sampleSize, seed: options.seed)
        var settings = WhiteboxSettings(epsilon: options.epsilon)
        settings.throughScaling = throughScaling
        settings.worstCaseOnly = worstOnly
        settings.squareSample = squareSample == 0 ? nil : squareSample
        settings.squareQueries = squareQueries
        settings.curveSample = curveSample
        if options.sampleSize != nil {
            settings.squareSample = min(settings.squareSample ?? .max, 200)
            settings.curveSample = min(curveSample, 300)
        }
        let result = try Whitebox(
            model: model, surrogate: EvaluatedModel.chosenSurrogate(surrogate), windows: heldOut.windows,
            settings: settings,
            measurement: options.measurement())
        try ReportOutput.show(
            result.report(heldOut), json: options.json, plot: options.drawing.plot,
            markdown: options.markdown ? result.markdown(heldOut) : nil, text: result.text(heldOut))
        guard result.checks.allSatisfy({ $0.outcome != .failed }) else { throw ExitCode.failure }
    }
}
