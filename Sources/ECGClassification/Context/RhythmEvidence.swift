import ECGATKGAN
import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// Evidence for S from the rhythm alone: a logistic regression over a few features that compare intervals with the
/// mean of all so far, one for each stage.
///
/// Where premature beats outnumber the others, with pauses between them, their interval is the median, and their shape
/// is the dominant template. The networks have seen few such patients and take the beats for N. So few weights
/// extrapolate where the networks do not, but they know nothing of shape, fibrillation or a rate that rises. Their
/// evidence therefore counts only where the usual interval is short of the mean and there are pauses, outside
/// fibrillation, and against N, not against V.
struct RhythmEvidence: Sendable, Equatable {
    /// The log odds of S over N: the sum of the features times `weight`, plus `bias`.
    struct Line: Sendable, Equatable {
        let weight: [Float]
        let bias: Float

        func logOdds(_ features: UnsafePointer<Float>) -> Float {
            zip(RhythmEvidence.places, weight).reduce(bias) { $0 + features[$1.0] * $1.1 }
        }
    }

    let first: Line, second: Line

    /// Indices of the features, among those of both stages; the first stage has the first four.
    static let places: [Int] =
        [.rhythm(.overWholeMean), .rhythm(.previousOverWholeMean), .rhythm(.medianChange), .rhythm(.largeChanges)]
        .map(ContextualFeatures.place)
        + [.isKnown, .overWholeMean].map { ContextualFeatures.count + ContextualFeatures.placeOfNext($0) }
    static let firstCount = 4

    /// The log odds are multiplied by this, and the result is limited.
    private static let factor: Float = 6, largest: Float = 6
    /// The evidence begins to count where the logarithm of the median over the mean falls below the upper bound, and
    /// counts in full below the lower one.
    private static let short: ClosedRange<Float> = -0.25...(-0.2)
    /// It counts only where there was a pause among the latest intervals: from none to all as the logarithm of the
    /// longest over the median rises through this. Otherwise a rate that has risen is taken for premature beats.
    private static let pause: ClosedRange<Float> = 0.4...0.55

    /// What the S logit of a stage is raised by where V is out of the question, 0 ... 6.
    ///
    /// - Parameter fibrillation: how far the rhythm resembles atrial fibrillation, 0 ... 1.
    func strength(_ line: Line, features: UnsafePointer<Float>, fibrillation: Float) -> Float {
        func value(_ feature: RRHistory.Feature) -> Float { features[feature.rawValue] }
        // The mean of two logarithms: the local median over the mean of all intervals so far, and over the long-term
        // mean, which a sinus rate that rises for good soon follows.
        let excess = (value(.overWholeMean) - value(.overMedian) - value(.longOverMedian)) / 2
        let share = (Self.short.upperBound - excess) / (Self.short.upperBound - Self.short.lowerBound)
        let pauses =
            (value(.maximumOverMedian) - Self.pause.lowerBound) / (Self.pause.upperBound - Self.pause.lowerBound)
        let counted = min(max(share, 0), 1) * min(max(pauses, 0), 1) * (1 - fibrillation)
        guard counted > 0 else { return 0 }
        return counted * min(max(Self.factor * line.logOdds(features), 0), Self.largest)
    }

    /// The probability of N where it is either N or V.
    static func normalRatherThanVentricular(_ logits: SIMD4<Float>) -> Float {
        Activation.sigmoid(logits[Int(BeatClass.normal.rawValue)] - logits[Int(BeatClass.ventricular.rawValue)])
    }
}

// MARK: Training

extension RhythmEvidence {
    /// Fits both lines to the N and S beats among the samples; nil if either class is missing.
    ///
    /// Both classes have the same weight, and within a class a record that of the square root of its beat count.
    init?(_ samples: ContextualSamples) {
        let weights = samples.weights(of: [1, 1, 1, 1])
        let kept = samples.labels.indices.filter { samples.labels[$0] <= BeatClass.supraventricular.rawValue }
        guard let first = Self.line(samples, kept, weights, count: Self.firstCount),
            let second = Self.line(samples, kept, weights, count: Self.places.count)
        else { return nil }
        self.first = first
        self.second = second
    }

