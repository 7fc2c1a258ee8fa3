/// Sets of time spans in seconds of a record.
struct TimeSpan: Sendable, Equatable {
    var start: Double
    var end: Double

    var length: Double { max(0, end - start) }
    /// Whether both have some time in common.
    func overlaps(_ other: TimeSpan) -> Bool { end > other.start && start < other.end }
    /// Whether a moment lies within it; its end does not.
    func contains(_ time: Double) -> Bool { start <= time && time < end }
    func widened(by seconds: Double) -> TimeSpan { TimeSpan(start: start - seconds, end: end + seconds) }
    func clamped(to other: TimeSpan) -> TimeSpan {
        TimeSpan(start: max(start, other.start), end: min(end, other.end))
    }
}

extension [TimeSpan] {
    /// In order of time, with spans merged that overlap or are less than `gap` apart.
    func united(acrossGapsBelow gap: Double = 0) -> [TimeSpan] {
        var result: [TimeSpan] = []
        for span in sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            if let last = result.last, gap > 0 ? span.start - last.end < gap : span.start <= last.end {
                result[result.count - 1].end = Swift.max(last.end, span.end)
            } else {
                result.append(span)
            }
        }
        return result
    }

    /// Seconds of `span` that lie within these spans, which must not overlap each other.
    func covered(of span: TimeSpan) -> Double { reduce(0) { $0 + $1.clamped(to: span).length } }
}
