import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct AttackSuspicionRuleTests {
    @Test func tenAttackedBeatsAreNoticedWithinTen() {
        var rule = AttackSuspicionRule()
        for beat in 0..<100 {
            let change = rule.step(attackSuspicion: 0.05, sampleIndex: Int64(beat))
            #expect(change == nil)
        }
        var noticed: Int?
        for beat in 100..<110 where rule.step(attackSuspicion: 0.95, sampleIndex: Int64(beat)) == .raised {
            noticed = beat - 100 + 1
        }
        #expect((2...10).contains(noticed ?? 99))
        #expect(rule.firstSampleIndex == 100 && rule.lastSampleIndex == 109)
        #expect(rule.score > 0.9 && rule.beatsConsidered == 10)
    }

    @Test func oneOddBeatRaisesNothing() {
        var rule = AttackSuspicionRule()
        for beat in 0..<1_000 {
            let change = rule.step(attackSuspicion: beat % 4 == 0 ? 1 : 0.04, sampleIndex: Int64(beat))
            #expect(change == nil)
        }
        #expect(!rule.isActive)
    }

    @Test func suspicionIsWithdrawnOnceSoonAfterTheAttack() {
        var rule = AttackSuspicionRule()
        for beat in 0..<200 { _ = rule.step(attackSuspicion: 0.99, sampleIndex: Int64(beat)) }
        var withdrawn: [Int] = []
        for beat in 200..<300 where rule.step(attackSuspicion: 0.03, sampleIndex: Int64(beat)) == .withdrawn {
            withdrawn.append(beat)
        }
        #expect(withdrawn.count == 1 && withdrawn[0] < 225)
        #expect(rule.lastSampleIndex == 199)
    }

    @Test func attackThatIsWeakerInSomeBeatsIsOneSuspicion() {
        var rule = AttackSuspicionRule()
        var changes: [AttackSuspicionRule.Change] = []
        for beat in 0..<300 {
            let isAttacked = (100..<200).contains(beat)
            let score: Float = isAttacked && beat % 20 < 10 ? 0.99 : 0.03
            if let change = rule.step(attackSuspicion: score, sampleIndex: Int64(beat)) { changes.append(change) }
            if beat == 195 { #expect(rule.firstSampleIndex == 100 && rule.suspectedBeats == 96) }
        }
        #expect(changes == [.raised, .withdrawn])
        #expect(rule.lastSampleIndex == 189)
        // And the next one has its own extent.
        for beat in 300..<310 { _ = rule.step(attackSuspicion: 0.99, sampleIndex: Int64(beat)) }
        #expect(rule.isActive && rule.firstSampleIndex == 300)
    }

    @Test func slowlyRisingScoresRaiseNoSuspicionButAJumpDoes() {
        var rule = AttackSuspicionRule()
        // Noisier from beat to beat, until the head cannot tell.
        for beat in 0..<600 {
            let score = 0.1 + 0.4 * min(Float(beat) / 400, 1)
            let change = rule.step(attackSuspicion: score, sampleIndex: Int64(beat))
            #expect(change == nil, "beat \(beat)")
        }
        var noticed: Int?
        for beat in 600..<620 where rule.step(attackSuspicion: 0.995, sampleIndex: Int64(beat)) == .raised {
            noticed = beat - 600 + 1
        }
        #expect((2...10).contains(noticed ?? 99))
        // What is suspected does not become usual.
        for beat in 620..<2_000 { _ = rule.step(attackSuspicion: 0.995, sampleIndex: Int64(beat)) }
        #expect(rule.isActive)
    }

    @Test func nanScoresAreNoEvidence() {
        var rule = AttackSuspicionRule()
        for beat in 0..<100 {
            let change = rule.step(attackSuspicion: [.nan, .infinity, -.infinity][beat % 3], sampleIndex: Int64(beat))
            #expect(change == nil)
        }
        #expect(rule.evidence == 0)
        for beat in 0..<20 { _ = rule.step(attackSuspicion: [1, 5][beat % 2], sampleIndex: Int64(beat)) }
        #expect(rule.isActive && rule.evidence <= rule.parameters.ceiling)
    }

    @Test func recordedScoresGiveTheEpisodesThatTheRuleSuspects() {
        var scores = [Float](repeating: 0.04, count: 300)
        for beat in 100..<120 { scores[beat] = 0.97 }
        scores[200] = 0.97
        for beat in 250..<300 { scores[beat] = 0.95 }
        let found = AttackSuspicionRule.stretches(in: scores, .init())
        #expect(found.map(\.first) == [100, 250])
        #expect(found.map(\.last) == [119, 299])
        #expect(found.allSatisfy { $0.noticedAt - $0.first < 10 })
    }

    @Test func nonsensicalParametersAreRefused() {
        var parameters = AttackSuspicionRule.Parameters()
        #expect(throws: Never.self) { try parameters.validate() }
        parameters.withdrawAt = parameters.raiseAt
        #expect(throws: MonitorConfiguration.InvalidValue.self) { try parameters.validate() }
        parameters = .init()
        parameters.raiseAt = .nan
        #expect(throws: MonitorConfiguration.InvalidValue.self) { try parameters.validate() }
        parameters = .init()
        parameters.usualRate = 1.5
        #expect(throws: MonitorConfiguration.InvalidValue.self) { try parameters.validate() }
        parameters = .init()
        parameters.logOddsLimit = -.infinity
        #expect(throws: MonitorConfiguration.InvalidValue.self) { try parameters.validate() }
    }

    @Test func attackedEpisodeStartsAndEndsASuspicionWithItsExtent() throws {
        let stream = try MonitoredStream.watching(
            [.init(sinus72, seconds: 120)],
            attackScore: {
                (14_400..<21_600).contains($0) ? 0.96 : 0.03
            })
        #expect(stream.suspicions.map(\.suspicion.active) == [true, false])
        let first = try #require(stream.beats.first { $0.event.sampleIndex >= 14_400 }).event.sampleIndex
        let last = try #require(stream.beats.last { $0.event.sampleIndex < 21_600 }).event.sampleIndex
        #expect(stream.suspicions.allSatisfy { $0.suspicion.firstSampleIndex == first })
        #expect(stream.suspicions.last?.suspicion.lastSampleIndex == last)
        let alerts = stream.alerts(.attackSuspected)
        #expect(alerts.first?.alert.phase == .started && alerts.first?.alert.priority == .technical)
        #expect(alerts.first?.alert.onsetSampleIndex == first)
        #expect(alerts.last?.alert.phase == .ended && alerts.last?.event.sampleIndex == last)
        // Within ten beats.
        let noticed = try #require(alerts.first).event.decidedAtSampleIndex
        #expect(stream.beats.count { $0.event.sampleIndex >= first && $0.event.decidedAtSampleIndex <= noticed } <= 10)
    }

    @Test func aSuspicionEndsWithTheSession() throws {
        let stream = try MonitoredStream.watching([.init(sinus72, seconds: 30)], attackScore: { _ in 0.96 })
        #expect(stream.suspicions.map(\.suspicion.active) == [true, false])
        #expect(stream.alerts(.attackSuspected).last?.alert.endedBecause == .sessionEnded)
    }
}
