public import ECGATKGAN
public import ECGClassification
public import ToolSupport

/// A classifier read from a weights file, with the information that must accompany every figure.
public struct LoadedModel: Sendable {
    public let classifier: BeatClassifier
    public let path: String
    public let card: ModelCard?

    /// - Parameter path: the weights file, with its model card next to it.
    public init(contentsOf path: String) throws(ToolError) {
        self.path = path
        do {
            let model = try ModelFile.readContextualDiscriminator(from: path)
            classifier = BeatClassifier(
                model.network, contextual: model.contextual, name: model.card?.name ?? path, sha256: model.sha256)
            card = model.card
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)",
                nextStep: "Name another with --model, or train one with `ecgmon train`")
        }
    }

    /// Name, checksum and origin for a report.
    public struct Identity: Encodable, Sendable {
        public var name: String
        public var path: String
        public var sha256: String
        public var trained_on: String?
        public var split: String?
    }

    /// The model's description in a report.
    public var identity: Identity {
        Identity(
            name: classifier.name, path: path, sha256: classifier.sha256, trained_on: card?.data, split: card?.split)
    }
}
