import ECGMonitor

#if canImport(Glibc)
    import Glibc
#endif

/// Logistic regression on features and their squares, fitted by Newton's method with all rows at once.
///
/// Each record weighs the same, records of more than two minutes three times as much, and fibrillation as much as all
/// other rhythms. The same rows give the same model.
public struct FibrillationTraining: Sendable {
    public var mean: [Double]
    public var scale: [Double]
    public var linear: [Double] = []
    public var square: [Double] = []
    public var bias = 0.0
    /// Rows used, of fibrillation and of other rhythms.
    public var counts = (fibrillation: 0, other: 0)

    /// Rows with fewer seconds behind them are left out: the rule does not decide on them.
    public static let minimumSeconds: Float = 18
    /// Features are clipped at this many standard deviations.
    private static let limit = 4.0
    /// Half the weight of the squared coefficients beside the mean loss.
    private static let decay = 0.02
    private static let longRecordSeconds = 120.0
    /// Neighbouring rows share most of their 30 s: of a long record, only every fifth is used.
    private static let longRecordStep = 5

    private struct Row {
        var features: [Double]
        var isFibrillation: Bool
        var weight: Double
    }

    /// - Parameter records: at least one row of either kind.
    public init(_ records: [FibrillationRows]) {
        var rows: [Row] = []
        for record in records {
            for label in [FibrillationRows.Label.fibrillation, .other] {
                let chosen = record.rows.indices.filter {
                    record.labels[$0] == label && record.rows[$0].seconds >= Self.minimumSeconds
                }
                let isLong = record.recordSeconds > Self.longRecordSeconds
                let taken = stride(from: 0, to: chosen.count, by: isLong ? Self.longRecordStep : 1).map { chosen[$0] }
                let weight = (isLong ? 3.0 : 1.0) / Double(max(1, taken.count))
                for index in taken {
                    rows.append(
                        Row(
                            features: record.rows[index].features.map(Double.init),
                            isFibrillation: label == .fibrillation, weight: weight))
                }
            }
        }
        for kind in [true, false] {
            let total = rows.reduce(0) { $0 + ($1.isFibrillation == kind ? $1.weight : 0) }
            for index in rows.indices where rows[index].isFibrillation == kind { rows[index].weight *= 0.5 / total }
        }
        counts = (rows.count { $0.isFibrillation }, rows.count { !$0.isFibrillation })
        let number = rows.first?.features.count ?? 0
        mean = [Double](repeating: 0, count: number)
        scale = mean
        for row in rows { for index in 0..<number { mean[index] += row.weight * row.features[index] } }
        for row in rows {
            for index in 0..<number {
                scale[index] += row.weight * (row.features[index] - mean[index]) * (row.features[index] - mean[index])
            }
        }
        scale = scale.map { $0.squareRoot() + 1e-6 }
        let coefficients = fit(rows, number)
        linear = Array(coefficients[..<number])
        square = Array(coefficients[number..<2 * number])
        bias = coefficients[2 * number]
    }

    private func design(_ features: [Double]) -> [Double] {
        let values = features.indices.map {
            max(-Self.limit, min(Self.limit, (features[$0] - mean[$0]) / scale[$0]))
        }
        return values + values.map { $0 * $0 } + [1]
    }

    private func fit(_ rows: [Row], _ number: Int) -> [Double] {
        let size = 2 * number + 1
        let inputs = rows.map { design($0.features) }
        var coefficients = [Double](repeating: 0, count: size)
        for _ in 0..<30 {
            var gradient = [Double](repeating: 0, count: size)
            var hessian = [Double](repeating: 0, count: size * size)
            for (row, input) in zip(rows, inputs) {
                var logit = 0.0
                for index in 0..<size { logit += coefficients[index] * input[index] }
                let probability = 1 / (1 + exp(-logit))
                let error = row.weight * (probability - (row.isFibrillation ? 1 : 0))
                let curvature = row.weight * probability * (1 - probability)
                for a in 0..<size {
                    gradient[a] += error * input[a]
                    let factor = curvature * input[a]
                    for b in 0...a { hessian[a * size + b] += factor * input[b] }
                }
            }
            for index in 0..<size - 1 {
                gradient[index] += 2 * Self.decay * coefficients[index]
                hessian[index * size + index] += 2 * Self.decay
            }
            hessian[size * size - 1] += 1e-9
            let step = Self.solve(&hessian, gradient)
            var largest = 0.0
            for index in 0..<size {
                coefficients[index] -= step[index]
                largest = max(largest, abs(step[index]))
            }
            if largest < 1e-8 { break }
        }
        return coefficients
    }

    /// Solves a positive definite system by Cholesky's method; the lower triangle of `matrix` is overwritten.
    private static func solve(_ matrix: inout [Double], _ right: [Double]) -> [Double] {
        let size = right.count
        for a in 0..<size {
            for b in 0...a {
                var sum = matrix[a * size + b]
                for c in 0..<b { sum -= matrix[a * size + c] * matrix[b * size + c] }
                matrix[a * size + b] = a == b ? max(sum, 1e-12).squareRoot() : sum / matrix[b * size + b]
            }
        }
        var result = right
        for a in 0..<size {
            for c in 0..<a { result[a] -= matrix[a * size + c] * result[c] }
            result[a] /= matrix[a * size + a]
        }
        for a in (0..<size).reversed() {
            for c in (a + 1)..<max(a + 1, size) { result[a] -= matrix[c * size + a] * result[c] }
            result[a] /= matrix[a * size + a]
        }
        return result
    }
}
