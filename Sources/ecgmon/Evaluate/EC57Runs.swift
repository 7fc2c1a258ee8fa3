/// Run-by-run comparison after EC57 (4.3.4): couplets, short runs (3 to 5 beats) and long runs (6 and more) of one
/// class.
///
/// A run of the reference was found if the beats under test have, from 150 ms before its first beat to 150 ms after its
/// last, a row of the class that is long enough for the same kind: 2, 3 or 6 beats. Positive predictivity is the same
/// with reference and test exchanged. A beat of any other class ends a run.
struct EC57RunScore: Sendable, Equatable {
    enum Kind: Int, Sendable, CaseIterable {
        case couplet, shortRun, longRun

        /// Beats that are enough.
        var least: Int { [2, 3, 6][rawValue] }

        init?(beats: Int) {
            switch beats {
            case 2: self = .couplet
            case 3...5: self = .shortRun
            case 6...: self = .longRun
            default: return nil
            }
        }
    }

    /// By kind: runs of the reference, and how many of them were found; runs under test, and how many of them are
    /// right.
    private(set) var referenceRuns = [0, 0, 0], foundRuns = [0, 0, 0]
    private(set) var testedRuns = [0, 0, 0], rightRuns = [0, 0, 0]

    init() {}

    /// Compares one record; parameters as those of `EC57Score`.
    init(_ beatClass: EC57Class, reference: EC57Reference, found: [EC57Beat], from startSeconds: Double) {
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

    private static func count(
        _ beatClass: EC57Class, _ beats: [EC57Beat], in others: [EC57Beat], _ window: Int64, _ all: inout [Int],
        _ hits: inout [Int]
    ) {
        var first = 0
        // Others before this one lie before every run to come.
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
            var row = 0
            for other in others[searchFrom...] {
                if other.sampleIndex > to { break }
                row = other.beatClass == beatClass ? row + 1 : 0
                longest = max(longest, row)
            }
            all[kind.rawValue] += 1
            if longest >= kind.least { hits[kind.rawValue] += 1 }
        }
    }

    static func += (total: inout EC57RunScore, record: EC57RunScore) {
        for kind in 0..<3 {
            total.referenceRuns[kind] += record.referenceRuns[kind]
            total.foundRuns[kind] += record.foundRuns[kind]
            total.testedRuns[kind] += record.testedRuns[kind]
            total.rightRuns[kind] += record.rightRuns[kind]
        }
    }
}

/// Run-by-run figures as they are printed, in percent; nil where there is no run.
struct EC57RunFigures: Encodable, Sendable {
    struct Figures: Encodable, Sendable {
        var runs: Int
        var found: Int
        var se: Double?
        var runs_tested: Int
        var right: Int
        var pp: Double?
    }
    var couplets: Figures
    var short_runs: Figures
    var long_runs: Figures

    init(_ score: EC57RunScore) {
        func figures(_ kind: EC57RunScore.Kind) -> Figures {
            let k = kind.rawValue
            func percent(_ part: Int, _ whole: Int) -> Double? {
                whole > 0 ? (100 * Double(part) / Double(whole)).rounded(decimals: 2) : nil
            }
            return Figures(
                runs: score.referenceRuns[k], found: score.foundRuns[k],
                se: percent(score.foundRuns[k], score.referenceRuns[k]), runs_tested: score.testedRuns[k],
                right: score.rightRuns[k], pp: percent(score.rightRuns[k], score.testedRuns[k]))
        }
        couplets = figures(.couplet)
        short_runs = figures(.shortRun)
        long_runs = figures(.longRun)
    }
}
