import FoundationEssentials

/// The figures of one score as they are printed: percentages to three decimals, times in ms.
struct EC57Figures: Encodable, Sendable {
    var records: Int?
    var beats: Int
    var falseNegatives: Int
    var falsePositives: Int
    var sensitivity: Double?
    var positivePredictivity: Double?
    var errorRate: Double?
    var rPeakErrorMeanAbsolute: Double?
    var rPeakErrorMean: Double?
    var ventricularSensitivity: Double?
    var ventricularPositivePredictivity: Double?
    var supraventricularSensitivity: Double?
    var supraventricularPositivePredictivity: Double?
    var fusionSensitivity: Double?
    var fusionPositivePredictivity: Double?
    var delay: Quantiles?
    /// "N>V": reference N found as V; O is no beat.
    var confusion: [String: Int]

    enum CodingKeys: String, CodingKey {
        case records, beats, confusion
        case falseNegatives = "fn"
        case falsePositives = "fp"
        case sensitivity = "q_se"
        case positivePredictivity = "q_pp"
        case errorRate = "q_der"
        case rPeakErrorMeanAbsolute = "r_error_ms_mean_abs"
        case rPeakErrorMean = "r_error_ms_mean"
        case ventricularSensitivity = "v_se"
        case ventricularPositivePredictivity = "v_pp"
        case supraventricularSensitivity = "s_se"
        case supraventricularPositivePredictivity = "s_pp"
        case fusionSensitivity = "f_se"
        case fusionPositivePredictivity = "f_pp"
        case delay = "delay_ms"
    }

    init(_ score: EC57Score, records: Int? = nil, classes: Bool = true) {
        self.records = records
        beats = score.beats
        falseNegatives = score.falseNegatives
        falsePositives = score.falsePositives
        sensitivity = score.sensitivity.map { $0.rounded(decimals: 3) }
        positivePredictivity = score.positivePredictivity.map { $0.rounded(decimals: 3) }
        errorRate = score.errorRate.map { $0.rounded(decimals: 3) }
        rPeakErrorMeanAbsolute = score.meanAbsoluteRPeakError.map { $0.rounded(decimals: 2) }
        if !score.rPeakErrors.isEmpty {
            rPeakErrorMean = (score.rPeakErrors.reduce(0, +) / Double(score.rPeakErrors.count)).rounded(decimals: 2)
        }
        if classes {
            ventricularSensitivity = score.sensitivity(of: .ventricular)?.rounded(decimals: 3)
            ventricularPositivePredictivity = score.positivePredictivity(of: .ventricular)?.rounded(decimals: 3)
            supraventricularSensitivity = score.sensitivity(of: .supraventricular)?.rounded(decimals: 3)
            supraventricularPositivePredictivity = score.positivePredictivity(of: .supraventricular)?.rounded(
                decimals: 3)
            fusionSensitivity = score.sensitivity(of: .fusion)?.rounded(decimals: 3)
            fusionPositivePredictivity = score.positivePredictivity(of: .fusion)?.rounded(decimals: 3)
        }
        delay = Quantiles(score.delays)
        confusion = [:]
        let letters = EC57Class.allCases.map { String($0.letter) } + ["O"]
        for reference in letters.indices {
            for found in letters.indices {
                let count = score.count(reference: reference, found: found)
                if count > 0 { confusion["\(letters[reference])>\(letters[found])"] = count }
            }
        }
    }
}

/// A distribution in seven numbers.
struct Quantiles: Encodable, Sendable {
    var min, p5, median, mean, p95, p99, max: Double

    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func at(_ share: Double) -> Double {
            sorted[Swift.min(sorted.count - 1, Int(share * Double(sorted.count)))].rounded(decimals: 1)
        }
        min = sorted[0].rounded(decimals: 1)
        p5 = at(0.05)
        median = at(0.5)
        mean = (sorted.reduce(0, +) / Double(sorted.count)).rounded(decimals: 1)
        p95 = at(0.95)
        p99 = at(0.99)
        max = sorted[sorted.count - 1].rounded(decimals: 1)
    }

    var line: String {
        "min \(min), 5 % \(p5), median \(median), mean \(mean), 95 % \(p95), 99 % \(p99), max \(max) ms"
    }
}

extension Double {
    func rounded(decimals: Int) -> Double {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        return (self * scale).rounded(.toNearestOrEven) / scale
    }
}

/// A plain text table: the first column to the left, the others to the right.
struct TextTable {
    var header: [String]
    var rows: [[String]] = []

    init(_ header: [String]) { self.header = header }

    var text: String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return all.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// A figure that may be missing, with fixed decimals.
    static func cell(_ value: Double?, _ decimals: Int) -> String { value.map { fixed($0, decimals) } ?? "-" }
}
