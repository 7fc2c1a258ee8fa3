/// The statistics of one score as they are reported: percentages to three decimals, times in ms. A statistic for which
/// there are no beats is nil.
public struct EC57Figures: Encodable, Sendable {
    /// Number of records that the statistics cover; nil for a single one.
    public var records: Int?
    public var beats: Int
    public var falseNegatives: Int
    public var falsePositives: Int
    public var sensitivity: Double?
    public var positivePredictivity: Double?
    public var errorRate: Double?
    public var rPeakErrorMeanAbsolute: Double?
    public var rPeakErrorMean: Double?
    public var ventricularSensitivity: Double?
    public var ventricularPositivePredictivity: Double?
    public var supraventricularSensitivity: Double?
    public var supraventricularPositivePredictivity: Double?
    public var fusionSensitivity: Double?
    public var fusionPositivePredictivity: Double?
    public var delay: Quantiles?
    /// Non-zero counts of the confusion matrix, by reference and found class: "N>V" is a reference N found as V; O
    /// stands for "no beat".
    public var confusion: [String: Int]

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

    /// - Parameters:
    ///   - score: of one record or several.
    ///   - records: number of records that the score sums up; nil: omitted from the JSON.
    ///   - classes: whether to include the statistics of V, S and F.
    public init(_ score: EC57Score, records: Int? = nil, classes: Bool = true) {
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