    /// Newton's method on the logistic loss, with a little of the squared weights added.
    private static func line(
        _ samples: ContextualSamples, _ kept: [Int], _ weights: [Float], count: Int
    ) -> Line? {
        let width = ContextualFeatures.countWithNext
        let isS = kept.map { samples.labels[$0] == BeatClass.supraventricular.rawValue }
        var sums = (normal: 0.0, supraventricular: 0.0)
        for (item, beat) in kept.enumerated() {
            if isS[item] {
                sums.supraventricular += Double(weights[beat])
            } else {
                sums.normal += Double(weights[beat])
            }
        }
        guard sums.normal > 0, sums.supraventricular > 0 else { return nil }
        // The last is the bias.
        var solution = [Double](repeating: 0, count: count + 1)
        for _ in 0..<steps {
            var gradient = solution.map { -ridge * $0 }
            var curvature = [[Double]](repeating: [Double](repeating: 0, count: count + 1), count: count + 1)
            for i in curvature.indices { curvature[i][i] = ridge }
            var row = [Double](repeating: 1, count: count + 1)
            for (item, beat) in kept.enumerated() {
                for i in 0..<count { row[i] = Double(samples.features[beat * width + places[i]]) }
                let sum = zip(row, solution).reduce(0) { $0 + $1.0 * $1.1 }
                let probability = 1 / (1 + exp(-sum))
                let weight = Double(weights[beat]) / (isS[item] ? sums.supraventricular : sums.normal) / 2
                let error = weight * ((isS[item] ? 1 : 0) - probability)
                let slope = weight * probability * (1 - probability)
                for i in row.indices {
                    gradient[i] += error * row[i]
                    for j in 0...i { curvature[i][j] += slope * row[i] * row[j] }
                }
            }
            for i in row.indices { for j in 0..<i { curvature[j][i] = curvature[i][j] } }
            for (i, change) in solve(curvature, gradient).enumerated() { solution[i] += change }
        }
        guard solution.allSatisfy(\.isFinite) else { return nil }
        return Line(weight: solution.dropLast().map { Float($0) }, bias: Float(solution[count]))
    }

    private static let steps = 12
    private static let ridge = 1e-6

    /// Solves a symmetric positive definite system by elimination.
    private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
        var (matrix, result) = (matrix, right)
        for pivot in result.indices {
            for row in result.indices where row != pivot {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot..<result.count { matrix[row][column] -= factor * matrix[pivot][column] }
                result[row] -= factor * result[pivot]
            }
        }
        return result.indices.map { result[$0] / matrix[$0][$0] }
    }
}

// MARK: The weights file

extension RhythmEvidence {
    private static let firstName = "join.rhythm", secondName = "join.next.rhythm"

    func add(to file: inout SafeTensors) {
        for (name, line) in [(Self.firstName, first), (Self.secondName, second)] {
            file.tensors[name + ".weight"] = .init(shape: [line.weight.count], values: line.weight)
            file.tensors[name + ".bias"] = .init(shape: [1], values: [line.bias])
        }
    }

    /// Reads it from a weights file; nil if the file has none.
    ///
    /// - Throws: `ModelError` if this build cannot use the one in the file.
    init?(_ file: SafeTensors, path: String) throws(ModelError) {
        guard file.tensors.keys.contains(where: { $0.hasPrefix(Self.firstName) || $0.hasPrefix(Self.secondName) })
        else { return nil }
        func line(_ name: String, _ count: Int) throws(ModelError) -> Line {
            Line(
                weight: try file.values(name + ".weight", [count], path: path),
                bias: try file.values(name + ".bias", [1], path: path)[0])
        }
        first = try line(Self.firstName, Self.firstCount)
        second = try line(Self.secondName, Self.places.count)
    }
}
