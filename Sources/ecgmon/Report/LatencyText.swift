import DaemonEvaluation

extension LatencyFigures {
    /// Number, median, 99 %, largest, and the first two against others.
    func cells(against reference: LatencyFigures) -> [String] {
        func ratio(_ share: Double) -> Double? {
            guard let own = quantile(share), let other = reference.quantile(share), other > 0 else { return nil }
            return own / other
        }
        return ["\(count)"] + [0.5, 0.99, 1].map { TextTable.cell(quantile($0), 1) }
            + [0.5, 0.99].map { TextTable.cell(ratio($0), 2) }
    }
}
