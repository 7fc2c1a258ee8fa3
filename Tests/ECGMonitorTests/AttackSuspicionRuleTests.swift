import Testing

@testable import ECGMonitor

@Suite struct AttackSuspicionRuleTests {
    typealias Measures = AttackSuspicionRule.Measures

    /// A rule that has seen clean beats: their agreement goes up and down by 1.5.
    private static func watching(_ beats: Int = 200, agreement: Float = 0, score: Float = 0.05) -> AttackSuspicionRule {
        var rule = AttackSuspicionRule()
        for beat in 0..<beats {
            let change = rule.step(clean(beat, agreement, score), sampleIndex: Int64(beat))
            #expect(change == nil)
        }
        return rule
    }

    private static func clean(_ beat: Int, _ agreement: Float = 0, _ score: Float = 0.05) -> Measures {
        .init(agreement: agreement + (beat % 2 == 0 ? 1.5 : -1.5), attackSuspicion: score)
    }

    /// The beats after which the suspicion is raised, counted from 1; nil: it is not.
    private static func noticed(_ rule: inout AttackSuspicionRule, _ beats: Int, _ measures: Measures) -> Int? {
        (1...beats).first { rule.step(measures, sampleIndex: Int64(1_000 + $0)) == .raised }
    }

    @Test func tenBeatsWithAnAimAreNoticedWithinTen() {
        var rule = Self.watching()
        let beats = Self.noticed(&rule, 10, .init(agreement: 5, attackSuspicion: 0.95))
        #expect((3...10).contains(beats ?? 99))
        #expect(rule.firstSampleIndex == 1_001)
        #expect(rule.score > 0.7 && rule.beatsConsidered > 2)
    }

    @Test func aimIsNoticedThoughTheHeadSeesLittle() {
        var rule = Self.watching()
        #expect(Self.noticed(&rule, 10, .init(agreement: 5, attackSuspicion: 0.12)) != nil)
    }

    @Test func theHeadAloneRaisesNothing() {
        var rule = Self.watching()
        #expect(Self.noticed(&rule, 2_000, .init(agreement: 0, attackSuspicion: 0.9999)) == nil)
    }

    @Test func noiseThatHidesAnUnusualUsualIsNoAim() {
        // Where the agreement is usually far below 0, noise moves it to 0.
        var rule = Self.watching(agreement: -5)
        for beat in 0..<500 {
            let change = rule.step(Self.clean(beat, 0, 0.98), sampleIndex: Int64(beat))
            #expect(change == nil)
        }
    }

    @Test func oneOddBeatRaisesNothing() {
        var rule = Self.watching()
        for beat in 0..<1_000 {
            let odd = beat % 8 == 0
            let measures = odd ? Measures(agreement: 17, attackSuspicion: 1) : Self.clean(beat)
            let change = rule.step(measures, sampleIndex: Int64(beat))
            #expect(change == nil)
        }
    }

    @Test func aLastingChangeIsLearned() {
        var rule = Self.watching()
        var active = 0
        for beat in 0..<600 {
            _ = rule.step(Self.clean(beat, 4, 0.9), sampleIndex: Int64(beat))
            if rule.isActive { active = beat }
        }
        #expect(!rule.isActive)
        #expect(active < 300)
    }

    @Test func suspicionIsWithdrawnOnceSoonAfterTheAttack() {
        var rule = Self.watching()
        for beat in 200..<230 { _ = rule.step(.init(agreement: 5, attackSuspicion: 0.99), sampleIndex: Int64(beat)) }
        #expect(rule.isActive)
        var withdrawn: [Int] = []
        for beat in 230..<400 where rule.step(Self.clean(beat), sampleIndex: Int64(beat)) == .withdrawn {
            withdrawn.append(beat)
        }
        #expect(withdrawn.count == 1 && withdrawn[0] < 265)
    }

    @Test func anAttackWithAPauseIsOneSuspicion() {
        var rule = Self.watching()
        var changes: [AttackSuspicionRule.Change] = []
        for beat in 200..<320 {
            let isAttacked = beat < 260 && beat % 20 < 12
            let measures = isAttacked ? Measures(agreement: 6, attackSuspicion: 0.99) : Self.clean(beat)
            if let change = rule.step(measures, sampleIndex: Int64(beat)) { changes.append(change) }
        }
        #expect(changes == [.raised, .withdrawn])
    }

    @Test func measuresThatAreNoNumbersAreNoEvidence() {
        var rule = Self.watching()
        for beat in 0..<100 {
            let odd: Float = [.nan, .infinity, -.infinity][beat % 3]
            let change = rule.step(.init(agreement: odd, attackSuspicion: odd), sampleIndex: Int64(beat))
            #expect(change == nil)
        }
        #expect(rule.evidence.isFinite)
    }

    @Test func recordedMeasuresGiveTheStretchesThatTheRuleSuspects() {
        var beats: [Measures?] = (0..<300).map { Self.clean($0) }
        for beat in 100..<120 { beats[beat] = .init(agreement: 6, attackSuspicion: 0.97) }
        for beat in 150..<170 { beats[beat] = nil }
        for beat in 250..<300 { beats[beat] = .init(agreement: 6, attackSuspicion: 0.95) }
        let found = AttackSuspicionRule.suspicions(in: beats, .init())
        #expect(found.map(\.first) == [100, 250])
        #expect(found.allSatisfy { $0.noticedAt - $0.first < 10 })
    }

    @Test func nonsensicalParametersAreRefused() {
        func refuses(_ change: (inout AttackSuspicionRule.Parameters) -> Void) {
            var parameters = AttackSuspicionRule.Parameters()
            change(&parameters)
            #expect(throws: MonitorConfiguration.InvalidValue.self) { try parameters.validate() }
        }
        #expect(throws: Never.self) { try AttackSuspicionRule.Parameters().validate() }
        refuses { $0.withdrawAt = $0.raiseAt }
        refuses { $0.raiseAt = .nan }
        refuses { $0.usualRate = 1.5 }
        refuses { $0.agreementLimit = -.infinity }
        // The head would raise the suspicion by itself.
        refuses { $0.headWeight = 2 }
    }
}
