import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct SameHeartbeatTests {
    /// Intervals of a heart, in s: a slow wave, as of breathing, and scatter.
    private static func intervals(_ count: Int, seed: UInt64, scatter: Double = 0.03) -> [Double] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in 0.8 + scatter * random.normal() }
    }

    private struct Ward {
        var finder = SameHeartbeatFinder()
        var patterns: [String: HeartbeatPattern] = [:]
        var found: [SameHeartbeatFinder.Pair] = []

        mutating func beat(_ interval: Double?, of stream: String, at seconds: Double) {
            guard let excerpt = patterns[stream, default: HeartbeatPattern()].append(interval) else { return }
            found += finder.compare(excerpt, of: stream, at: UInt64((seconds + 100) * 1e9))
        }
    }

    /// Sends the intervals of several streams, each with its own delay in s.
    private static func ward(_ streams: [(name: String, intervals: [Double], delay: Double)]) -> Ward {
        var ward = Ward()
        var beats: [(name: String, interval: Double, seconds: Double)] = []
        for stream in streams {
            var seconds = stream.delay
            for interval in stream.intervals {
                seconds += interval
                beats.append((stream.name, interval, seconds))
            }
        }
        for beat in beats.sorted(by: { $0.seconds < $1.seconds }) {
            ward.beat(beat.interval, of: beat.name, at: beat.seconds)
        }
        return ward
    }

    @Test(arguments: [0.0, 5]) func aCopyIsFoundOnceAndOnlyThat(delay: Double) {
        let own = Self.intervals(150, seed: 1)
        let ward = Self.ward([
            ("bed-1", own, 0), ("bed-2", Self.intervals(150, seed: 2), 0), ("bed-3", own, delay),
        ])
        #expect(ward.found == [SameHeartbeatFinder.Pair("bed-3", "bed-1")])
        #expect(ward.finder.found.map(\.first) == ["bed-1"] && ward.finder.found.map(\.second) == ["bed-3"])
    }

    @Test func aCopyWithOtherSamplesIsFound() {
        let own = Self.intervals(300, seed: 3)
        var random = SeededGenerator(seed: 4)
        // R peaks one sample of 360 Hz off at most.
        let copy = own.map { $0 + Double(random.next() % 3) / 360 - 1 / 360 }
        #expect(Self.ward([("bed-1", own, 0), ("bed-2", copy, 1)]).found.count == 1)
    }

    /// Two pacemakers of the same rate, and two ventricular bigeminies, are no copies of each other.
    @Test func regularRhythmsAreNoCopies() {
        let paced = [Double](repeating: 60.0 / 70, count: 300)
        let bigeminy = (0..<300).map { $0 % 2 == 0 ? 0.6 : 1.0 }
        let ward = Self.ward([("a", paced, 0), ("b", paced, 1), ("c", bigeminy, 0), ("d", bigeminy, 1)])
        #expect(ward.found == [])
    }

    @Test func strangersAreNoCopies() {
        let streams = (0..<60).map { number in
            ("bed-\(number)", Self.intervals(600, seed: UInt64(number + 10), scatter: 0.012), 0.0)
        }
        #expect(Self.ward(streams).found == [])
    }

    @Test func aPairWithoutCommonBeatsIsOver() {
        let own = Self.intervals(100, seed: 5)
        var ward = Self.ward([("bed-1", own, 0), ("bed-2", own, 0)])
        let end = UInt64((100 + own.reduce(0, +)) * 1e9)
        #expect(ward.finder.expire(at: end + 60_000_000_000) == [])
        #expect(ward.finder.expire(at: end + 200_000_000_000).count == 1)
        #expect(ward.finder.found == [])
    }

    @Test func anInterruptionBeginsAnew() {
        var pattern = HeartbeatPattern()
        for interval in Self.intervals(39, seed: 6) { _ = pattern.append(interval) }
        #expect(pattern.append(nil) == nil)
        let after = Self.intervals(15, seed: 7).map { pattern.append($0) }
        #expect(after.allSatisfy { $0 == nil }, "too few to compare")
    }
}
