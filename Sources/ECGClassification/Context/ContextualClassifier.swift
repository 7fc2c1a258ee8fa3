public import ECGATKGAN
import NeuralNetwork

/// The contextual classifier: a network that combines the discriminator's logits with the RR history and the
/// patient's beat templates (`ContextualFeatures`). It outputs the logits of N, S, V and F.
///
/// It has two stages. The first runs when the beat's window is complete. If it is confident, its class is final;
/// otherwise the beat is pending until the next one, and the second stage, which also sees that beat, decides. The
/// value is immutable and can be shared by all threads.
public struct ContextualClassifier: Sendable, Equatable {
    /// Minimum probability for the first stage to be confident of N, or of an ectopic beat.
    public static let sureOfNormal: Float = 0.97, sureOfEctopic: Float = 0.98
    /// Maximum time after its R peak that a pending beat waits for the next beat's window, in s.
    public static let maximumWaitSeconds = 1.6

    /// `first` takes the first `ContextualFeatures.count` features, `second` all `ContextualFeatures.countWithNext`.
    let first: ContextualStage, second: ContextualStage
    /// Raises the S logit where premature beats prevail; nil: not trained.
    let rhythm: RhythmEvidence?

    init(first: ContextualStage, second: ContextualStage, rhythm: RhythmEvidence? = nil) {
        self.first = first
        self.second = second
        self.rhythm = rhythm
    }

    /// The first stage's result.
    public struct FirstAnswer: Sendable {
        public var classification: BeatClassification
        /// True if the class is final; otherwise the beat is pending until the next one.
        public var isFinal: Bool
    }

    /// Classifies a beat with the first stage; the attack suspicion is left unchanged.
    ///
    /// - Parameter features: `ContextualFeatures.values`.
    public func first(_ answer: BeatClassification, features: [Float]) -> FirstAnswer {
        precondition(features.count == ContextualFeatures.count)
        let logits = features.withUnsafeBufferPointer {
            firstLogits($0.baseAddress!)
        }
        let classification = Self.classification(logits, suspicion: answer.attackSuspicion)
        return FirstAnswer(classification: classification, isFinal: Self.isSure(classification.probabilities))
    }

    /// Classifies a pending beat with the second stage.
    ///
    /// - Parameter features: the first stage's features followed by `ContextualFeatures.nextValues`.
    public func second(_ features: [Float], suspicion: Float) -> BeatClassification {
        precondition(features.count == ContextualFeatures.countWithNext)
        let logits = features.withUnsafeBufferPointer {
            secondLogits($0.baseAddress!)
        }
        return Self.classification(logits, suspicion: suspicion)
    }

    /// The logits of the first stage, from its features.
    private func firstLogits(_ features: UnsafePointer<Float>) -> SIMD4<Float> {
        adjusted(first.logits(ofFeatures: features), rhythm?.first, features: features)
    }

    /// The logits of the second stage, from the features of both.
    private func secondLogits(_ features: UnsafePointer<Float>) -> SIMD4<Float> {
        adjusted(second.logits(ofFeatures: features), rhythm?.second, features: features)
    }

    /// In atrial fibrillation a short interval says little: S needs more evidence. Where premature beats prevail, the
    /// rhythm gives it.
    ///
    /// The records trained on hold too few patients with either for the networks to learn this by themselves. The
    /// S logit is lowered by up to `fibrillationPenalty` as the median change of the latest intervals rises through
    /// `irregular`, as fractions of their mean, and raised by `RhythmEvidence`.
    private func adjusted(
        _ logits: SIMD4<Float>, _ line: RhythmEvidence.Line?, features: UnsafePointer<Float>
    ) -> SIMD4<Float> {
        let fibrillation = Self.fibrillation(features)
        var result = logits
        result[Int(BeatClass.supraventricular.rawValue)] -= Self.fibrillationPenalty * fibrillation
        if let rhythm, let line {
            let strength = rhythm.strength(line, features: features, fibrillation: fibrillation)
            result[Int(BeatClass.supraventricular.rawValue)] +=
                strength * RhythmEvidence.normalRatherThanVentricular(logits)
        }
        return result
    }

