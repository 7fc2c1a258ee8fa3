import ArgumentParser

/// Figures about the system, each from a command that anyone can run again.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure the detector, the whole stream and the model on annotated records.",
        subcommands: [
            EvaluateQRS.self, EvaluateStream.self, EvaluateModel.self, EvaluateTable1.self, EvaluateWhitebox.self,
        ])
}
