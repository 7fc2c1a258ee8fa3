public import ECGATKGAN
import FoundationEssentials
public import ToolSupport

/// A classifier of beat windows under evaluation.
public struct EvaluatedModel: Sendable {
    /// The model card's.
    public let name: String
    public let path: String
    public let sha256: String
    public let architecture: String
    public let card: ModelCard
    public let network: SharedNetwork

    /// The row of the paper's Table 1 that it stands for.
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

    /// One model for a command.
    public static func load(_ path: String) throws(ToolError) -> EvaluatedModel {
        do {
            return try EvaluatedModel(contentsOf: path)
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)", nextStep: "Name another, or train one with `ecgmon train`")
        }
    }

    /// The models of a list of files and folders, separated by commas.
    ///
    /// A folder gives every weights file in it that holds a classifier and was split by beats, save those called
    /// `surrogate` and those whose discriminator is in a file of its own; what is left out is noted.
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
        // A file that is there under two names is one row.
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

    /// What a report names.
    public var identity: Identity {
        Identity(
            name: name, path: path, sha256: sha256, architecture: architecture, recipe: card.recipe, split: card.split,
            seed: card.seed)
    }
}
