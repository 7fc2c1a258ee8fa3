/// Run-by-run comparison according to EC57 (4.3.4): couplets, short runs (3 to 5 beats) and long runs (6 or more) of
/// one class.
///
/// A reference run counts as found if the beats under test contain, from 150 ms before its first beat to 150 ms after
/// its last, a run of the class that is long enough for the same kind: 2, 3 or 6 beats. Positive predictivity is the
/// same with reference and test exchanged. A beat of any other class ends a run.
public struct EC57RunScore: Sendable, Equatable {
    /// Kinds of runs by length.
    public enum Kind: Int, Sendable, CaseIterable {
        case couplet, shortRun, longRun

        /// The minimum number of beats on the other side that counts as this kind.
        public var minimumBeats: Int { [2, 3, 6][rawValue] }

        /// - Returns: nil for a single beat, which is not a run.
        public init?(beats: Int) {
            switch beats {
            case 2: self = .couplet
            case 3...5: self = .shortRun
            case 6...: self = .longRun
            default: return nil
            }
        }
    }

    /// Reference runs by kind, and how many of them were found.
    public private(set) var referenceRuns = [0, 0, 0], foundRuns = [0, 0, 0]
    /// Runs under test by kind, and how many of them are also in the reference.
    public private(set) var testedRuns = [0, 0, 0], rightRuns = [0, 0, 0]

    public init() {}

    /// Compares the runs of one class in one record.
    ///
    /// - Parameters: see `EC57Score`.
    public init(_ beatClass: EC57Class, reference: EC57Reference, found: [EC57Beat], from startSeconds: Double) {
        let window = Int64((EC57Score.matchWindowSeconds * reference.samplingRate).rounded(.toNearestOrEven))
        let start = Int64(startSeconds * reference.samplingRate)
        func scored(_ beats: [EC57Beat]) -> [EC57Beat] {
            beats.filter { $0.sampleIndex >= start && reference.isScored($0.sampleIndex) }.sorted(by: EC57Beat.precedes)
        }
        let expected = scored(reference.beats)
        let tested = scored(found)
        Self.count(beatClass, expected, in: tested, window, &referenceRuns, &foundRuns)
        Self.count(beatClass, tested, in: expected, window, &testedRuns, &rightRuns)
    }

    /// Counts the runs among `beats` in `all`, and those of them that `others` also contain in `hits`, by kind.
    private static func count(
        _ beatClass: EC57Class, _ beats: [EC57Beat], in others: [EC57Beat], _ window: Int64, _ all: inout [Int],
        _ hits: inout [Int]
    ) {
        var first = 0
        // Earlier beats of `others` precede all remaining runs.
        var searchFrom = 0
        while first < beats.count {
            guard beats[first].beatClass == beatClass else {
                first += 1
                continue
            }
            var end = first
            while end < beats.count, beats[end].beatClass == beatClass { end += 1 }
            let run = first..<end
            first = end
            guard let kind = Kind(beats: run.count) else { continue }
            let from = beats[run.lowerBound].sampleIndex - window
            let to = beats[run.upperBound - 1].sampleIndex + window
            while searchFrom < others.count, others[searchFrom].sampleIndex < from { searchFrom += 1 }
            var longest = 0
            var length = 0
            for other in others[searchFrom...] {
                if other.sampleIndex > to { break }
                length = other.beatClass == beatClass ? length + 1 : 0
                longest = max(longest, length)
            }
            all[kind.rawValue] += 1
            if longest >= kind.minimumBeats { hits[kind.rawValue] += 1 }
        }
    }

    /// Gross statistics: the counts of the records are added.
    public static func += (total: inout EC57RunScore, record: EC57RunScore) {
        for kind in 0..<3 {
            total.referenceRuns[kind] += record.referenceRuns[kind]
            total.foundRuns[kind] += record.foundRuns[kind]
            total.testedRuns[kind] += record.testedRuns[kind]
            total.rightRuns[kind] += record.rightRuns[kind]
        }
    }
}
