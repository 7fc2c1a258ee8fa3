import ECGATKGAN
import FoundationEssentials

/// A classifier of beat windows under evaluation.
struct EvaluatedModel: Sendable {
    /// The model card's.
    let name: String
    let path: String
    let sha256: String
    let architecture: String
    let card: ModelCard
    let network: SharedNetwork

    /// The row of the paper's Table 1 that it stands for.
    var paperSystem: PaperFigures.System { PaperFigures.System(architectureIdentifier: architecture) }

    init(contentsOf path: String) throws(ModelError) {
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
    static func load(_ path: String) throws(ToolError) -> EvaluatedModel {
        do {
            return try EvaluatedModel(contentsOf: path)
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)", nextStep: "Name another, or train one with `ecgmon train`")
        }
    }

    /// The models of a list of files and folders, separated by commas; nil: those shipped.
    ///
    /// A folder gives every weights file in it that holds a classifier and was split by beats, save those called
    /// `surrogate` and those whose discriminator is in a file of its own; what is left out is noted.
    static func list(_ given: String?, note: (String) -> Void) throws(ToolError) -> [EvaluatedModel] {
        var models: [EvaluatedModel] = []
        let places: String
        if let given { places = given } else { places = try shippedFolder() }
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

    /// The network that transfer attacks are made on: the one given, or `surrogate.safetensors` among those shipped.
    static func surrogate(_ given: String?) throws(ToolError) -> EvaluatedModel? {
        if let given { return try load(given) }
        guard let found = InstalledFiles.find("Config/models/surrogate.safetensors") else { return nil }
        return try load(found)
    }

    private static func isSurrogate(_ file: String) -> Bool { file.hasPrefix("surrogate") }

    private static func shippedFolder() throws(ToolError) -> String {
        let path = try InstalledFiles.model(nil)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// Name, checksum and origin for a report.
    struct Identity: Encodable {
        var name: String
        var path: String
        var sha256: String
        var architecture: String
        var recipe: String
        var split: String
        var seed: UInt64
    }

    var identity: Identity {
        Identity(
            name: name, path: path, sha256: sha256, architecture: architecture, recipe: card.recipe, split: card.split,
            seed: card.seed)
    }
}

/// The windows that the training of all models under evaluation held out (`DataSplit`).
struct HeldOutWindows: Sendable {
    let windows: EvaluationWindows
    let database: String
    let splitSeed: UInt64
    let margin: Int
    /// Windows of the whole held-out set, of which `windows` may be a sample.
    let heldOutCount: Int

    init(_ windows: EvaluationWindows, database: String, splitSeed: UInt64, margin: Int, heldOutCount: Int) {
        self.windows = windows
        self.database = database
        self.splitSeed = splitSeed
        self.margin = margin
        self.heldOutCount = heldOutCount
    }

    /// - Throws: `ToolError` where the models' cards tell of different splits.
    init(_ database: RecordDatabase, for models: [EvaluatedModel], sample: Int?, seed: UInt64) throws {
        guard let first = models.first else {
            throw ToolError("no model is under evaluation", nextStep: "Name one")
        }
        for other in models
        where other.card.seed != first.card.seed || other.card.windowMargin != first.card.windowMargin
            || DataSplit(other.card) != DataSplit(first.card)
        {
            throw ToolError(
                "\(first.name) and \(other.name) were trained on different splits (of \(DataSplit(first.card)) and "
                    + "\(DataSplit(other.card)), seeds \(first.card.seed) and \(other.card.seed), margins \(first.card.windowMargin) and \(other.card.windowMargin)): no set of windows was held "
                    + "out from both",
                nextStep: "Train them with the same --split, --seed and --jitter, or evaluate them one by one")
        }
        splitSeed = first.card.seed
        margin = first.card.windowMargin
        self.database = database.directory
        let heldOut = EvaluationWindows(
            try DataSplit(first.card).windows(of: database, margin: margin, seed: splitSeed).heldOut)
        guard heldOut.count > 0 else {
            throw ToolError(
                "\(database.directory) has no annotated beats", nextStep: "Bring the mitdb with `ecgmon data fetch`")
        }
        heldOutCount = heldOut.count
        windows = sample.map { heldOut.subset(heldOut.stratifiedSample($0, seed: seed)) } ?? heldOut
    }

    var countsByClass: [String: Int] {
        Dictionary(uniqueKeysWithValues: BeatClass.allCases.map { (String($0.letter), windows.count(of: $0)) })
    }

    /// For the head of a report.
    var text: String {
        let counts = BeatClass.allCases.map { "\($0.letter) \(windows.count(of: $0))" }.joined(separator: ", ")
        let part = windows.count == heldOutCount ? "all" : "a stratified sample of \(windows.count)"
        return
            "\(part) of the \(heldOutCount) windows held out from \(database) (split seed \(splitSeed), margin \(margin)): \(counts)"
    }

    /// For JSON.
    struct Report: Encodable {
        var database: String
        var split_seed: UInt64
        var window_margin: Int
        var held_out: Int
        var windows: Int
        var windows_by_class: [String: Int]
        var windows_sha256: String
    }

    var report: Report {
        Report(
            database: database, split_seed: splitSeed, window_margin: margin, held_out: heldOutCount,
            windows: windows.count, windows_by_class: countsByClass, windows_sha256: windows.checksum)
    }
}
