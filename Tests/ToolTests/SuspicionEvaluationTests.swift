import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGSignal
import Foundation
import NeuralNetwork
import Testing
import ToolSupport

@testable import ECGEvaluation
@testable import ECGReplay
@testable import ecgmon

struct SuspicionEvaluationTests {
    /// A recording of the fixture, for its form; what matters is then set.
    static func recording(scores: [Float], segments: [SuspicionRecording.AttackedSegment] = []) throws
        -> SuspicionRecording
    {
        let classifier = BeatClassifier(Discriminator(seed: 1), name: "tiny", sha256: "")
        let material = try ReplayMaterial(recordPath: ToolProcess.fixture).cut(to: 0..<3600)
        var recording = try SuspicionRecording(
            material, classifier: classifier, workspace: classifier.makeWorkspace(), rule: .init())
        recording.seconds = 86_400
        recording.scores = scores
        recording.agreements = scores.indices.map { (scores[$0] > 0.5 ? 5 : 0) + ($0 % 2 == 0 ? 1.5 : -1.5) }
        recording.suspected = scores.map { _ in false }
        recording.rPeaks = scores.indices.map { 300 * $0 }
        recording.classes = String(repeating: "N", count: scores.count)
        recording.segments = segments
        recording.raisedAtBeats = recording.replayedRaises(recording.rule)
        return recording
    }

    static func segment(_ first: Int, _ count: Int) -> SuspicionRecording.AttackedSegment {
        .init(firstBeat: first, beatCount: count, changedClasses: 0, comparedBeats: 0)
    }

    @Test func attackedEpisodeCountsAsNoticedWithinTenBeats() throws {
        let segments = [Self.segment(100, 30), Self.segment(200, 30), Self.segment(300, 30), Self.segment(400, 30)]
        let recording = try Self.recording(scores: Array(repeating: 0, count: 500), segments: segments)
        var notice = SuspicionNotice()
        // Before the segment, with its tenth beat, with its eleventh; and not at all.
        notice.add(recording, raises: [99, 209, 310])
        #expect(notice.segments == 4)
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
        // So low a margin that clean beats are suspected.
        rule.margin = 0.3
        rule.headWeight = 0.2
        rule.raiseAt = 1
        rule.withdrawAt = 0.2
        rule.ceiling = 4
        let recording = try SuspicionRecording(
            material, classifier: classifier, workspace: classifier.makeWorkspace(), rule: rule)
        #expect(recording.scores.count > 300 && !recording.raisedAtBeats.isEmpty)
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
        #expect(
            attacked.segments == [
                .init(firstBeat: 10, beatCount: 10, changedClasses: 3, comparedBeats: 10, changedUnsuspected: 3)
            ])
    }

    @Test func sweepFindsSettingsThatSeparateAttackedFromClean() throws {
        // Clean beats are unsuspicious but for one run of six; attacked ones are plainly suspicious.
        var scores = Array(repeating: Float(0.02), count: 2000)
        for beat in 500..<506 { scores[beat] = 0.97 }
        let clean = try Self.recording(scores: scores)
        var attackedScores = Array(repeating: Float(0.02), count: 300)
        for beat in 150..<190 { attackedScores[beat] = 0.97 }
        let attacked = try Self.recording(scores: attackedScores, segments: [Self.segment(150, 40)])
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

    /// The shipped weights on the fixture's record, changed from its middle on.
    private static func watch(
        _ change: (ReplayMaterial) throws -> ReplayMaterial
    ) throws -> (recording: SuspicionRecording, middle: Int) {
        let classifier = try BeatClassifier(contentsOf: InstalledFiles.model(nil))
        let material = try ReplayMaterial(recordPath: ToolProcess.fixture)
        let recording = try SuspicionRecording(
            change(material), classifier: classifier, workspace: classifier.makeWorkspace(), rule: .init())
        return (recording, material.counts.count / 2)
    }

    @Test(arguments: [BenignChange.noiseHalf, .noise1, .noise2, .bits10, .lowPass40, .hum50, .halfRate])
    func aChangeWithoutAnAimIsNoAttack(_ change: BenignChange) throws {
        let (recording, _) = try Self.watch { change.applied(to: $0, seed: 3) }
        #expect(recording.agreements.count { $0 != nil } > 200)
        #expect(recording.raisedAtBeats.isEmpty)
    }

    @Test func cleanECGIsNotSuspectedAndNotChanged() throws {
        let (recording, _) = try Self.watch { $0 }
        #expect(recording.raisedAtBeats.isEmpty && recording.signalChanges == 0)
    }

    @Test(arguments: [WindowAttack.Method.pgd])
    func anAttackIsNoticed(_ method: WindowAttack.Method) throws {
        let network = try EvaluatedModel.load(InstalledFiles.model(nil)).network.replica()
        let clean = try Self.watch { $0 }
        let middle = clean.middle
        let (recording, _) = try Self.watch { material in
            var material = material
            _ = try AttackedEpisode.apply(
                to: &material, range: middle..<(middle + 7_200), beats: clean.recording.locatedBeats
            ) { windows, classes throws(ToolError) in
                WindowAttack(method).perturb(windows, labels: classes, against: network, seed: 1)
            }
            return material
        }
        let raised = try #require(recording.raisedAtBeats.first)
        let attacked = recording.rPeaks.indices.filter { recording.rPeaks[$0] >= middle }
        #expect(raised >= attacked[0] && raised < attacked[0] + 20)
    }

    @Test func aPatientSimulatorIsNotSuspected() throws {
        let classifier = try BeatClassifier(contentsOf: InstalledFiles.model(nil))
        for noise in [SimulatedNoise.none, SimulatedNoise(muscle: 0.01)] {
            var simulator = ECGSimulator(
                .init(samplingRate: 360, seed: 1, script: [.init(.sinus(rate: 72), seconds: 180)], noise: noise))
            let (samples, _) = simulator.record(seconds: 180)
            let events = try MonitorRun.events(
                millivolts: samples, samplingRate: 360, lead: "II", name: "simulator", classifier: classifier)
            #expect(
                !events.contains { event in
                    if case .suspicion(let suspicion) = event.kind { suspicion.active } else { false }
                })
        }
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
