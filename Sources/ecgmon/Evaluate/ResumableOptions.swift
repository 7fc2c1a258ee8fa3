import ArgumentParser
import ECGEvaluation
import ToolSupport

/// What the long evaluations have in common: they store what is done, and the same command goes on from there.
struct ResumableOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Threads (default: the number of cores); the results do not depend on them.", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Folder for finished results, from which the same command resumes (default: ecgmon/evaluations in the user's cache folder).",
            valueName: "dir"))
    var work: String?

    @Flag(help: "Recompute what the work folder already holds.")
    var restart = false

    var runtime: EvaluationRuntime { .console(threads: threads) }

    func store() throws(ToolError) -> ResultStore { try ResultStore(work) }

    func validate() throws {
        guard (threads ?? 1) >= 1 else { throw ValidationError("--threads must be 1 or more") }
    }
}
