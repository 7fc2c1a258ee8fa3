import EC57

/// Figures by name, for reports.
enum NamedFigures {
    /// Figures by name, without NaN values.
    static func rounded(_ names: [String], _ values: [Double]) -> [String: Double] {
        Dictionary(
            uniqueKeysWithValues: zip(names, values).filter { $0.1.isFinite }.map { ($0, $1.rounded(decimals: 3)) })
    }
}
