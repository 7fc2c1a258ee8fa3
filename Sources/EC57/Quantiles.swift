/// Summary of a distribution of times in seven numbers: minimum, 5 %, median, mean, 95 %, 99 %, maximum, all in ms to
/// one decimal.
public struct Quantiles: Encodable, Sendable {
    public var min, p5, median, mean, p95, p99, max: Double

    /// - Returns: nil if there are no values.
    public init?(_ values: [Double]) {
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

    /// The seven numbers as one line of text, in ms.
    public var line: String {
        "min \(min), 5 % \(p5), median \(median), mean \(mean), 95 % \(p95), 99 % \(p99), max \(max) ms"
    }
}

extension Double {
    /// The value rounded to a number of decimals, ties to even.
    package func rounded(decimals: Int) -> Double {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        return (self * scale).rounded(.toNearestOrEven) / scale
    }
}
