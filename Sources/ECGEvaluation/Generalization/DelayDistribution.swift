import EC57

/// How long something took, over many cases: median, 90 and 99 %, maximum, and a histogram.
public struct DelayDistribution: Encodable, Sendable {
    /// Cases in which it came at all.
    public var cases: Int
    public var median: Double
    public var p90: Double
    public var p99: Double
    public var max: Double
    /// Number of cases from each edge up to the next one; the last bin has everything later.
    public var histogram: [Bin]

    /// One bar of the histogram.
    public struct Bin: Encodable, Sendable {
        /// Lower edge; the first bin also has what lies below it.
        public var from: Double
        public var cases: Int
    }

    /// - Parameters:
    ///   - values: in any order and unit.
    ///   - edges: lower edges of the histogram's bins, ascending.
    ///   - decimals: to which the values are rounded.
    /// - Returns: nil if there are no values.
    public init?(_ values: [Double], edges: [Double], decimals: Int) {
        guard !values.isEmpty, !edges.isEmpty else { return nil }
        let sorted = values.sorted()
        func at(_ share: Double) -> Double {
            sorted[Swift.min(sorted.count - 1, Int(share * Double(sorted.count)))].rounded(decimals: decimals)
        }
        cases = sorted.count
        median = at(0.5)
        p90 = at(0.9)
        p99 = at(0.99)
        max = at(1)
        histogram = edges.map { Bin(from: $0, cases: 0) }
        for value in sorted {
            histogram[Swift.max(0, (edges.firstIndex { $0 > value } ?? edges.count) - 1)].cases += 1
        }
    }

    /// Edges for the delay of a beat, ms.
    public static let beatEdges = [0.0, 200, 250, 300, 350, 400, 500, 750, 1_000, 1_500]
    /// Edges for the delay of an alarm, s.
    public static let alarmEdges = [0.0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 30]
}
