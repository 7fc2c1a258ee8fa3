public import ECGATKGAN
import FoundationEssentials
internal import NeuralNetwork

/// The model card of a weights file: `NAME.json` next to `NAME.safetensors`. Its checksum is verified at every load.
public struct ModelCard: Codable, Sendable, Equatable {
    public var name: String
    public var sha256: String
    public var architecture: String
    /// How a window is made: sampling rate, length, position of R, scaling.
    public var preprocessing: String
    public var classes: [String]
    public var data: String
    /// What was held out: `beats` of every patient, or `patients`; nil means beats.
    public var heldOut: String?
    public var split: String
    public var recipe: String
    public var seed: UInt64
    /// Samples that had to be available beyond both ends of the window for a beat to be used, in the split as in
    /// training.
    public var windowMargin: Int
    /// The command that trained the weights.
    public var command: String
    /// Results by name, in percent if the name says so, measured on the held-out split.
    public var figures: [String: Double]
    /// The command that reproduces the results.
    public var figuresCommand: String
    public var notes: String
    /// The contextual classifier's training, if the weights file has one; everything else describes the
    /// discriminator.
    public var contextual: ContextualTraining?

    /// How a contextual classifier was trained.
    public struct ContextualTraining: Codable, Sendable, Equatable {
        /// SHA-256 of the discriminator's weights file that it was trained with.
        public var baseSHA256: String
        public var data: String
        public var recipe: String
        public var command: String
        public var figuresCommand: String

        enum CodingKeys: String, CodingKey {
            case data, recipe, command
            case baseSHA256 = "base_sha256"
            case figuresCommand = "figures_command"
        }

        public init(baseSHA256: String, data: String, recipe: String, command: String, figuresCommand: String) {
            self.baseSHA256 = baseSHA256
            self.data = data
            self.recipe = recipe
            self.command = command
            self.figuresCommand = figuresCommand
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, sha256, architecture, preprocessing, classes, data, split, recipe, seed, command, figures
        case heldOut = "held_out"
        case windowMargin = "window_margin"
        case figuresCommand = "figures_command"
        case notes
        case contextual = "join"
    }

    public init(
        name: String, sha256: String, architecture: String, data: String, heldOut: String? = nil, split: String,
        recipe: String, seed: UInt64,
        windowMargin: Int, command: String,
        figures: [String: Double], figuresCommand: String, notes: String
    ) {
        self.name = name
        self.sha256 = sha256
        self.architecture = architecture
        preprocessing = ModelFile.preprocessing
        classes = BeatClass.allCases.map { String($0.letter) }
        self.data = data
        self.heldOut = heldOut
        self.split = split
        self.recipe = recipe
        self.seed = seed
        self.windowMargin = windowMargin
        self.command = command
        self.figures = figures
        self.figuresCommand = figuresCommand
        self.notes = notes
    }

    /// Path of the model card of a weights file.
    public static func path(besideModel path: String) -> String {
        (path.hasSuffix(".safetensors") ? String(path.dropLast(".safetensors".count)) : path) + ".json"
    }

    public func write(besideModel path: String) throws(ModelError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let target = Self.path(besideModel: path)
        do {
            var text = try encoder.encode(self)
            text.append(UInt8(ascii: "\n"))
            try text.write(to: URL(filePath: target), options: .atomic)
        } catch {
            throw .file(.unwritable(path: target, reason: String(describing: error)))
        }
    }
}

/// Reading and writing weights: every tensor of a `Discriminator` in one safetensors file. Normalization is not
/// folded in, so the same file can be deployed, attacked and trained further.
public enum ModelFile {
    /// Preprocessing text in the metadata of every weights file.
    public static let preprocessing =
        "360 Hz, one lead; 280 samples, R at index 140; each window scaled so that its minimum is 0 and its maximum 1"

    static func metadata(architecture: String) -> [String: String] {
        [
            "architecture": architecture,
            "preprocessing": preprocessing,
            "classes": "N S V F",
            "layout":
                "convolutions (kernel, in, out), dense (in, out); normalisation epsilon 1e-3; leaky slope 0.2; same padding, the odd zero on the right",
        ]
    }

    /// Writes the network's weights atomically and returns their SHA-256 in hexadecimal.
    @discardableResult
    public static func write(
        _ network: some BeatNetwork, contextual: ContextualClassifier? = nil, to path: String
    ) throws(ModelError) -> String {
        var file = SafeTensors(metadata: metadata(architecture: network.architectureIdentifier))
        contextual?.add(to: &file)
        for tensor in network.store.tensors {
            file.tensors[tensor.name] = .init(shape: tensor.shape, values: network.store.array(of: tensor))
        }
        do {
            try file.write(to: path)
            return SHA256.hexadecimalDigest(of: try file.serialized())
        } catch {
            throw .file(error)
        }
    }

