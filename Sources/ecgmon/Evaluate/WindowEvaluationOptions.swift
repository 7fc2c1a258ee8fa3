import ArgumentParser
import ECGEvaluation
import ToolSupport

/// What the evaluations on attacked windows have in common.
struct WindowEvaluationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Number of held-out windows to use; each class keeps its share.", valueName: "n"))
    var sample: Int?

    @Flag(help: "Like --sample 1000: the same columns in minutes.")
    var quick = false

    @Option(help: "Radius of the attacks in units of the [0,1] window.")
    var epsilon: Float = 0.01

    @Option(help: "Seed of the samples and of the attacks' random starts.")
    var seed: UInt64 = 1

    @OptionGroup var resumable: ResumableOptions

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print Markdown.")
    var markdown = false

    var runtime: EvaluationRuntime { resumable.runtime }

    /// What the options ask for.
    func measurement() throws(ToolError) -> AttackMeasurement {
        AttackMeasurement(store: try resumable.store(), runtime: runtime, seed: seed, restart: resumable.restart)
    }

    var sampleSize: Int? { sample ?? (quick ? 1000 : nil) }

    func validate() throws {
        guard (sample ?? 4) >= 4 else { throw ValidationError("--sample must be 4 or more: one window of each class") }
        guard epsilon.isFinite, epsilon > 0, epsilon <= 1 else {
            throw ValidationError("--epsilon must be above 0 and at most 1")
        }
        guard !(json && markdown) else { throw ValidationError("choose one of --json and --markdown") }
    }
}
