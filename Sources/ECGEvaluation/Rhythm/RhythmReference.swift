public import WFDB

/// The rhythm annotations of a record: which rhythm is present when.
public struct RhythmReference: Sendable {
    /// With the databases' own labels, such as "(AFIB"; ranges in frames, without gaps from the first one on.
    public var episodes: [(name: String, frames: Range<Int64>)] = []

    public init(annotations: [Annotation], frameCount: Int64) {
        let changes = annotations.filter { $0.code == .rhythm && $0.text.hasPrefix("(") }
        for (index, change) in changes.enumerated() {
            let end = index + 1 < changes.count ? changes[index + 1].sampleIndex : frameCount
            guard end > change.sampleIndex else { continue }
            let name = String(change.text.prefix { $0 != "\0" && !$0.isWhitespace })
            episodes.append((name, change.sampleIndex..<end))
        }
    }

    /// Where a rhythm is annotated.
    public func frames(of name: String) -> [Range<Int64>] { episodes.filter { $0.name == name }.map(\.frames) }
}

/// Sets of frames, for duration scores.
public enum FrameRanges {
    /// Sorted, with touching or overlapping ranges merged.
    public static func united(_ ranges: [Range<Int64>]) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }

    /// Number of frames in ranges that do not overlap.
    public static func length(_ ranges: [Range<Int64>]) -> Int64 {
        ranges.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
    }

    /// - Parameters: both merged.
    public static func common(_ a: [Range<Int64>], _ b: [Range<Int64>]) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for first in a {
            for second in b where first.overlaps(second) { result.append(first.clamped(to: second)) }
        }
        return united(result)
    }
}
