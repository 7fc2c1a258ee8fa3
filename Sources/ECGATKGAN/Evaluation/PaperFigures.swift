/// The figures of the paper's tables, printed next to ours.
///
/// Source: K. F. Hossain, S. A. Kamran, A. Tavakkoli, X. Ma, "ECG-ATK-GAN: Robustness against Adversarial Attacks on
/// ECGs using Conditional Generative Adversarial Networks", Tables 1 and 2.
public enum PaperFigures {
    /// The rows of Table 1.
    public enum System: String, Sendable, CaseIterable, Codable {
        case proposed, shaker, kachuee, acharya

        /// The system that an architecture represents: one of the three compared systems by name, otherwise the
        /// proposed one.
        public init(architectureIdentifier identifier: String) {
            let name = identifier.lowercased()
            self = [.shaker, .kachuee, .acharya].first { name.contains($0.rawValue) } ?? .proposed
        }
    }

    /// How the windows were attacked, if at all.
    public enum Condition: String, Sendable, CaseIterable, Codable {
        case none, fgsm, bim, pgd, cw
    }

    /// One row of Table 1, in percent.
    ///
    /// The paper's accuracy is the mean of the four one-vs-rest accuracies; its AUC is (SEN + SPE) / 2.
    public struct ClassificationRow: Sendable, Equatable {
        public let accuracy: Double
        /// Sensitivity, specificity and AUC of N, S, V and F: twelve columns.
        public let classColumns: [Double]

        /// All 13 columns, in the table's order.
        public var columns: [Double] { [accuracy] + classColumns }
    }

    /// One row of Table 2: a generated window compared with its input.
    public struct SimilarityRow: Sendable, Equatable {
        /// Mean squared error, in squared window units.
        public let meanSquareError: Double
        /// In percent.
        public let structuralSimilarity: Double
        /// In percent.
        public let crossCorrelation: Double
        public let normalizedRootMeanSquareError: Double
    }

    public static func table1(_ condition: Condition, _ system: System) -> ClassificationRow {
        let columns: [Double] =
            switch (condition, system) {
            case (.none, .proposed): [98.8, 97.7, 98.2, 98.0, 93.0, 99.0, 96.0, 98.9, 99.2, 99.1, 91.7, 99.4, 95.7]
            case (.none, .shaker): [98.6, 97.4, 98.1, 97.7, 93.0, 98.7, 95.8, 99.2, 99.0, 99.1, 87.2, 99.6, 93.4]
            case (.none, .kachuee): [98.1, 96.8, 94.5, 95.7, 88.7, 97.6, 93.2, 92.5, 99.6, 96.1, 90.4, 99.3, 94.9]
            case (.none, .acharya): [96.4, 92.8, 96.2, 94.5, 86.2, 97.0, 91.6, 95.9, 98.8, 97.4, 94.2, 97.1, 95.7]
            case (.fgsm, .proposed): [98.6, 97.6, 94.3, 96.0, 82.0, 99.0, 90.5, 98.2, 99.0, 98.6, 78.9, 99.5, 89.3]
            case (.fgsm, .shaker): [92.6, 84.7, 93.3, 90.0, 81.8, 89.9, 87.8, 96.5, 95.6, 97.1, 57.9, 98.7, 78.8]
            case (.fgsm, .kachuee): [86.5, 73.1, 82.8, 77.9, 68.9, 83.4, 76.1, 73.7, 97.3, 85.5, 82.8, 93.2, 88.0]
            case (.fgsm, .acharya): [77.2, 53.3, 87.9, 70.6, 65.7, 74.1, 69.9, 66.2, 92.3, 79.2, 65.6, 87.9, 76.7]
            case (.bim, .proposed): [97.0, 94.4, 93.9, 94.2, 82.2, 97.2, 89.8, 96.5, 98.5, 97.5, 77.7, 98.7, 88.2]
            case (.bim, .shaker): [96.2, 93.1, 90.1, 91.6, 69.1, 98.2, 83.6, 97.6, 94.9, 96.2, 55.4, 99.8, 77.6]
            case (.bim, .kachuee): [85.6, 70.6, 90.4, 80.5, 67.4, 90.5, 78.9, 83.6, 92.3, 88.0, 82.1, 88.5, 85.3]
            case (.bim, .acharya): [76.9, 54.4, 87.5, 70.9, 49.0, 88.2, 68.6, 42.1, 91.9, 67.0, 87.8, 73.8, 80.8]
            case (.pgd, .proposed): [98.6, 97.9, 93.6, 95.7, 80.7, 99.1, 89.9, 97.5, 99.4, 98.4, 80.9, 99.4, 90.1]
            case (.pgd, .shaker): [96.5, 93.4, 92.8, 93.1, 81.3, 97.9, 89.6, 94.5, 98.2, 96.3, 82.8, 97.4, 90.1]
            case (.pgd, .kachuee): [87.2, 74.0, 86.9, 80.4, 66.3, 87.6, 77.0, 84.7, 91.8, 88.2, 65.6, 95.2, 80.4]
            case (.pgd, .acharya): [77.2, 54.0, 88.8, 71.4, 54.1, 91.3, 72.7, 57.8, 82.0, 69.9, 66.2, 80.6, 73.4]
            case (.cw, .proposed): [98.4, 97.3, 95.4, 96.4, 87.7, 98.2, 93.0, 96.9, 99.5, 98.2, 87.3, 99.6, 93.4]
            case (.cw, .shaker): [95.4, 90.8, 96.0, 93.4, 84.7, 97.0, 90.9, 97.8, 94.1, 96.0, 72.6, 99.7, 86.1]
            case (.cw, .kachuee): [91.9, 84.5, 83.3, 83.9, 74.4, 89.3, 81.8, 79.7, 99.3, 89.5, 61.1, 96.3, 78.7]
            case (.cw, .acharya): [81.2, 61.8, 89.1, 75.5, 64.6, 81.5, 73.1, 67.7, 94.1, 80.9, 83.4, 86.8, 85.1]
            }
        return ClassificationRow(accuracy: columns[0], classColumns: Array(columns.dropFirst()))
    }

    public static func table2(_ condition: Condition) -> SimilarityRow {
        func row(_ mse: Double, _ ssim: Double, _ correlation: Double, _ nrmse: Double) -> SimilarityRow {
            SimilarityRow(
                meanSquareError: mse, structuralSimilarity: ssim, crossCorrelation: correlation,
                normalizedRootMeanSquareError: nrmse)
        }
        return switch condition {
        case .none: row(2.9e-5, 99.88, 99.90, 0.0118)
        case .fgsm: row(8.9e-5, 99.62, 99.75, 0.0207)
        case .bim: row(6.4e-5, 99.62, 99.72, 0.0176)
        case .pgd: row(1.3e-4, 99.77, 99.85, 0.0136)
        case .cw: row(3.2e-5, 99.83, 99.86, 0.0123)
        }
    }
}
