import ECGSignal
import Foundation
import StateCoding
import Testing

@testable import ECGMonitor

/// The rule alone, with beats made up.
@Suite struct ReplayRuleTests {
    struct Beat {
        var interval: Double
        var height: Float
    }

    /// Beats as a heart makes them: each interval and height varies a little, with breathing and by chance.
    static func heart(_ count: Int, seed: UInt64 = 1, variation: Double = 0.03) -> [Beat] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { beat in
            let breath = sin(Double(beat) * 0.7)
            return Beat(
                interval: 0.8 * (1 + variation * (breath + random.normal())),
                height: 1.1 * Float(1 + 0.03 * (breath + random.normal())))
        }
    }

    /// Numbers of the beats at which a replay was suspected, and at which the suspicion was withdrawn.
    static func changes(_ beats: [Beat], _ rule: inout ReplayRule) -> (raised: [Int], withdrawn: [Int]) {
        var (raised, withdrawn): ([Int], [Int]) = ([], [])
        for (number, beat) in beats.enumerated() {
            switch rule.beat(interval: beat.interval, height: beat.height) {
            case .raised: raised.append(number)
            case .withdrawn: withdrawn.append(number)
            case nil: break
            }
            #expect(rule.isInRange)
        }
        return (raised, withdrawn)
    }

    @Test(arguments: [12, 40, 90])
    func aLoopIsSuspectedWithinAMinute(length: Int) {
        var rule = ReplayRule()
        let live = Self.heart(400)
        let loop = Array(live.suffix(length))
        let (raised, withdrawn) = Self.changes(live + (0..<8).flatMap { _ in loop }, &rule)
        #expect(raised.count == 1 && (405...470).contains(raised.first ?? 0))
        #expect(withdrawn.isEmpty)
    }

    @Test func aRecordingFromTenMinutesAgoIsSuspected() {
        var rule = ReplayRule()
        let live = Self.heart(1_200)
        let (raised, _) = Self.changes(live + live[500..<600], &rule)
        #expect(raised.count == 1)
        #expect(abs(rule.extent.secondsAgo - 700 * 0.8) < 20 && rule.extent.beats > 80)
    }

    @Test func afterwardsTheSuspicionIsWithdrawn() {
        var rule = ReplayRule()
        let live = Self.heart(400)
        let (raised, withdrawn) = Self.changes(
            live + live.suffix(60) + Self.heart(400, seed: 2), &rule)
        #expect(raised.count == 1 && withdrawn.count == 1)
        #expect((460...490).contains(withdrawn.first ?? 0))
    }

    @Test func smallDifferencesAndAFewOtherBeatsHideNothing() {
        var rule = ReplayRule()
        var random = SeededGenerator(seed: 5)
        let live = Self.heart(400)
        let copy = live.suffix(90).enumerated().map { number, beat in
            number % 12 == 5
                ? Beat(interval: 0.5, height: 2)
                : Beat(
                    interval: beat.interval + 0.001 * random.normal(),
                    height: beat.height + 0.004 * Float(random.normal()))
        }
        let (raised, _) = Self.changes(live + copy, &rule)
        #expect(raised.count == 1)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aHeartThatGoesOnIsNotSuspected(seed: UInt64) {
        var rule = ReplayRule()
        #expect(Self.changes(Self.heart(5_000, seed: seed, variation: 0.01), &rule).raised.isEmpty)
    }

    @Test func aPacemakersRhythmSaysNothing() {
        var rule = ReplayRule()
        var random = SeededGenerator(seed: 9)
        let beats = (0..<3_000).map { _ in
            Beat(interval: (360 * 0.857 + random.normal() * 0.4).rounded() / 360, height: 0.9)
        }
        #expect(Self.changes(beats, &rule).raised.isEmpty)
    }

    @Test func bigeminySaysNothing() {
        var rule = ReplayRule()
        var random = SeededGenerator(seed: 3)
        let beats = (0..<3_000).map { number in
            Beat(
                interval: (number % 2 == 0 ? 0.5 : 1.1) + 0.006 * random.normal(),
                height: (number % 2 == 0 ? 1.8 : 1) + 0.02 * Float(random.normal()))
        }
        #expect(Self.changes(beats, &rule).raised.isEmpty)
    }

    @Test func unknownIntervalsMatchNothing() {
        var rule = ReplayRule()
        let unknown = [Beat](repeating: Beat(interval: .nan, height: 1), count: 3_000)
        let impossible = [Beat](repeating: Beat(interval: .infinity, height: .nan), count: 100)
        #expect(Self.changes(unknown + impossible, &rule).raised.isEmpty)
    }

    @Test func aRecordingPlayedInALaterSessionIsSuspected() {
        var rule = ReplayRule()
        let live = Self.heart(400)
        _ = Self.changes(live, &rule)
        let endedNothing = !rule.endSession()
        #expect(endedNothing)
        _ = rule.beat(interval: nil, height: 1)
        #expect(Self.changes(Array(live[100..<160]), &rule).raised.count == 1)
        let endedOne = rule.endSession()
        #expect(endedOne && !rule.isActive)
    }
}

/// The rule in the monitor, with ECG.
@Suite struct ReplayedECGTests {
    private static func suspicions(_ events: [MonitorEvent]) -> [(index: Int64, suspicion: Suspicion)] {
        events.compactMap { event in
            guard case .suspicion(let suspicion) = event.kind, suspicion.cause == .replay else { return nil }
            return (event.decidedAtSampleIndex, suspicion)
        }
    }

    @Test func loopedECGIsSuspectedAndAlerted() throws {
        let samples = try RealRecord.fixture()
        let seconds = 360
        let live = Array(samples[..<(200 * seconds)])
        let loop = Array(live.suffix(30 * seconds))
        var stream = MonitoredStream()
        try stream.feed(live + loop + loop)
        let found = Self.suspicions(stream.events)
        let first = try #require(found.first)
        #expect(first.suspicion.active)
        #expect((200 * 360...260 * 360).contains(Int(first.index)))
        let alerts = stream.events.compactMap { event -> Alert? in
            guard case .alert(let alert) = event.kind, alert.kind == .replaySuspected else { return nil }
            return alert
        }
        #expect(alerts.first?.phase == .started && alerts.first?.priority == .technical)
        #expect(alerts.first?.text.contains("repeats") == true)
        stream.finish()
        #expect(Self.suspicions(stream.events).last?.suspicion.active == false)
    }

    @Test func aSnapshotGoesOnWithTheEvidence() throws {
        let samples = try RealRecord.fixture()
        let live = Array(samples[..<(150 * 360)])
        let replayed = live + live.suffix(40 * 360)
        var straight = MonitoredStream()
        try straight.feed(replayed)
        var interrupted = MonitoredStream()
        try interrupted.feed(Array(replayed[..<(160 * 360)]))
        interrupted.monitor = try PatientMonitor(snapshot: interrupted.monitor.snapshot())
        try interrupted.feed(Array(replayed[(160 * 360)...]))
        #expect(interrupted.events == straight.events)
        #expect(!Self.suspicions(straight.events).isEmpty)
    }

    @Test func otherECGIsNotSuspected() throws {
        var stream = MonitoredStream()
        try stream.feed(try RealRecord.fixture())
        stream.finish()
        #expect(Self.suspicions(stream.events).isEmpty)
    }
}
