public import ECGATKGAN
public import ECGClassification
import FoundationEssentials
public import ToolSupport

/// A classifier of beat windows under evaluation.
public struct EvaluatedModel: Sendable {
    /// The name in the model card.
    public let name: String
    public let path: String
    public let sha256: String
    public let architecture: String
    public let card: ModelCard
    public let network: SharedNetwork

    /// The row of the paper's Table 1 to which it corresponds.
    public var paperSystem: PaperFigures.System { PaperFigures.System(architectureIdentifier: architecture) }

    public init(contentsOf path: String) throws(ModelError) {
        let (network, sha256, card) = try ModelFile.readNetwork(from: path)
        guard let card else { throw .noModelCard(path: path, reason: "there is none") }
        self.path = path
        self.sha256 = sha256
        self.card = card
        name = card.name
        architecture = network.architectureIdentifier
        self.network = SharedNetwork(network)
    }

    /// Loads a single model for a command.
    public static func load(_ path: String) throws(ToolError) -> EvaluatedModel {
        do {
            return try EvaluatedModel(contentsOf: path)
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)", nextStep: "Name another, or train one with `ecgmon train`")
        }
    }

    /// Loads the models from a comma-separated list of files and folders.
    ///
    /// A folder stands for every weights file in it that holds a classifier and was split by beats, except those called
    /// `surrogate` and those whose discriminator is in a separate file; skipped files are noted.
    public static func list(_ places: String, note: (String) -> Void) throws(ToolError) -> [EvaluatedModel] {
        var models: [EvaluatedModel] = []
        for item in places.split(separator: ",").map({ String($0) }) {
            guard RecordDatabase.isDirectory(item) else {
                models.append(try load(item))
                continue
            }
            let files = ((try? FileManager.default.contentsOfDirectory(atPath: item)) ?? []).sorted()
            for file in files where file.hasSuffix(".safetensors") && !isSurrogate(file) {
                do throws(ModelError) {
                    let model = try EvaluatedModel(contentsOf: "\(item)/\(file)")
                    if DataSplit(model.card) == .beats {
                        models.append(model)
                    } else {
                        note("left out: \(model.path) was split by patients; name it by itself")
                    }
                } catch {
                    switch error {
                    case .otherArchitecture(let path, let found, _): note("left out: \(path) holds \(found)")
                    case .noModelCard: note("left out: \(item)/\(file) has no model card, as a generator has none")
                    default: throw ToolError("the model cannot be used: \(error)", nextStep: "Repair or remove it")
                    }
                }
            }
        }
        guard !models.isEmpty else {
            throw ToolError("no models in \(places)", nextStep: "Train one with `ecgmon train`")
        }
        // A file present under two names gives one row.
        var seen: Set<String> = []
        let discriminators = Set(models.map(\.sha256))
        return models.filter { model in
            if let base = model.card.contextual?.baseSHA256, discriminators.contains(base) { return false }
            return seen.insert(model.sha256).inserted
        }
    }

    private static func isSurrogate(_ file: String) -> Bool { file.hasPrefix("surrogate") }

    /// Name, checksum and origin for a report.
    public struct Identity: Encodable, Sendable {
        public var name: String
        public var path: String
        public var sha256: String
        public var architecture: String
        public var recipe: String
        public var split: String
        public var seed: UInt64
    }

    /// The model's description in a report.
    public var identity: Identity {
        Identity(
            name: name, path: path, sha256: sha256, architecture: architecture, recipe: card.recipe, split: card.split,
            seed: card.seed)
    }
}
