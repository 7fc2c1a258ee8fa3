import ArgumentParser

/// Figures about the system, each from a command that anyone can run again.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure the detector, the stream and the model on annotated records, and make the paper's tables.",
        subcommands: [
            EvaluateQRS.self, EvaluateNoise.self, EvaluateBeats.self, EvaluateStream.self, EvaluateRhythm.self,
            EvaluateAlarms.self, EvaluateModel.self, EvaluateTable1.self, EvaluateTable2.self,
            EvaluateFigure2.self, EvaluateWhitebox.self, EvaluateCertificate.self, EvaluateAlarmAttack.self, EvaluateSuspicion.self,
            EvaluateReplay.self,
            EvaluateSameHeartbeat.self,
            EvaluateRecovery.self,
            EvaluateLatency.self, EvaluateMemory.self, EvaluateDigest.self, EvaluateGeneralization.self,
            EvaluateSpeed.self,
        ])
}
