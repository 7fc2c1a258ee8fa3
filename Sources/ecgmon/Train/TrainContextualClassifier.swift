import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import FoundationEssentials
import NeuralNetwork
import ToolSupport

/// Trains the network that combines the discriminator's answer with the rhythm and the patient's own beats.
struct TrainContextualClassifier: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contextual",
        abstract: "Train the network that gives a beat its final class, beside a discriminator's weights.",
        discussion: """
            The records go through the monitor as in the daemon. Each detected beat is matched with the annotations (150 ms). \
            A small network then learns its class from what the monitor knows of it: the discriminator's answer, the \
            rhythm, and the patient's own beats so far. A detection that is not a beat counts as N. A folder with a REFERENCE.csv (challenge of 2017) tells only the \
            rhythm of each record: its beats of sinus rhythm and of atrial fibrillation count as N. The output is the \
            discriminator's weights file with the contextual classifier's tensors added.

            With --rhythm-alone the networks that the file already has are kept, and only the evidence of the rhythm, a \
            logistic regression, is fitted to the records.

            The same records, weights and options give the same file, bit for bit. Example:
              ecgmon contextual --model base.safetensors --records svdb,mitdb/DS1 --output inter-patient.safetensors
            """,
        aliases: ["join"])

    @Option(help: ArgumentHelp("The discriminator's weights, with their model card beside them.", valueName: "file"))
    var model: String
    @Option(name: .shortAndLong, help: "The weights file to write; its model card lies beside it.")
    var output: String
    @Option(
        help: ArgumentHelp(
            "Folders of annotated records, or their names in the folder ECGMON_DATABASES; /DS1 and /DS2 are the splits of mitdb.",
            valueName: "list"))
    var records = "svdb,mitdb/DS1"
    @Option(help: ArgumentHelp("Which of their signals; each is a recording of its own.", valueName: "list"))
    var channels = "0"
    @Option(
        help: ArgumentHelp(
            "Recordings of simulated sinus rhythm, slow and fast, that are added: all N.", valueName: "n"))
    var simulated = 0
    @Flag(help: "Keep the file's contextual networks, and fit only the evidence of the rhythm.")
    var rhythmAlone = false
    @Option(help: "Name in the model card. Default: the output's.")
    var name: String?
    @Option(help: "Passes over the beats.")
    var epochs = ContextualRecipe().epochs
    @Option(help: "Networks whose answers are averaged.")
    var members = ContextualRecipe().members
    @Option(
        help:
            "So many of them have the discriminator's logits among their features; the others judge by rhythm and shape alone."
    )
    var membersWithDiscriminator = ContextualRecipe().membersWithDiscriminator
    @Option(help: "Seed of the initial weights and of the order of the beats.")
    var seed: UInt64 = 1
    @Option(
        help: ArgumentHelp("Records worked on at a time (default: the number of cores); changes nothing but the time."))
    var jobs: Int?

    func validate() throws {
        guard !channelNumbers.isEmpty, channelNumbers.allSatisfy({ (0...11).contains($0) }),
            (0...1000).contains(simulated)
        else {
            throw ValidationError("--channels takes numbers from 0 on, separated by commas; --simulated up to 1000")
        }
        guard (1...1000).contains(epochs), (1...16).contains(members), membersWithDiscriminator >= 0, (jobs ?? 1) >= 1
        else {
            throw ValidationError("a number is out of its range; see ecgmon contextual --help")
        }
    }

    private var channelNumbers: [Int] { channels.split(separator: ",").map { Int($0) ?? -1 } }

    func run() async throws {
        BLAS.useOneThread()
        let base: (network: Discriminator, contextual: ContextualClassifier?, sha256: String, card: ModelCard?)
        do {
            base = try ModelFile.readContextualDiscriminator(from: model)
        } catch {
            throw ToolError("the model cannot be used: \(error)", nextStep: "Train one with `ecgmon train`")
        }
        if rhythmAlone, base.contextual == nil {
            throw ToolError("\(model) has no contextual classifier", nextStep: "Leave --rhythm-alone out to train one")
        }
        // The answers to the windows alone: a contextual classifier already in the file is replaced.
        let classifier = BeatClassifier(base.network, name: base.card?.name ?? model, sha256: base.sha256)
        var selections: [RecordSelection] = []
        var rhythms: [(database: RecordDatabase, name: String, recordClass: String)] = []
        for part in records.split(separator: ",").map(String.init) {
            if let database = try? RecordDatabase(part), let classes = database.recordClasses() {
                rhythms += try database.records().map { (database, $0, classes[$0] ?? "") }
            } else {
                selections.append(try RecordSelection(part))
            }
        }
        let inputs = channelNumbers.flatMap { channel in
            selections.flatMap { selection in selection.names.map { (selection.database, $0, channel) } }
        }
        var parts = try await RecordBatch.map(Array(inputs.enumerated()), jobs: jobs) { number, input in
            try ContextualBeats.samples(of: input.1, in: input.0, channel: input.2, number: number, classifier: classifier)
        }
        parts += try await RecordBatch.map(Array(rhythms.enumerated()), jobs: jobs) { number, input in
            try ContextualBeats.samples(
                of: input.name, in: input.database, recordClass: input.recordClass, number: inputs.count + number,
                classifier: classifier)
        }
        let recordings = inputs.count + rhythms.count
        parts += try await RecordBatch.map(Array(0..<simulated), jobs: jobs) { number in
            try SimulatedSinusBeats.samples(number: number, record: recordings + number, classifier: classifier)
        }
        var samples = ContextualSamples()
        for part in parts { samples.append(contentsOf: part) }
        let counts = BeatClass.allCases.map { "\($0.letter) \(samples.count(of: $0))" }.joined(separator: ", ")
        Terminal.note("\(samples.count) beats of \(recordings) recordings and \(simulated) simulated ones: \(counts)")
        var recipe = ContextualRecipe()
        recipe.epochs = epochs
        recipe.members = members
        recipe.seed = seed
        recipe.membersWithDiscriminator = membersWithDiscriminator
        let contextual =
            if rhythmAlone, let kept = base.contextual {
                try ContextualClassifierTrainer.fitRhythm(of: kept, to: samples)
            } else {
                try ContextualClassifierTrainer.train(samples, recipe: recipe) { Terminal.note($0) }
            }
        let sha256: String
        do {
            sha256 = try ModelFile.write(base.network, contextual: contextual, to: output)
            if var card = base.card {
                let file = URL(filePath: output).deletingPathExtension().lastPathComponent
                card.name = name ?? file
                card.sha256 = sha256
                let data =
                    "channels \(channels) of \(records), all beats detected, and \(simulated) simulated recordings: \(counts)"
                if rhythmAlone {
                    card.contextual?.data += "; the rhythm: \(data)"
                    card.contextual?.command += ", then \(commandLine)"
                } else {
                    card.contextual = ModelCard.ContextualTraining(
                        baseSHA256: base.sha256, data: data, recipe: "\(recipe)", command: commandLine,
                        figuresCommand: "ecgmon evaluate beats --model \(file).safetensors")
                }
                try card.write(besideModel: output)
            }
        } catch {
            throw ToolError("\(error)", nextStep: "Name another --output")
        }
        print("\(output): SHA-256 \(sha256)")
    }

    private var commandLine: String {
        "ecgmon contextual --model \(URL(filePath: model).lastPathComponent) --records \(records) --channels \(channels) --simulated \(simulated) "
            + (rhythmAlone
                ? "--rhythm-alone"
                : "--epochs \(epochs) --members \(members) --members-with-discriminator \(membersWithDiscriminator) --seed \(seed)")
    }
}
