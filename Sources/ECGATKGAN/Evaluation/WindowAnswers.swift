internal import NeuralNetwork

/// A network's outputs for each window of a set: the class logits and the attack head's logit.
public struct WindowAnswers: Sendable, Equatable {
    /// N, S, V, F, attacked.
    static let stride = 5

    /// (count, 5); the fifth is NaN if the network has no attack head.
    public private(set) var values: [Float]

    public var count: Int { values.count / Self.stride }

    public init(count: Int) {
        values = [Float](repeating: .nan, count: count * Self.stride)
    }

    /// - Returns: `nil` if `values` does not hold a whole number of windows.
    public init?(values: [Float]) {
        guard values.count.isMultiple(of: Self.stride) else { return nil }
        self.values = values
    }

    /// Copies in the outputs of a part of the set, starting at window `start`.
    public mutating func replace(from start: Int, with part: WindowAnswers) {
        values.replaceSubrange((start * Self.stride)..<((start + part.count) * Self.stride), with: part.values)
    }

    mutating func set(_ index: Int, classLogits: UnsafePointer<Float>, attackLogit: Float?) {
        for c in 0..<Discriminator.classCount { values[index * Self.stride + c] = classLogits[c] }
        values[index * Self.stride + Discriminator.classCount] = attackLogit ?? .nan
    }

    /// The class with the largest logit; the first one if two are equal.
    public func answer(_ index: Int) -> BeatClass {
        var best = BeatClass.normal
        for candidate in BeatClass.allCases where logit(index, candidate) > logit(index, best) { best = candidate }
        return best
    }

    public func logit(_ index: Int, _ beatClass: BeatClass) -> Float {
        values[index * Self.stride + Int(beatClass.rawValue)]
    }

    /// The attack head's logit; `nil` if there is none.
    public func attackLogit(_ index: Int) -> Float? {
        let logit = values[index * Self.stride + Discriminator.classCount]
        return logit.isNaN ? nil : logit
    }

    public func isRight(_ index: Int, labels: [UInt8]) -> Bool { answer(index).rawValue == labels[index] }

    /// Softmax.
    public func probabilities(_ index: Int) -> [Float] {
        var row = BeatClass.allCases.map { logit(index, $0) }
        row.withUnsafeMutableBufferPointer { row in
            if let base = row.baseAddress { Activation.softmax(base, count: row.count) }
        }
        return row
    }

    public func subset(_ indices: [Int]) -> WindowAnswers {
        var subset = WindowAnswers(count: indices.count)
        for (place, index) in indices.enumerated() {
            for column in 0..<Self.stride {
                subset.values[place * Self.stride + column] = values[index * Self.stride + column]
            }
        }
        return subset
    }

    /// The outputs in `attacked`, except for windows that were misclassified before any attack, which an attacker can
    /// leave unchanged.
    public static func worst(of attacked: WindowAnswers, leaving clean: WindowAnswers, labels: [UInt8]) -> WindowAnswers
    {
        var result = attacked
        for index in labels.indices where !clean.isRight(index, labels: labels) {
            let choice = worst(
                of: [attacked.subset([index]), clean.subset([index])], labels: [labels[index]])
            result.replace(from: index, with: choice)
        }
        return result
    }

    /// The worst case if an attacker knows all of `answers`, the outputs for the same windows under different
    /// attacks. For each window it is a misclassification if there is one, and of several the one with the lowest
    /// attack suspicion.
    public static func worst(of answers: [WindowAnswers], labels: [UInt8]) -> WindowAnswers {
        var worst = WindowAnswers(count: labels.count)
        for index in labels.indices {
            var chosen: WindowAnswers?
            for candidate in answers {
                guard let current = chosen else {
                    chosen = candidate
                    continue
                }
                let right = candidate.isRight(index, labels: labels)
                let currentRight = current.isRight(index, labels: labels)
                let isStealthier = (candidate.attackLogit(index) ?? 0) < (current.attackLogit(index) ?? 0)
                if right != currentRight ? currentRight : isStealthier { chosen = candidate }
            }
            guard let chosen else { continue }
            for column in 0..<stride {
                worst.values[index * stride + column] = chosen.values[index * stride + column]
            }
        }
        return worst
    }
}
