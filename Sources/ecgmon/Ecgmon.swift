import ArgumentParser
import ECGEvaluation
import ToolSupport

/// The tool: everything about ecg-monitor that is not the daemon.
@main
struct Ecgmon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ecgmon",
        abstract: "Real-time ECG monitor: demonstrate, replay, watch, annotate, plot, evaluate, train, attack.",
        version: "0.1.0",
        subcommands: [
            Demo.self, Replay.self, LoadCommand.self, Watch.self, RecordCommand.self, HistoryCommand.self,
            AlarmCommands.self, KeyCommands.self, DoctorCommand.self, ClusterCommand.self, AnnotateCommand.self,
            PlotCommand.self,
            ReportCommand.self, EvaluateCommand.self,
            DataCommand.self, TrainCommand.self, TrainContextualClassifier.self, TrainFibrillation.self,
            AttackCommand.self, BenchmarkCommand.self,
        ])

    /// Runs the command that the arguments name.
    ///
    /// An evaluation that Ctrl-C ended tells what became of its work, and exits as a shell expects of that signal.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                RecordBatch.showProgress { ProgressLine(total: $0) }
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let cancelled as EvaluationCancelled {
            if let message = cancelled.message { Terminal.note(message) }
            exit(withError: ExitCode(Interruption.exitCode))
        } catch {
            exit(withError: error)
        }
    }
}
