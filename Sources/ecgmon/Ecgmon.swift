import ArgumentParser

/// The tool: everything about ecg-monitor that is not the daemon.
@main
struct Ecgmon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ecgmon",
        abstract: "Real-time ECG monitor: demonstrate, replay, watch, annotate, evaluate, train, attack.",
        version: "0.1.0",
        subcommands: [
            Demo.self, Replay.self, Watch.self, HistoryCommand.self, AlarmCommands.self, KeyCommands.self,
            AnnotateCommand.self, EvaluateCommand.self,
            DataCommand.self, TrainCommand.self, TrainContextualClassifier.self, AttackCommand.self, BenchmarkCommand.self,
        ])
}
