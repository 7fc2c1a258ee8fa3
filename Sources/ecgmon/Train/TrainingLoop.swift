import ArgumentParser
import ECGATKGAN
import Foundation
import NeuralNetwork
import ToolSupport

/// Runs trainers to their end: shows how far they are, saves a checkpoint after every epoch and at Ctrl-C, and goes on
/// from it.
struct TrainingLoop {
    /// Starts anew even where a checkpoint lies.
    let restart: Bool

    /// - Parameters:
    ///   - name: of this stage, for the progress line.
    ///   - checkpoint: path; what lies there from an earlier call is gone on from.
    /// - Returns: the trainer, finished.
    @discardableResult
    func run<Trainer: NetworkTrainer>(_ trainer: Trainer, name: String, checkpoint: String) throws -> Trainer {
        if !restart, FileManager.default.fileExists(atPath: checkpoint) {
            try trainer.restore(try SafeTensors(contentsOf: checkpoint), path: checkpoint)
            if !trainer.isFinished {
                Terminal.note(
                    "going on from \(checkpoint): epoch \(trainer.epoch + 1), step \(trainer.stepInEpoch + 1)")
            }
        }
        func done() -> Int { trainer.epoch * trainer.stepsPerEpoch + (trainer.isFinished ? 0 : trainer.stepInEpoch) }
        var progress = TrainingProgress(name: name, totalSteps: trainer.totalSteps, doneSteps: done())
        while !trainer.isFinished {
            if Interruption.requested {
                try trainer.checkpoint().write(to: checkpoint)
                Terminal.note("\nstopped; the same command goes on from \(checkpoint)")
                throw ExitCode(Interruption.exitCode)
            }
            let epoch = trainer.epoch
            try trainer.step()
            if trainer.epoch == epoch {
                progress.update(
                    epoch: epoch + 1, epochs: trainer.epochs, doneSteps: done(), losses: trainer.namedLosses)
            } else {
                try trainer.checkpoint().write(to: checkpoint)
                progress.epochEnded(
                    trainer.epoch, of: trainer.epochs, doneSteps: done(), losses: trainer.lastEpochNamedLosses)
            }
        }
        return trainer
    }
}
