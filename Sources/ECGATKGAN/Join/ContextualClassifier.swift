import NeuralNetwork

/// The network that joins the discriminator's answer with the rhythm and with the patient's own beats (`ContextualFeatures`):
/// the logits of N, S, V, F out.
///
/// In two stages. The first answers when the beat's window is complete. Where it is sure, that is the class; where it
/// is not, the beat waits for the next one, and the second stage answers, which knows of that one too. Immutable, and
/// so one for all threads.
public struct ContextualClassifier: Sendable, Equatable {
    /// The first stage is sure of N, or of an ectopic beat, from these probabilities on.
    public static let sureOfNormal: Float = 0.97, sureOfEctopic: Float = 0.98
    /// So long after its R peak a beat waits for the window of the next one to be complete, in s.
    public static let maximumWaitSeconds = 1.6

    /// Takes the first `ContextualFeatures.count` features, and all `ContextualFeatures.countWithNext`.
    let first: ContextualStage, second: ContextualStage

    /// What the first stage says.
    public struct FirstAnswer: Sendable {
        public var classification: BeatClassification
        /// The class is final; otherwise the next beat is to be waited for.
        public var isFinal: Bool
    }

    /// The first stage's answer to a beat; the attack suspicion stays as it was.
    ///
    /// - Parameter features: `ContextualFeatures.values`.
    public func first(_ answer: BeatClassification, features: [Float]) -> FirstAnswer {
        precondition(features.count == ContextualFeatures.count)
        let logits = features.withUnsafeBufferPointer { first.logits(ofFeatures: $0.baseAddress!) }
        let classification = Self.classification(logits, suspicion: answer.attackSuspicion)
        return FirstAnswer(classification: classification, isFinal: Self.isSure(classification.probabilities))
    }

    /// The second stage's answer to a beat that has waited.
    ///
    /// - Parameter features: of the first stage, `ContextualFeatures.nextValues` after them.
    public func second(_ features: [Float], suspicion: Float) -> BeatClassification {
        precondition(features.count == ContextualFeatures.countWithNext)
        let logits = features.withUnsafeBufferPointer { second.logits(ofFeatures: $0.baseAddress!) }
        return Self.classification(logits, suspicion: suspicion)
    }

    private static func classification(_ logits: SIMD4<Float>, suspicion: Float) -> BeatClassification {
        BeatClassification(probabilities: softmax(logits), attackSuspicion: suspicion, logits: logits)
    }

    static func isSure(_ probabilities: SIMD4<Float>) -> Bool {
        let normal = probabilities[Int(BeatClass.normal.rawValue)]
        let ectopic = max(
            probabilities[Int(BeatClass.supraventricular.rawValue)], probabilities[Int(BeatClass.ventricular.rawValue)])
        return normal >= sureOfNormal || ectopic >= sureOfEctopic
    }

    static func softmax(_ logits: SIMD4<Float>) -> SIMD4<Float> {
        var row = logits
        withUnsafeMutableBytes(of: &row) { bytes in
            Activation.softmax(bytes.assumingMemoryBound(to: Float.self).baseAddress!, count: 4)
        }
        return row
    }

    /// The final answer and the stage that gives it, of a beat whose context knows of the next beat if there is one in
    /// time.
    ///
    /// - Parameter features: `ContextualFeatures.countWithNext` values.
    func logits(ofFeatures features: UnsafePointer<Float>) -> (logits: SIMD4<Float>, isFirst: Bool) {
        let early = first.logits(ofFeatures: features)
        if Self.isSure(Self.softmax(early)) { return (early, true) }
        return (second.logits(ofFeatures: features), false)
    }

    /// The gradient of the final answer's logits as one of the features, through the stage that gives the answer.
    func featureGradient(_ logitGradient: SIMD4<Float>, features: UnsafePointer<Float>) -> [Float] {
        guard logits(ofFeatures: features).isFirst else {
            return second.featureGradient(logitGradient, features: features)
        }
        let gradient = first.featureGradient(logitGradient, features: features)
        return gradient + [Float](repeating: 0, count: ContextualFeatures.countWithNext - gradient.count)
    }
}

// MARK: The weights file

extension ContextualClassifier {
    /// The key in a weights file's metadata that says which features its join takes; a file without it has none.
    static let metadataKey = "join"
    private static let firstPrefix = "join.", secondPrefix = "join.next."

    /// Adds the tensors to those of a weights file.
    func add(to file: inout SafeTensors) {
        file.metadata[Self.metadataKey] = ContextualFeatures.identifier
        first.add(to: &file, prefix: Self.firstPrefix)
        second.add(to: &file, prefix: Self.secondPrefix)
    }

    /// Reads the join of a weights file; nil where it has none.
    ///
    /// - Throws: `ModelError` where it has one that this build cannot use.
    init?(_ file: SafeTensors, path: String) throws(ModelError) {
        guard let found = file.metadata[Self.metadataKey] else { return nil }
        guard found == ContextualFeatures.identifier else {
            throw .otherArchitecture(path: path, found: "join \(found)", expected: "join \(ContextualFeatures.identifier)")
        }
        first = try ContextualStage(file, prefix: Self.firstPrefix, features: ContextualFeatures.count, path: path)
        second = try ContextualStage(file, prefix: Self.secondPrefix, features: ContextualFeatures.countWithNext, path: path)
    }
}
