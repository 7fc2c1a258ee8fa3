public import ECGMonitor
import Synchronization

/// Runs the suspicion rule with many parameter settings over the same recordings.
public struct SuspicionSweep: Sendable {
    /// One setting of the rule and its results.
    public struct Point: Sendable {
        public var parameters: AttackSuspicionRule.Parameters
        /// False suspicions on each clean database.
        public var falseCounts: [Int]
        public var falsePerDay: Double
        /// Episodes detected in time, in percent, for each attack.
        public var shares: [Double]
        /// Over the attacks that do not take the suspicion into account.
        public var minimumShare: Double
    }

    /// In the grid's order.
    public private(set) var points: [Point]

    /// Withdrawal and ceiling keep their position relative to the threshold as in the rule's defaults.
    public static func grid() -> [AttackSuspicionRule.Parameters] {
        let defaults = AttackSuspicionRule.Parameters()
        var grid: [AttackSuspicionRule.Parameters] = []
        for margin in [0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5] as [Float] {
            for weight in [0, 0.2, 0.4, 0.5, 0.6, 0.8] as [Float] where weight * defaults.headLimit < margin {
                for rate in [0.01, 0.02, 0.03] as [Float] {
                    for raiseAt in [5, 6, 7, 8, 9, 10, 12] as [Float] {
                        var parameters = defaults
                        parameters.margin = margin
                        parameters.headWeight = weight
                        parameters.usualRate = rate
                        parameters.raiseAt = raiseAt
                        parameters.withdrawAt = raiseAt * defaults.withdrawAt / defaults.raiseAt
                        parameters.ceiling = raiseAt * defaults.ceiling / defaults.raiseAt
                        grid.append(parameters)
                    }
                }
            }
        }
        return grid
    }

    /// - Parameters:
    ///   - clean: recordings of each database.
    ///   - attacked: recordings of each attack.
    ///   - adaptive: attacks that take the suspicion into account; they are not part of `minimumShare`.
    ///   - runtime: threads, progress and cancellation.
    public init(
        clean: [[SuspicionRecording]], attacked: [[SuspicionRecording]], adaptive: Set<Int>, runtime: EvaluationRuntime
    ) {
        let grid = Self.grid()
        let seconds = clean.joined().reduce(0) { $0 + $1.seconds }
        let excerpts = attacked.map { $0.flatMap(Self.excerpts) }
        final class Results: Sendable {
            let points: Mutex<[Point?]>
            init(count: Int) { points = Mutex(Array(repeating: nil, count: count)) }
        }
        let results = Results(count: grid.count)
        ParallelBatches.run(Array(grid.indices), on: runtime, makeWorker: { () }) { _, index in
            let parameters = grid[index]
            let falseCounts = clean.map { $0.reduce(0) { $0 + $1.replayedRaises(parameters).count } }
            let shares = excerpts.map { excerpts in
                var notice = SuspicionNotice()
                for excerpt in excerpts { notice.add(excerpt, raises: excerpt.replayedRaises(parameters)) }
                return notice.share ?? .nan
            }
            let blind = shares.enumerated().filter { !adaptive.contains($0.offset) && $0.element.isFinite }.map(
                \.element)
            let point = Point(
                parameters: parameters, falseCounts: falseCounts,
                falsePerDay: seconds > 0 ? Double(falseCounts.reduce(0, +)) * 86_400 / seconds : .nan, shares: shares,
                minimumShare: blind.min() ?? .nan)
            results.points.withLock { $0[index] = point }
        }
        points = results.points.withLock { $0 }.compactMap { $0 }
    }

    /// Each episode, with the preceding beats that the rule still remembers.
    private static func excerpts(_ recording: SuspicionRecording) -> [SuspicionRecording] {
        recording.segments.map { segment in
            let start = max(segment.firstBeat - 100, 0)
            let end = segment.firstBeat + segment.beatCount
            var excerpt = recording
            excerpt.scores = Array(recording.scores[start..<end])
            excerpt.agreements = Array(recording.agreements[start..<end])
            (excerpt.rPeaks, excerpt.classes, excerpt.raisedAtBeats) = ([], "", [])
            excerpt.segments = [segment]
            excerpt.segments[0].firstBeat -= start
            return excerpt
        }
    }

    /// The settings with the highest detection at up to this many false suspicions a day: by the worst attack, then by
    /// the mean.
    public func best(falsePerDay limit: Double, count: Int) -> [Point] {
        func mean(_ point: Point) -> Double {
            let shares = point.shares.filter(\.isFinite)
            return shares.reduce(0, +) / Double(max(shares.count, 1))
        }
        return Array(
            points.filter { $0.falsePerDay <= limit }.sorted {
                ($0.minimumShare, mean($0), -$0.falsePerDay) > ($1.minimumShare, mean($1), -$1.falsePerDay)
            }.prefix(count))
    }

    /// False suspicions a day against the share detected: the settings that no other setting beats in both.
    public var curve: [Point] {
        var curve: [Point] = []
        for point in points.sorted(by: { ($0.falsePerDay, -$0.minimumShare) < ($1.falsePerDay, -$1.minimumShare) })
        where point.minimumShare > (curve.last?.minimumShare ?? -1) {
            curve.append(point)
        }
        return curve
    }
}
