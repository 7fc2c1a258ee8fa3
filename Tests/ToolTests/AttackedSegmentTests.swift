import ECGATKGAN
import ECGSignal
import Foundation
import Testing

@testable import ECGEvaluation
@testable import ECGReplay
@testable import ToolSupport
@testable import ecgmon

struct AttackedSegmentTests {
    static func ecg() throws -> ReplayMaterial { try ReplayMaterial(recordPath: ToolProcess.fixture) }

    /// R peaks near together, so that the windows overlap.
    static let beats = [1000, 1180, 1420, 1800].map { AttackedEpisode.LocatedBeat(rPeak: $0, beatClass: .normal) }

    @Test func eachSampleBelongsToTheNearerBeat() {
        let ranges = AttackOwnership.ranges(
            rPeaks: [1000, 1100, 1500], samplesBefore: 140, windowLength: 280, within: 0..<1590)
        #expect(ranges == [860..<1050, 1050..<1240, 1360..<1590])
    }

    @Test func nothingOutsideTheEpisodeIsChanged() throws {
        let clean = try Self.ecg()
        var material = clean
        let report = try AttackedEpisode.apply(to: &material, range: 1150..<1700, beats: Self.beats) { windows, _ in
            windows.map { $0.map { min($0 + 0.05, 1) } }
        }
        #expect(report.beats.map(\.rPeak) == [1180, 1420])
        #expect(report.changedSamples > 300)
        #expect(material.counts[..<1150] == clean.counts[..<1150])
        #expect(material.counts[1700...] == clean.counts[1700...])
        let changed = material.counts.indices.filter { material.counts[$0] != clean.counts[$0] }
        #expect(changed.count == report.changedSamples)
    }

    @Test(arguments: [Float(0.002), 0.01, 0.05])
    func noSampleMovesByMoreThanEpsilonAndHalfACount(epsilon: Float) throws {
        let clean = try Self.ecg()
        var material = clean
        let network = Discriminator(seed: 5)
        let attack = WindowAttack(.pgd, epsilon: epsilon, iterations: 4, restarts: 1)
        let report = try AttackedEpisode.apply(to: &material, range: 900..<2000, beats: Self.beats) {
            windows, classes in
            attack.perturb(windows, labels: classes, against: network, seed: 1)
        }
        #expect(report.beats.count == 4)
        let millivolts = clean.millivolts
        var largest: Float = 0
        for sample in 900..<2000 {
            let nearest = Self.beats.map(\.rPeak).min { abs($0 - sample) < abs($1 - sample) } ?? 0
            let window = millivolts[(nearest - 140)..<(nearest + 140)]
            let range = (window.max() ?? 0) - (window.min() ?? 0)
            let change = abs(Float(material.counts[sample] - clean.counts[sample])) / 200
            #expect(change <= epsilon * range + 0.5 / 200 + 1e-6)
            largest = max(largest, change / range)
        }
        #expect(largest > epsilon * 0.5)
        #expect(abs(report.largestPerturbation - largest) < 1e-5)
    }

    @Test func beatTooCloseToTheRecordsEndIsLeftAlone() throws {
        var material = try Self.ecg()
        let beats = [AttackedEpisode.LocatedBeat(rPeak: 60, beatClass: .normal)]
        #expect(throws: ToolError.self) {
            try AttackedEpisode.apply(to: &material, range: 0..<500, beats: beats) { windows, _ in windows }
        }
    }

    @Test func anotherRateThan360IsRefused() throws {
        var material = try Self.ecg()
        material.samplingRate = 128
        let error = #expect(throws: ToolError.self) {
            try AttackedEpisode.apply(to: &material, range: 900..<2000, beats: Self.beats) { windows, _ in windows }
        }
        #expect(error?.problem.contains("128") == true)
    }

    @Test(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
    func attackTargetsTheBeatsThatThePipelineFinds() throws {
        let material = try Self.ecg().cut(to: 0..<7200)
        let beats = try StreamAttack(modelPath: ToolProcess.model).locateBeats(in: material)
        // The reference annotations of record 208 have 31 normal beats in the first 15.3 s and 41 beats in 20 s.
        #expect((30...45).contains(beats.count))
        #expect(beats.map(\.rPeak) == beats.map(\.rPeak).sorted())
    }
}
