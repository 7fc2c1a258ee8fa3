import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import Foundation
import NeuralNetwork
import ToolSupport

/// `ecgmon train`: the networks of the paper, the ones it compares with, and those that ship.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a network on annotated records.",
        discussion: """
            Recipes:
              hardened       layers that withstand more, attacked afresh in every step; then the head that notices attacks
              paper          the paper's GAN on clean and attacked windows; writes the generator, too
              reconstruction a generator's last training, for the likeness of its windows (--start-from its weights)
              undefended     the paper's discriminator on clean windows alone; with another --network-seed, a surrogate
              kachuee-2018, acharya-2017, shaker-2020
                             the systems that the paper compares with, on clean windows and their own attacked ones
              discriminator  the paper's discriminator, attacked afresh in every step, by the options below

            Ctrl-C saves a checkpoint; the same command resumes from it. The same seeds, threads and options give the \
            same weights, bit for bit. Examples:
              ecgmon train --recipe hardened --output mine.safetensors
              ecgmon train --recipe undefended --network-seed 2 --output surrogate.safetensors
            """)

    @Option(help: "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.")
    var database = "mitdb"
    @Option(name: .shortAndLong, help: "The weights file to write; its model card is written next to it.")
    var output: String
    @Option(help: "Checkpoint file. Default: the weights file's name with .checkpoint appended.")
    var checkpoint: String?
    @Option(help: "beats: a fifth of every class is held out; patients: DS2 is held out, and DS1 trained on.")
    var split = DataSplit.beats
    @Option(help: "Which network to train, and how (see above).")
    var recipe = RecipeName.discriminator
    @Flag(help: "Start afresh even if there is a checkpoint.")
    var restart = false
    @Option(
        help: """
            Passes over the training set. Default: discriminator 20, undefended 12, compared systems 10, paper 100 as \
            in the paper; hardened 48, for the classes and for the attack head; reconstruction 6.
            """)
    var epochs: Int?
    @Option(help: "Seed of the split, of SMOTE and, unless --network-seed is given, of the training.")
    var seed: UInt64 = 1
    @Option(help: "Seed of the initial weights and of every random number of the training. Default: --seed.")
    var networkSeed: UInt64?
    @Option(help: "Threads; each processes a part of every batch, so the weights depend on their number.")
    var threads = 1
    @Option(
        help: """
            Learning rate: the peak of one cycle for discriminator (default 0.002) and hardened (0.003), the beginning \
            of a cosine for undefended and compared systems (0.001) and reconstruction (0.0002), constant for paper \
            (0.0002, as in the paper).
            """)
    var learningRate: Float?

    @Option(help: "All but hardened: N beats in the training set; 0 means all. The paper uses 10,000.")
    var normalBeats = 10_000
    @Option(help: "All but hardened: S, V and F beats are raised to this many each.")
    var minorityBeats = 10_000

    @Option(
        help: """
            paper: where to write the generator (default: generator.safetensors next to the weights file). hardened: a \
            generator's weights; it makes a part of the windows anew.
            """)
    var generator: String?
    @Option(help: "paper: lambda of the reconstruction's mean squared error; 1 in the paper.")
    var reconstructionWeight: Float = 1
    @Option(help: "paper: final epochs in which the learning rate falls to zero; none in the paper.")
    var decayEpochs = 0
    @Option(
        help: "paper: final epochs in which the generator normalises with running statistics; none in the paper.")
    var frozenStatisticsEpochs = 0

    @Option(help: "discriminator: clean windows per step; as many attacked ones are added.")
    var batch = 64
    @Option(help: "discriminator: R is shifted by up to this many samples either way.")
    var jitter = 3
    @Option(
        help:
            "discriminator: maximum noise added to a third of the windows, standard deviation in units of the [0,1] window."
    )
    var noise: Float = 0.004
    @Option(
        help:
            "discriminator, hardened: largest epsilon of the attacks in training. Default: discriminator 0.012, hardened 0.014."
    )
    var epsilon: Float?
    @Option(
        help: ArgumentHelp("hardened, reconstruction: weights to start from instead of new ones.", valueName: "file"))
    var startFrom: String?
    @Flag(help: "hardened: the attacks in training move samples before the window is scaled, as an attacker would.")
    var throughScaling = false
    @Option(
        help: """
            hardened: standard deviation of the noise added to a part of the windows, for the certificate, in units of a \
            window's range; 0: none.
            """)
    var smoothingNoise: Float = 0
    @Option(help: "hardened: the part of the windows that has this noise.")
    var smoothingShare: Float = 0.4
    @Option(
        help: """
            hardened: epochs in which the attack head is trained; 0: it stays as --start-from has it. Default: --epochs.
            """)
    var attackHeadEpochs: Int?
    @Option(help: "discriminator: iterations of the attacks in training.")
    var iterations = 5
    @Option(help: "discriminator: weight of attacked windows in the cross-entropy; clean ones have 1.")
    var attackedWeight: Float = 1
    @Option(help: "discriminator: weight of the attack head's loss.")
    var suspicionWeight: Float = 1

    enum RecipeName: String, CaseIterable, ExpressibleByArgument {
        case discriminator, hardened, paper, reconstruction, undefended
        case kachuee2018 = "kachuee-2018"
        case acharya2017 = "acharya-2017"
        case shaker2020 = "shaker-2020"
    }

    func validate() throws {
        guard (epochs ?? 1) >= 1, (1...64).contains(threads), batch >= 2 * threads, threads <= 32, normalBeats >= 0,
            minorityBeats >= 0, (0...20).contains(jitter), (learningRate ?? 1) > 0, noise >= 0, (epsilon ?? 1) > 0,
            iterations >= 1, reconstructionWeight >= 0, decayEpochs >= 0, frozenStatisticsEpochs >= 0,
            (0...1).contains(smoothingNoise), (0...1).contains(smoothingShare), (attackHeadEpochs ?? 0) >= 0
        else { throw ValidationError("a number is out of range; see ecgmon train --help") }
        guard attackHeadEpochs != 0 || startFrom != nil else {
            throw ValidationError("without --start-from the attack head has nothing to stay as")
        }
    }

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        // Better now than after hours.
        for path in recipe == .paper ? [output, generatorOutput] : [output] {
            let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
            guard RecordDatabase.isDirectory(folder), FileManager.default.isWritableFile(atPath: folder) else {
                throw ToolError(
                    "nothing can be written to the folder \(folder)", nextStep: "Create it, or name another --output")
            }
        }
        let session = TrainingSession(
            windows: try TrainingWindows(
                database, split: split, seed: seed, normalBeats: normalBeats, minorityBeats: minorityBeats,
                margin: recipe == .discriminator ? jitter : TrainingWindows.margin),
            seed: networkSeed ?? seed, threads: threads, output: output,
            checkpointBase: checkpoint ?? output + ".checkpoint", restart: restart, command: commandLine())
        Terminal.note(session.windows.text)
        switch recipe {
        case .discriminator: try runDiscriminator(session)
        case .hardened: try hardened.run(session)
        case .reconstruction: try reconstruction.run(session)
        case .paper: try PaperTraining(recipe: ganRecipe, generatorOutput: generatorOutput).run(session)
        case .undefended:
            try UndefendedTraining.run(
                session, epochs: epochs ?? UndefendedTraining.epochs, learningRate: learningRate ?? 1e-3)
        case .kachuee2018: try compared(.kachuee2018).run(session)
        case .acharya2017: try compared(.acharya2017).run(session)
        case .shaker2020: try compared(.shaker2020).run(session)
        }
    }

    private func compared(_ architecture: SequentialNetwork.Architecture) -> ComparedTraining {
        let epochs = epochs ?? 10
        return ComparedTraining(
            architecture: architecture, epochs: epochs, targetEpochs: max(epochs / 2, 1),
            learningRate: learningRate ?? 1e-3)
    }

    private var reconstruction: ReconstructionTraining {
        get throws {
            guard let startFrom else {
                throw ToolError("there is no generator to start from", nextStep: "Name its weights with --start-from")
            }
            var recipe = ReconstructionRecipe()
            if let epochs { recipe.epochs = epochs }
            if let learningRate { recipe.learningRate = learningRate }
            do {
                return ReconstructionTraining(
                    recipe: recipe, generator: try ModelFile.readGenerator(from: startFrom).generator)
            } catch {
                throw ToolError("the generator cannot be used: \(error)", nextStep: "Name another with --start-from")
            }
        }
    }

    private var hardened: HardenedTraining {
        get throws {
            var training = HardenedTraining(epochs: epochs ?? HardenedTraining.epochs, split: split)
            if let learningRate { training.learningRate = learningRate }
            if let epsilon { training.epsilon = epsilon }
            training.throughScaling = throughScaling
            training.smoothingNoise = smoothingNoise
            training.smoothingShare = smoothingShare
            training.attackHeadEpochs = attackHeadEpochs
            do {
                if let generator { training.windowGenerator = try ModelFile.readGenerator(from: generator).generator }
            } catch {
                throw ToolError("the generator cannot be used: \(error)", nextStep: "Name another with --generator")
            }
            guard let startFrom else { return training }
            do {
                let network = try ModelFile.readDiscriminator(from: startFrom).network
                guard network.architecture == .hardened else {
                    throw ToolError(
                        "\(startFrom) holds the architecture \(network.architectureIdentifier), not that of --recipe hardened",
                        nextStep: "Name weights that --recipe hardened wrote")
                }
                training.start = network
            } catch let error as ModelError {
                throw ToolError("the weights to start from cannot be used: \(error)", nextStep: "Name others")
            }
            return training
        }
    }

    private var generatorOutput: String {
        generator
            ?? URL(filePath: output).deletingLastPathComponent().appending(path: "generator.safetensors")
            .path(percentEncoded: false)
    }

    private var ganRecipe: GANRecipe {
        var recipe = GANRecipe()
        if let epochs { recipe.epochs = epochs }
        if let learningRate { recipe.learningRate = learningRate }
        recipe.reconstructionWeight = reconstructionWeight
        recipe.decayEpochs = decayEpochs
        recipe.frozenStatisticsEpochs = frozenStatisticsEpochs
        return recipe
    }

    private func runDiscriminator(_ session: TrainingSession) throws {
        var recipe = DiscriminatorRecipe()
        recipe.epochs = epochs ?? 20
        recipe.batch = batch
        recipe.threads = threads
        recipe.learningRate = learningRate ?? 2e-3
        recipe.seed = session.seed
        recipe.jitter = jitter
        recipe.noise = noise
        recipe.epsilon = epsilon ?? 0.012
        recipe.iterations = iterations
        recipe.attackedClassWeight = attackedWeight
        recipe.suspicionWeight = suspicionWeight

        var training = session.windows.limitedTraining
        let drawn = TrainingWindows.counts(training)
        for beatClass in [BeatClass.supraventricular, .ventricular, .fusion] {
            training.oversample(beatClass, to: minorityBeats, seed: seed &+ UInt64(beatClass.rawValue))
        }
        Terminal.note("with SMOTE: \(TrainingWindows.counts(training))")
        let trainer = try session.train(DiscriminatorTrainer(training, recipe: recipe), name: "discriminator")
        try session.finish(
            Discriminator(trainer.network.architecture, sharing: trainer.averaged), recipe: "\(recipe)",
            drawnFrom: "\(drawn) before SMOTE", suspects: true, margin: jitter)
    }

    /// What the model card names: every option that counts for this recipe.
    private func commandLine() -> String {
        var words = ["ecgmon train --recipe \(recipe.rawValue) --seed \(seed)"]
        if let networkSeed { words.append("--network-seed \(networkSeed)") }
        if threads != 1 { words.append("--threads \(threads)") }
        if split != .beats { words.append("--split \(split.rawValue)") }
        if let epochs { words.append("--epochs \(epochs)") }
        if recipe == .hardened {
            if let learningRate { words.append("--learning-rate \(learningRate)") }
            if let epsilon { words.append("--epsilon \(epsilon)") }
            if throughScaling { words.append("--through-scaling") }
            if smoothingNoise > 0 {
                words.append("--smoothing-noise \(smoothingNoise) --smoothing-share \(smoothingShare)")
            }
            if let attackHeadEpochs { words.append("--attack-head-epochs \(attackHeadEpochs)") }
            if let generator { words.append("--generator \(URL(filePath: generator).lastPathComponent)") }
            if let startFrom { words.append("--start-from \(URL(filePath: startFrom).lastPathComponent)") }
        } else {
            if let learningRate { words.append("--learning-rate \(learningRate)") }
            if normalBeats != 10_000 { words.append("--normal-beats \(normalBeats)") }
            if minorityBeats != 10_000 { words.append("--minority-beats \(minorityBeats)") }
        }
        switch recipe {
        case .paper:
            words.append(
                "--reconstruction-weight \(reconstructionWeight) --decay-epochs \(decayEpochs) "
                    + "--frozen-statistics-epochs \(frozenStatisticsEpochs)")
        case .discriminator:
            words.append(
                "--batch \(batch) --jitter \(jitter) "
                    + "--noise \(noise) --epsilon \(epsilon ?? 0.012) --iterations \(iterations) --attacked-weight \(attackedWeight) "
                    + "--suspicion-weight \(suspicionWeight)")
        default: break
        }
        return words.joined(separator: " ")
    }
}
