import ArgumentParser
import ECGATKGAN
import Foundation
import NeuralNetwork

/// `ecgmon train`: the discriminator alone, with cross-entropy on protocol P's data and the attack head on windows attacked
/// afresh in every step.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train the discriminator on annotated records.",
        discussion: """
            Ctrl-C saves a checkpoint; the same command goes on from it. The same seed and options give the same weights, \
            bit for bit. Example:
              ecgmon train --database mitdb --output mine.safetensors
            """)

    @Option(help: "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.")
    var database = "mitdb"
    @Option(name: .shortAndLong, help: "The weights file to write; its model card lies beside it.")
    var output: String
    @Option(help: "Checkpoint file. Default: the weights file with .checkpoint added.")
    var checkpoint: String?
    @Option(
        help: """
            discriminator: the paper's layers, by the options below. hardened: other layers that withstand more, in two \
            stages whose settings are fixed; of the settings below only --seed counts.
            """)
    var recipe = RecipeName.discriminator
    @Flag(help: "Start anew even where a checkpoint lies.")
    var restart = false
    @Option(help: "Passes over the training set.")
    var epochs = 20
    @Option(help: "Seed of the split, of SMOTE, of the initial weights and of every random number of the training.")
    var seed: UInt64 = 1
    @Option(help: "N beats in the training set; 0 means all. The paper uses 10,000.")
    var normalBeats = 10_000
    @Option(help: "S, V and F beats are raised to this many each by SMOTE.")
    var minorityBeats = 10_000
    @Option(help: "Clean windows in a step; as many attacked ones are added.")
    var batch = 64
    @Option(help: "Peak of the one-cycle learning rate.")
    var learningRate: Float = 2e-3
    @Option(help: "R is moved by up to this many samples either way.")
    var jitter = 3
    @Option(help: "Most noise added to a third of the windows, standard deviation in units of the [0,1] window.")
    var noise: Float = 0.004
    @Option(help: "Largest epsilon of the attacks in training.")
    var epsilon: Float = 0.012
    @Option(help: "Iterations of the attacks in training.")
    var iterations = 5
    @Option(help: "Weight of attacked windows in the cross-entropy; clean ones have 1.")
    var attackedWeight: Float = 1
    @Option(help: "Weight of the attack head's loss.")
    var suspicionWeight: Float = 1

    func validate() throws {
        guard epochs >= 1, batch >= 2, normalBeats >= 0, minorityBeats >= 0, (0...20).contains(jitter),
            learningRate > 0, noise >= 0, epsilon > 0, iterations >= 1
        else { throw ValidationError("a number is out of its range; see ecgmon train --help") }
    }

    enum RecipeName: String, CaseIterable, ExpressibleByArgument { case discriminator, hardened }

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        if self.recipe == .hardened { return try runHardened() }
        var recipe = DiscriminatorRecipe()
        recipe.epochs = epochs
        recipe.batch = batch
        recipe.learningRate = learningRate
        recipe.seed = seed
        recipe.jitter = jitter
        recipe.noise = noise
        recipe.epsilon = epsilon
        recipe.iterations = iterations
        recipe.attackedClassWeight = attackedWeight
        recipe.suspicionWeight = suspicionWeight

        let all = try BeatWindowLoader.load(RecordDatabase(database), margin: jitter)
        let (whole, heldOut) = all.stratifiedSplit(heldOut: HeldOutFigures.share, seed: seed)
        var training = normalBeats == 0 ? whole : whole.limited(.normal, to: normalBeats, seed: seed)
        let drawn = Self.counts(training)
        for beatClass in [BeatClass.supraventricular, .ventricular, .fusion] {
            training.oversample(beatClass, to: minorityBeats, seed: seed &+ UInt64(beatClass.rawValue))
        }
        note("training windows: \(drawn), with SMOTE \(Self.counts(training)); held out: \(Self.counts(heldOut))")

        let checkpointPath = checkpoint ?? output + ".checkpoint"
        let trainer = try train(DiscriminatorTrainer(training, recipe: recipe), checkpointPath: checkpointPath)
        try finish(trainer, heldOut: heldOut, drawn: drawn, windowMargin: jitter)
        try? FileManager.default.removeItem(atPath: checkpointPath)
    }

    /// Two stages: the classes, then the attack head's own branch.
    private func runHardened() throws {
        let all = try BeatWindowLoader.load(RecordDatabase(database), margin: HardenedTraining.jitter)
        let (whole, heldOut) = all.stratifiedSplit(heldOut: HeldOutFigures.share, seed: seed)
        note("training windows: \(Self.counts(whole)); held out: \(Self.counts(heldOut))")
        let checkpoints = [1, 2].map { (checkpoint ?? output + ".checkpoint") + ".\($0)" }
        let withstanding = try train(
            HardenedTraining.withstanding(whole, seed: seed), checkpointPath: checkpoints[0])
        let noticing = try train(
            HardenedTraining.noticing(whole, seed: seed, startingFrom: withstanding.averaged),
            checkpointPath: checkpoints[1])
        try finish(
            noticing, heldOut: heldOut, drawn: Self.counts(whole), windowMargin: HardenedTraining.jitter,
            recipeBefore: "\(withstanding.recipe), then ")
        for path in checkpoints { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Goes on from the checkpoint where there is one.
    private func train(_ trainer: DiscriminatorTrainer, checkpointPath: String) throws -> DiscriminatorTrainer {
        if !restart, FileManager.default.fileExists(atPath: checkpointPath) {
            try trainer.restore(try SafeTensors(contentsOf: checkpointPath), path: checkpointPath)
            note("going on from \(checkpointPath): epoch \(trainer.epoch + 1), step \(trainer.stepInEpoch + 1)")
        }
        try run(trainer, checkpointPath: checkpointPath)
        return trainer
    }

    private func run(_ trainer: DiscriminatorTrainer, checkpointPath: String) throws {
        func done() -> Int { trainer.epoch * trainer.stepsPerEpoch + (trainer.isFinished ? 0 : trainer.stepInEpoch) }
        var progress = TrainingProgress(totalSteps: trainer.totalSteps, doneSteps: done())
        while !trainer.isFinished {
            if Interruption.requested {
                try trainer.checkpoint().write(to: checkpointPath)
                note("\nstopped; the same command goes on from \(checkpointPath)")
                throw ExitCode(Interruption.exitCode)
            }
            let epoch = trainer.epoch
            try trainer.step()
            if trainer.epoch == epoch {
                progress.update(
                    epoch: epoch + 1, epochs: trainer.epochs, doneSteps: done(), classification: trainer.losses.classification,
                    suspicion: trainer.losses.suspicion)
            } else {
                try trainer.checkpoint().write(to: checkpointPath)
                let losses = trainer.lastEpochLosses
                progress.epochEnded(
                    trainer.epoch, of: trainer.epochs, doneSteps: done(),
                    line: "class \(TrainingProgress.text(losses.classification))  attack \(TrainingProgress.text(losses.suspicion))"
                )
            }
        }
    }

    /// Evaluates the averaged weights on what was held out, writes them and their card.
    private func finish(
        _ trainer: DiscriminatorTrainer, heldOut: BeatDataset, drawn: String, windowMargin: Int, recipeBefore: String = ""
    ) throws {
        let network = Discriminator(trainer.network.architecture, sharing: trainer.averaged)
        if let tensor = trainer.averaged.firstNonFiniteTensor() {
            throw ToolError(
                "the trained tensor \(tensor.name) is not finite, nothing was written", nextStep: "Lower --learning-rate")
        }
        let figures = HeldOutFigures(heldOut, network: network) { text in note(text) }.figures
        let sha256 = try ModelFile.write(network, to: output)
        let card = ModelCard(
            name: URL(filePath: output).deletingPathExtension().lastPathComponent, sha256: sha256,
            architecture: network.architectureIdentifier,
            data: "MIT-BIH Arrhythmia Database 1.0.0 (ODC-BY 1.0, doi:10.13026/C2F305), channel 0 of all 48 records; \(drawn) before SMOTE",
            split: "stratified 80/20 with seed \(seed); figures on the held-out 20 %: \(Self.counts(heldOut))",
            recipe: "\(recipeBefore)\(trainer.recipe)", seed: seed, windowMargin: windowMargin,
            command: commandLine(), figures: figures,
            figuresCommand: "ecgmon evaluate model --model \(URL(filePath: output).lastPathComponent)",
            notes: "Beats of one patient are in both parts of the split, as in the paper: the figures say nothing of patients never seen. Not a medical device."
        )
        try card.write(besideModel: output)
        for (name, value) in figures.sorted(by: { $0.key < $1.key }) { print("\(name): \(value)") }
        print("\(output): SHA-256 \(sha256)")
    }

    private func commandLine() -> String {
        if recipe == .hardened { return "ecgmon train --recipe hardened --seed \(seed)" }
        return "ecgmon train --epochs \(epochs) --seed \(seed) --normal-beats \(normalBeats) --minority-beats \(minorityBeats)"
            + " --batch \(batch) --learning-rate \(learningRate) --jitter \(jitter) --noise \(noise)"
            + " --epsilon \(epsilon) --iterations \(iterations) --attacked-weight \(attackedWeight)"
            + " --suspicion-weight \(suspicionWeight)"
    }

    private func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    static func counts(_ dataset: BeatDataset) -> String {
        BeatClass.allCases.map { "\($0.letter) \(dataset.count(of: $0))" }.joined(separator: ", ")
    }
}
