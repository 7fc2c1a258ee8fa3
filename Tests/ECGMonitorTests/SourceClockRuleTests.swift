import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct SourceClockRuleTests {
    /// Feeds the rule a clock event every quarter of a second at 360 Hz.
    ///
    /// - Parameter stamp: the time stamp in seconds at a time in seconds by the sample count.
    /// - Returns: when the alert started and ended, in seconds, and its last text.
    private func changes(
        seconds: Double, stamp: (Double) -> Double
    ) -> (started: [Double], ended: [Double], text: String) {
        var alerts = AlertManager(MonitorConfiguration())
        alerts.now.samplingRate = 360
        var rule = SourceClockRule()
        var (started, ended): ([Double], [Double]) = ([], [])
        for time in stride(from: 0, to: seconds, by: 0.25) {
            alerts.now.sampleIndex = Int64(time * 360)
            alerts.now.decidedAt = alerts.now.sampleIndex
            let before = alerts.isActive(.clockDisagrees)
            let stamped = stamp(time)
            let nanoseconds = stamped == 0 ? 0 : Int64((1_700_000_000 + stamped) * 1e9)
            rule.clock(at: alerts.now.sampleIndex, time: nanoseconds, alerts: &alerts)
            let after = alerts.isActive(.clockDisagrees)
            if after, !before { started.append(time) }
            if before, !after { ended.append(time) }
        }
        let texts = alerts.events.compactMap { event in
            if case .alert(let alert) = event.kind, alert.kind == .clockDisagrees { alert.text } else { nil }
        }
        return (started, ended, texts.last ?? "")
    }

    @Test(arguments: [0.97, 1.03, 1.2])
    func stampsThatRunWrongAreToldWithinAMinute(_ factor: Double) {
        let (started, ended, text) = changes(seconds: 600) { 1 + $0 * factor }
        #expect(started.count == 1 && (started.first ?? 0) <= 60.5 && ended.isEmpty)
        #expect(text.contains(factor > 1 ? "fast" : "slow"))
    }

    @Test func aSmallDeviationTakesLonger() {
        let started = changes(seconds: 900) { 1 + $0 * 1.006 }.started
        #expect(started.count == 1 && (200...300).contains(started.first ?? 0))
        #expect(changes(seconds: 3_600) { 1 + $0 * 1.0005 }.started.isEmpty, "two crystals")
    }

    @Test func itEndsWhenTheStampsRunRightAgain() {
        let (started, ended, _) = changes(seconds: 600) { 1 + ($0 < 200 ? $0 * 1.05 : 10 + $0) }
        #expect(started.count == 1 && ended.count == 1 && (200...245).contains(ended.first ?? 0))
    }

    @Test func clocksThatAreSetJitterOrCountSecondsAreNoReason() {
        #expect(changes(seconds: 900) { 1 + $0 + ($0 > 300 ? 0.9 : 0) - ($0 > 600 ? 3_600 : 0) }.started.isEmpty)
        #expect(changes(seconds: 900) { 1 + $0 + 0.3 * Double(Int($0 * 977) % 100) / 100 }.started.isEmpty)
        #expect(changes(seconds: 3_600) { (1 + $0 * 1.0003).rounded(.down) }.started.isEmpty)
        #expect(changes(seconds: 900) { _ in 0 }.started.isEmpty, "no time stamps")
        #expect(changes(seconds: 900) { Int($0) % 20 < 15 ? 1 + $0 * 1.1 : 0 }.started.isEmpty, "too few")
    }

    @Test func aMonitoredStreamTellsOfItOnce() throws {
        var simulator = ECGSimulator(.init(samplingRate: 360, script: [.init(.sinus(rate: 72), seconds: 100)]))
        let samples = simulator.record(seconds: 100).0
        var stream = MonitoredStream()
        stream.stampFactor = 1.04
        try stream.feed(samples)
        #expect(stream.started.filter { $0 == .clockDisagrees }.count == 1)
    }
}
