/// The kinds of journal being compared.
package enum LatencyJournal: String, CaseIterable, Sendable {
    case none, normal, full

    /// Lines of the daemon's configuration file. Alerts raised by the clock belong to no block.
    package var configuration: String {
        let streams = "[streams]\nsilent_after_seconds = 3600\nforgotten_after_seconds = 7200\n"
        return self == .none ? streams : streams + "[journal]\nsynchronous = \"\(rawValue)\"\n"
    }
}

/// Summary of many latencies, in ns.
package struct LatencyFigures: Sendable {
    private let sorted: [Int64]

    package var count: Int { sorted.count }

    package init(_ latencies: [Int64]) { sorted = latencies.sorted() }

    /// The smallest latency that at least this share does not exceed, in ms; nil if there are none.
    package func quantile(_ share: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let place = Int((share * Double(sorted.count)).rounded(.up)) - 1
        return Double(sorted[min(max(place, 0), sorted.count - 1)]) / 1e6
    }
}
