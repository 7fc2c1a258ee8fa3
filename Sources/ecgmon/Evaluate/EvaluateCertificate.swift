import ArgumentParser
import ECGATKGAN
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// What no attack can change: certified accuracy by randomised smoothing.
struct EvaluateCertificate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "The share of held-out windows that no perturbation below an L2 norm can change, by randomised smoothing.",
        discussion: """
            Each window is given Gaussian noise thousands of times. From how often the network gives it its most \
            frequent class follows a radius within which nobody can change that class (Cohen et al. 2019), wrong with \
            a chance of alpha. The bound is that of Clopper and Pearson. Certified is the smoothed classifier, not the \
            network's answer without noise. A perturbation that moves each of 280 samples by at most 0.01 has an L2 \
            norm of at most 0.1674.

            What is done is stored, and the same command goes on from there.

            Example:
              ecgmon evaluate certificate --sigma 0.06
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Number of held-out windows of each class; 0: all.", valueName: "n"))
    var perClass = 100

    @Option(help: "Standard deviation of the noise, in units of the window's range.")
    var sigma: Float = 0.06

    @Option(help: ArgumentHelp("Noisy copies of a window that certify its class.", valueName: "n"))
    var draws = 3_500

    @Option(help: ArgumentHelp("Noisy copies that choose the class beforehand.", valueName: "n"))
    var selectionDraws = 100

    @Option(help: "Chance that a certificate is wrong.")
    var alpha = 0.001

    @Option(help: ArgumentHelp("L2 norms of perturbations, separated by commas.", valueName: "norms"))
    var norms = "0.05,0.1,0.1674"

    @Flag(
        help: "Noise and perturbations come before the window is scaled to [0,1], as in the monitor; else after it.")
    var throughScaling = false

    @Option(help: "Seed of the sample and of the noise.")
    var seed: UInt64 = 1

    @OptionGroup var resumable: ResumableOptions

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    private var radii: [Double]? {
        let parts = norms.split(separator: ",").map { Double($0.filter { !$0.isWhitespace }) }
        let values = parts.compactMap { $0 }
        return !values.isEmpty && values.count == parts.count && values.allSatisfy { $0.isFinite && $0 >= 0 }
            ? values : nil
    }

    func validate() throws {
        guard sigma.isFinite, sigma > 0, sigma <= 1 else {
            throw ValidationError("--sigma must be above 0 and at most 1")
        }
        guard (1...1_000_000).contains(draws), (1...100_000).contains(selectionDraws), perClass >= 0 else {
            throw ValidationError("--draws and --selection-draws must be 1 or more, and --per-class 0 or more")
        }
        guard alpha > 0, alpha < 0.5 else { throw ValidationError("--alpha must be above 0 and below 0.5") }
        guard radii != nil else { throw ValidationError("--norms takes numbers of 0 and more, separated by commas") }
    }

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        let model = try EvaluatedModel.load(InstalledFiles.model(model))
        let all = try HeldOutWindows(RecordDatabase(database), for: [model], sample: nil, seed: seed)
        let heldOut = perClass == 0 ? all : all.sample(ofEachClass: perClass, seed: seed)
        let evaluation = CertificateEvaluation(
            model: model,
            smoothing: RandomizedSmoothing(
                deviation: sigma, selectionDraws: selectionDraws, draws: draws, alpha: alpha,
                throughScaling: throughScaling),
            norms: radii ?? [], seed: seed)
        let certificates = try evaluation.certificates(
            of: heldOut.windows, store: try resumable.store(), runtime: resumable.runtime, restart: resumable.restart)
        var shares: [BeatClass: Double] = [:]
        for beatClass in BeatClass.allCases { shares[beatClass] = Double(all.windows.count(of: beatClass)) }
        let report = evaluation.report(
            evaluation.rows(certificates, labels: heldOut.windows.labels, shares: shares), heldOut)
        try ReportOutput.show(report, json: json, plot: drawing.plot, text: report.text(heldOut))
    }
}

extension CertificateEvaluation.Report {
    /// As a table.
    func text(_ heldOut: HeldOutWindows) -> String {
        var table = TextTable(["class", "windows", "abstained", "accuracy"] + norms.map { "certified at \($0)" })
        table.rows = rows.map { row in
            [row.beat_class, "\(row.windows)", fixed(row.abstained, 1), fixed(row.accuracy, 1)]
                + row.certified.map { fixed($0, 1) }
        }
        let place = through_scaling ? "before" : "after"
        return [
            "model \(model.name) (\(model.architecture)), SHA-256 \(model.sha256)", heldOut.text,
            "noise of sigma \(sigma) \(place) the scaling, \(draws) draws after \(selection_draws), alpha \(alpha), seed \(seed); "
                + "percent of the windows, L2 norms in units of a window's range; “all” weighs classes by their share",
            "", table.text,
        ].joined(separator: "\n")
    }
}
