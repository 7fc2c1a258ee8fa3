import ECGATKGAN
import ECGClassification
import ECGMonitor
import Foundation
import Testing

@testable import ECGEvaluation
@testable import ECGReplay
@testable import ecgmon

struct SuspicionEvaluationTests {
    /// A recording of the fixture, for its form; what matters is then set.
    static func recording(scores: [Float], stretches: [SuspicionRecording.Stretch] = []) throws -> SuspicionRecording {
        let classifier = BeatClassifier(Discriminator(seed: 1), name: "tiny", sha256: "")
        let material = try ReplayMaterial(recordPath: ToolProcess.fixture).cut(to: 0..<3600)
        var recording = try SuspicionRecording(
            material, classifier: classifier, workspace: classifier.makeWorkspace(), rule: .init())
        recording.seconds = 86_400
        recording.scores = scores
        recording.rPeaks = scores.indices.map { 300 * $0 }
        recording.classes = String(repeating: "N", count: scores.count)
        recording.stretches = stretches
        recording.raisedAtBeats = recording.replayedRaises(recording.rule)
        return recording
    }

    static func stretch(_ first: Int, _ count: Int) -> SuspicionRecording.Stretch {
        .init(firstBeat: first, beatCount: count, changedClasses: 0, comparedBeats: 0)
    }

    @Test func attackedEpisodeCountsAsNoticedWithinTenBeats() throws {
        let stretches = [Self.stretch(100, 30), Self.stretch(200, 30), Self.stretch(300, 30), Self.stretch(400, 30)]
        let recording = try Self.recording(scores: Array(repeating: 0, count: 500), stretches: stretches)
        var notice = SuspicionNotice()
        // Before the stretch, with its tenth beat, with its eleventh; and not at all.
        notice.add(recording, raises: [99, 209, 310])
        #expect(notice.stretches == 4)
        #expect(notice.noticed == 1)
        #expect(notice.delays == [10, 11])
        #expect(notice.share == 25)
        #expect(notice.medianDelay == 10.5)
    }

    @Test func ruleOnRecordedScoresAgreesWithTheMonitor() throws {
        let network = Discriminator(seed: 2)
        let classifier = BeatClassifier(network, name: "tiny", sha256: "")
        let material = try ReplayMaterial(recordPath: ToolProcess.fixture)
        var rule = AttackSuspicionRule.Parameters()
        // An untrained head is near one half: make the rule look closely.
        rule.logOddsOffset = -0.2
        rule.raiseAt = 3
        rule.withdrawAt = 1
        rule.ceiling = 4
        let recording = try SuspicionRecording(
            material, classifier: classifier, workspace: classifier.makeWorkspace(), rule: rule)
        #expect(recording.scores.count > 300)
        #expect(recording.raisedAtBeats == recording.replayedRaises(rule))
        #expect(recording.raises(rule) == recording.raisedAtBeats)
        let again = try JSONDecoder().decode(SuspicionRecording.self, from: JSONEncoder().encode(recording))
        #expect(again == recording)
    }

    @Test func attackedBeatsAreCountedAndTheirClassesCompared() throws {
        var clean = try Self.recording(scores: Array(repeating: 0, count: 40))
        clean.classes = String(repeating: "N", count: 40)
        var attacked = clean
        attacked.classes = String(repeating: "N", count: 10) + "VVV" + String(repeating: "N", count: 27)
        attacked.mark([3000..<6000], clean: clean)
        #expect(attacked.stretches == [.init(firstBeat: 10, beatCount: 10, changedClasses: 3, comparedBeats: 10)])
    }

    @Test func sweepFindsSettingsThatSeparateAttackedFromClean() throws {
        // Clean beats are unsuspicious but for one run of six; attacked ones are plainly suspicious.
        var scores = Array(repeating: Float(0.02), count: 2000)
        for beat in 500..<506 { scores[beat] = 0.97 }
        let clean = try Self.recording(scores: scores)
        var attackedScores = Array(repeating: Float(0.02), count: 300)
        for beat in 150..<190 { attackedScores[beat] = 0.97 }
        let attacked = try Self.recording(scores: attackedScores, stretches: [Self.stretch(150, 40)])
        let sweep = SuspicionSweep(
            clean: [[clean]], attacked: [[attacked]], adaptive: [], runtime: EvaluationRuntime(threads: 2))
        let best = try #require(sweep.best(falsePerDay: 0, count: 1).first)
        #expect(best.falseCounts == [0])
        #expect(best.minimumShare == 100)
        #expect(sweep.points.contains { $0.falsePerDay == 1 && $0.minimumShare == 100 })
        #expect(
            zip(sweep.curve, sweep.curve.dropFirst()).allSatisfy {
                $0.falsePerDay <= $1.falsePerDay && $0.minimumShare < $1.minimumShare
            })
        #expect(SuspicionSweep.grid().allSatisfy { (try? $0.validate()) != nil })
    }

    @Test func episodesLieWithinTheRecordAndApart() throws {
        let material = try ReplayMaterial(recordPath: ToolProcess.fixture)
        let places = SuspicionStreams.places(material, count: 4, seconds: 30)
        #expect(places.count == 4)
        #expect(
            places.allSatisfy { $0.count == 10_800 && $0.upperBound <= material.counts.count && $0.lowerBound >= 0 })
        #expect(zip(places, places.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
        #expect(SuspicionStreams.places(material.cut(to: 0..<3600), count: 1, seconds: 30).isEmpty)
    }
}
