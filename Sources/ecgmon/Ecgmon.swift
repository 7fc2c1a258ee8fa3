import ArgumentParser

/// The tool: everything about ecg-monitor that is not the daemon.
@main
struct Ecgmon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ecgmon",
        abstract: "Real-time ECG monitor: demonstrate, replay, watch, annotate, evaluate, train, attack.",
        version: "0.1.0",
        subcommands: [
            Demo.self, Replay.self, Watch.self, AlarmCommands.self, AnnotateCommand.self, EvaluateCommand.self,
            DataCommand.self, TrainCommand.self, JoinCommand.self, AttackCommand.self, BenchmarkCommand.self,
        ])
}