    /// Reads the weights of a `Discriminator`.
    ///
    /// - Parameter checkingCard: checks the file's SHA-256 against its model card; off for checkpoints, which have
    ///   none.
    public static func readDiscriminator(
        from path: String, checkingCard: Bool = true
    ) throws(ModelError) -> (network: Discriminator, sha256: String, card: ModelCard?) {
        let model = try readContextualDiscriminator(from: path, checkingCard: checkingCard)
        return (model.network, model.sha256, model.card)
    }

    /// Reads the weights of a `Discriminator` and of the contextual classifier in the same file, if there is one.
    ///
    /// - Parameter checkingCard: checks the file's SHA-256 against its model card.
    public static func readContextualDiscriminator(
        from path: String, checkingCard: Bool = true
    ) throws(ModelError) -> (
        network: Discriminator, contextual: ContextualClassifier?, sha256: String, card: ModelCard?
    ) {
        let (file, checksum, card) = try open(path, checkingCard: checkingCard)
        let found = file.metadata["architecture"] ?? "none named"
        guard let architecture = DiscriminatorArchitecture.named(found) else {
            throw .otherArchitecture(
                path: path, found: found,
                expected: DiscriminatorArchitecture.known.map(\.identifier).joined(separator: "\" or \""))
        }
        let network = Discriminator(architecture, seed: 0)
        try load(file, into: network.store, path: path)
        network.weightsChanged()
        return (network, try ContextualClassifier(file, path: path), checksum, card)
    }

    /// Reads the weights of any classifier known to this build (`BeatNetworks`).
    ///
    /// - Parameter checkingCard: checks the file's SHA-256 against its model card.
    public static func readNetwork(
        from path: String, checkingCard: Bool = true
    ) throws(ModelError) -> (network: any BeatNetwork, sha256: String, card: ModelCard?) {
        let (file, checksum, card) = try open(path, checkingCard: checkingCard)
        let found = file.metadata["architecture"] ?? "none named"
        guard let network = BeatNetworks.make(identifier: found, seed: 0) else {
            throw .otherArchitecture(
                path: path, found: found, expected: BeatNetworks.identifiers.joined(separator: "\" or \""))
        }
        try load(file, into: network.store, path: path)
        network.weightsChanged()
        return (network, checksum, card)
    }

    static func open(
        _ path: String, checkingCard: Bool
    ) throws(ModelError) -> (file: SafeTensors, sha256: String, card: ModelCard?) {
        let bytes: [UInt8]
        let file: SafeTensors
        do {
            bytes = try SafeTensors.readFile(path)
            file = try SafeTensors(bytes: bytes, path: path)
        } catch {
            throw .file(error)
        }
        let checksum = SHA256.hexadecimalDigest(of: bytes)
        var card: ModelCard?
        if checkingCard {
            let read = try readCard(besideModel: path)
            guard read.sha256 == checksum else {
                throw .checksumMismatch(path: path, found: checksum, inCard: read.sha256)
            }
            card = read
        }
        return (file, checksum, card)
    }

    /// Copies a file's tensors into a store of the same layout.
    static func load(_ file: SafeTensors, into store: ParameterStore, path: String) throws(ModelError) {
        for tensor in store.tensors {
            guard let read = file.tensors[tensor.name] else {
                throw .tensorMissing(path: path, tensor: tensor.name)
            }
            guard read.shape == tensor.shape else {
                throw .tensorOfOtherShape(
                    path: path, tensor: tensor.name, found: read.shape, expected: tensor.shape)
            }
            guard read.values.allSatisfy(\.isFinite) else {
                throw .notFinite(path: path, tensor: tensor.name)
            }
            read.values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                store.pointer(to: tensor).update(from: base, count: values.count)
            }
        }
    }

    public static func readCard(besideModel path: String) throws(ModelError) -> ModelCard {
        let cardPath = ModelCard.path(besideModel: path)
        do {
            let bytes = try SafeTensors.readFile(cardPath)
            return try JSONDecoder().decode(ModelCard.self, from: Data(bytes))
        } catch let error as SafeTensorsError {
            throw .noModelCard(path: cardPath, reason: error.description)
        } catch {
            throw .noModelCard(path: cardPath, reason: "it is not the JSON of a model card")
        }
    }
}