    /// How far the rhythm resembles atrial fibrillation, 0 ... 1.
    private static func fibrillation(_ features: UnsafePointer<Float>) -> Float {
        let change = features[RRHistory.Feature.medianChange.rawValue]
        return min(max((change - irregular.lowerBound) / (irregular.upperBound - irregular.lowerBound), 0), 1)
    }

    private static let fibrillationPenalty: Float = 0.5
    private static let irregular: ClosedRange<Float> = 0.06...0.14

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

    /// The final logits of a beat and the stage that produces them. The beat's context includes the next beat if it
    /// came in time.
    ///
    /// - Parameter features: `ContextualFeatures.countWithNext` values.
    func logits(ofFeatures features: UnsafePointer<Float>) -> (logits: SIMD4<Float>, isFirst: Bool) {
        let early = firstLogits(features)
        if Self.isSure(Self.softmax(early)) { return (early, true) }
        return (secondLogits(features), false)
    }

    /// Converts the gradient of the final logits into a gradient of the features, through the stage that produced
    /// them.
    func featureGradient(_ logitGradient: SIMD4<Float>, features: UnsafePointer<Float>) -> [Float] {
        guard logits(ofFeatures: features).isFirst else {
            let gradient = stageGradient(
                logitGradient, second.logits(ofFeatures: features), rhythm?.second, features: features)
            return second.featureGradient(gradient, features: features)
        }
        let gradient = first.featureGradient(
            stageGradient(logitGradient, first.logits(ofFeatures: features), rhythm?.first, features: features),
            features: features)
        return gradient + [Float](repeating: 0, count: ContextualFeatures.countWithNext - gradient.count)
    }

    /// Converts the gradient of a stage's adjusted logits into that of the stage's own ones. The rhythm does not depend
    /// on the window.
    private func stageGradient(
        _ gradient: SIMD4<Float>, _ logits: SIMD4<Float>, _ line: RhythmEvidence.Line?, features: UnsafePointer<Float>
    ) -> SIMD4<Float> {
        guard let rhythm, let line else { return gradient }
        let strength = rhythm.strength(line, features: features, fibrillation: Self.fibrillation(features))
        let normal = RhythmEvidence.normalRatherThanVentricular(logits)
        let slope = gradient[Int(BeatClass.supraventricular.rawValue)] * strength * normal * (1 - normal)
        var result = gradient
        result[Int(BeatClass.normal.rawValue)] += slope
        result[Int(BeatClass.ventricular.rawValue)] -= slope
        return result
    }
}

// MARK: The weights file

extension ContextualClassifier {
    /// Metadata key that identifies the features used by a file's contextual classifier; absent if the file has none.
    static let metadataKey = "join"
    private static let firstPrefix = "join.", secondPrefix = "join.next."

    /// Adds the tensors to a weights file.
    func add(to file: inout SafeTensors) {
        file.metadata[Self.metadataKey] = ContextualFeatures.identifier
        first.add(to: &file, prefix: Self.firstPrefix)
        second.add(to: &file, prefix: Self.secondPrefix)
        rhythm?.add(to: &file)
    }

    /// Reads the contextual classifier of a weights file; nil if the file has none.
    ///
    /// - Throws: `ModelError` if this build cannot use the one in the file.
    init?(_ file: SafeTensors, path: String) throws(ModelError) {
        guard let found = file.metadata[Self.metadataKey] else { return nil }
        guard found == ContextualFeatures.identifier else {
            throw .otherArchitecture(
                path: path, found: "join \(found)", expected: "join \(ContextualFeatures.identifier)")
        }
        first = try ContextualStage(file, prefix: Self.firstPrefix, features: ContextualFeatures.count, path: path)
        second = try ContextualStage(
            file, prefix: Self.secondPrefix, features: ContextualFeatures.countWithNext, path: path)
        rhythm = try RhythmEvidence(file, path: path)
    }
}
