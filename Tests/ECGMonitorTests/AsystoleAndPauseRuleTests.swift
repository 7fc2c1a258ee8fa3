import Testing

@testable import ECGMonitor

@Suite struct AsystoleAndPauseRuleTests {
    /// A second at the internal rate.
    static let second: Int64 = 360

    /// What asystole did, in order.
    static func phases(_ alerts: AlertManager) -> [AlertPhase] {
        alerts.events.compactMap { event in
            if case .alert(let alert) = event.kind, alert.kind == .asystole { alert.phase } else { nil }
        }
    }

    @Test func beatFoundLateDoesNotClearAnAsystoleThatFollowedIt() {
        var alerts = AlertManager(MonitorConfiguration())
        var rule = AsystoleAndPauseRule(MonitorConfiguration())
        func beat(at seconds: Double, knownAt known: Double) {
            alerts.now.decidedAt = Int64(known * Double(Self.second))
            rule.beat(at: Int64(seconds * Double(Self.second)), unobserved: 0, alerts: &alerts)
        }
        func clock(_ seconds: Double) {
            alerts.now.decidedAt = Int64(seconds * Double(Self.second))
            rule.clock(at: alerts.now.decidedAt, meanInterval: 0.8, alerts: &alerts)
        }
        rule.signalBegan(at: 0, unobserved: 0, isAfterInterruption: false)
        beat(at: 1, knownAt: 1.4)
        beat(at: 2, knownAt: 2.4)
        clock(6.75)
        #expect(Self.phases(alerts) == [.started])
        // The search-back finds one 4.9 s after it: still nothing since.
        beat(at: 2.6, knownAt: 7.5)
        clock(7.5)
        #expect(Self.phases(alerts) == [.started])
        beat(at: 8, knownAt: 8.4)
        beat(at: 8.8, knownAt: 9.2)
        #expect(Self.phases(alerts) == [.started, .ended])
    }

    /// Beats of 2 mV for a minute, then none, while the waveform swings by so many mV: seconds until asystole.
    @Test(arguments: [(Float(0.05), 4.0...5.0), (0.2, 4.0...5.0), (0.35, 8.0...9.0), (1.0, 8.0...9.0)])
    func aWaveformThatSwingsMakesAsystoleWait(swing: Float, expected: ClosedRange<Double>) throws {
        var alerts = AlertManager(MonitorConfiguration())
        alerts.now.samplingRate = Double(Self.second)
        var rule = AsystoleAndPauseRule(MonitorConfiguration())
        rule.signalBegan(at: 0, unobserved: 0, isAfterInterruption: false)
        var started: Double?
        for quarter in 1...300 {
            let seconds = Double(quarter) / 4
            alerts.now.sampleIndex = Int64(seconds * Double(Self.second))
            alerts.now.decidedAt = alerts.now.sampleIndex
            let isBeating = seconds <= 60
            if isBeating, quarter % 4 == 0 { rule.beat(at: alerts.now.decidedAt, unobserved: 0, alerts: &alerts) }
            rule.clock(
                at: alerts.now.decidedAt, meanInterval: 1, swing: isBeating ? 2 : swing, alerts: &alerts)
            if started == nil, alerts.isActive(.asystole) { started = seconds - 60 }
        }
        #expect(expected.contains(try #require(started)))
    }
}
