import ECGSignal
import ECGWire
import Foundation
import Testing

@testable import ECGReplay
@testable import ToolSupport
@testable import ecgmon

struct ReplayScheduleTests {
    @Test(arguments: [1, 7, 90, 1000, 5000])
    func blocksOfAStreamFollowOneAnotherWithoutHoles(blockLength: Int) {
        let schedule = ReplaySchedule(materialLength: 1003, streamCount: 3, blockLength: blockLength, loops: false)
        var next: [Int64] = [0, 0, 0]
        for block in schedule {
            #expect(block.firstSampleIndex == next[block.stream])
            next[block.stream] += Int64(block.range.count)
        }
        #expect(next == [1003, 1003, 1003])
    }

    @Test func dueTimesNeverGoBackAndStreamsTakeTurns() {
        let blocks = Array(ReplaySchedule(materialLength: 300, streamCount: 4, blockLength: 100, loops: false))
        #expect(blocks.map(\.dueAtSample) == blocks.map(\.dueAtSample).sorted())
        #expect(blocks.prefix(4).map(\.dueAtSample) == [100, 125, 150, 175])
    }

    @Test func loopRestartsWhileTheIndexContinues() {
        var schedule = ReplaySchedule(materialLength: 10, streamCount: 1, blockLength: 6, loops: true)
        let blocks = (0..<5).compactMap { _ in schedule.next() }
        #expect(blocks.map(\.range) == [0..<6, 6..<10, 0..<6, 6..<10, 0..<6])
        #expect(blocks.map(\.firstSampleIndex) == [0, 6, 10, 16, 20])
    }
}

struct ReplayMaterialTests {
    static func material(_ counts: [Int32], gain: Double = 200) -> ReplayMaterial {
        ReplayMaterial(
            name: "test", samplingRate: 360, lead: "II", gain: gain, baseline: 1024, countRange: 0...2047,
            counts: counts)
    }

    @Test func millivoltsGoThroughTheConverterAndItsRange() {
        var material = Self.material([1024, 1024, 1024, 1024])
        material.replace(from: 1, withMillivolts: [0.0126, 99, -.infinity])
        #expect(material.counts == [1024, 1027, 2047, 0])
        #expect(material.count(ofMillivolts: .nan) == 1024)
        #expect(material.millivolts[1] == 0.015)
    }

    @Test func invalidSamplesOfARecordAreSentAsNaNInMillivolts() {
        var material = Self.material([1024, -2048, 1224])
        material.invalidIndices = [1]
        material.replace(from: 0, withMillivolts: material.millivolts.map { $0 + 1 })
        #expect(material.counts == [1224, -2048, 1424])
        let engine = ReplayEngine(
            material: material, streams: ["a"], session: 7, blockLength: 3, speed: 1, encoding: .millivolts,
            startNanoseconds: 0)
        let block = ReplaySchedule.Block(stream: 0, firstSampleIndex: 3, range: 0..<3, dueAtSample: 6)
        let message = engine.wireBlock(block, phase: 0, millivolts: material.millivolts)
        #expect(message.millivolts[0] == 1 && message.millivolts[1].isNaN && message.millivolts[2] == 2)
        #expect(message.counts.isEmpty)
        #expect(message.firstSampleIndex == 3)
        #expect(message.acquisitionTimeNs == 0)
    }

    @Test func everyBlockIsAcceptedByADaemon() throws {
        let material = ReplayMaterial(
            simulating: .init(samplingRate: 250, seed: 3, script: [.init(.sinus(rate: 80), seconds: 60)]), seconds: 3)
        let engine = ReplayEngine(
            material: material, streams: ["bed-1", "bed-2"], session: 1, blockLength: 100, speed: 1,
            startNanoseconds: 1_000_000_000)
        for block in ReplaySchedule(materialLength: 750, streamCount: 2, blockLength: 100, loops: false) {
            let message = engine.wireBlock(block, phase: 0, millivolts: [])
            try message.validate()
            #expect(message.acquisitionTimeNs == 1_000_000_000 + block.firstSampleIndex * 4_000_000)
        }
    }

    @Test func partsAreCutByTime() throws {
        let material = Self.material([Int32](repeating: 1024, count: 3600))
        #expect(try material.sampleRange(from: ClockTime(seconds: 2), to: nil) == 720..<3600)
        #expect(try material.sampleRange(from: nil, to: ClockTime(seconds: 99)) == 0..<3600)
        #expect(throws: ToolError.self) { try material.sampleRange(from: ClockTime(seconds: 11), to: nil) }
    }
}

struct NoiseTests {
    @Test(arguments: [24.0, 12, 0, -6])
    func theNoiseHasTheRatioAskedFor(decibels: Double) throws {
        var simulator = ECGSimulator(.init(script: [.init(.sinus(rate: 70), seconds: 1000)]))
        let (ecg, labels) = simulator.record(seconds: 60)
        let noise = NoiseMixer.whiteNoise(count: ecg.count, seed: 4)
        let gain = try #require(
            NoiseMixer.gain(
                ecg: ecg, rPeaks: labels.map { Int($0.rPeakIndex) }, noise: noise, samplesPerSecond: 360,
                decibels: decibels))
        // R of 1.2 mV, Q and S below the baseline: the noise's power is known from the definition, up to the trimming
        // of the means.
        let added = zip(NoiseMixer.mix(ecg: ecg, noise: noise, gain: gain), ecg).map { Double($0 - $1) }
        let noisePower = added.reduce(0) { $0 + $1 * $1 } / Double(added.count)
        let heights = labels.map { label -> Double in
            let peak = Int(label.rPeakIndex)
            let complex = ecg[max(0, peak - 18)...min(ecg.count - 1, peak + 18)]
            return Double((complex.max() ?? 0) - (complex.min() ?? 0))
        }
        let height = heights.reduce(0, +) / Double(heights.count)
        let measured = 10 * log10(height * height / 8 / noisePower)
        #expect(abs(measured - decibels) < 0.3)
    }

    /// The gains with which the published records 118e00 and 119e00 were made, found by taking 118 and 119 off them.
    /// The published method measures on beats of its own choice, hence the tolerance (0.4 dB).
    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: ToolProcess.databases + "/nstdb/em.dat"),
            "nstdb's em is not here: set ECGMON_DATABASES to the folder that holds mitdb and nstdb"),
        arguments: [("118", 2.96227), ("119", 2.56478)])
    func theGainIsThatOfTheNoiseStressTestDatabase(record: String, published: Double) throws {
        let ecg = try ReplayMaterial(recordPath: ToolProcess.databases + "/mitdb/" + record).cut(to: 0..<150_000)
            .millivolts
        let noise = try ReplayMaterial(recordPath: ToolProcess.databases + "/nstdb/em").millivolts
        let peaks = try ReplaySourceOptions.rPeaks(in: ecg, rate: 360)
        let gain = try #require(
            NoiseMixer.gain(ecg: ecg, rPeaks: peaks, noise: noise, samplesPerSecond: 360, decibels: 0))
        #expect(abs(20 * log10(gain / published)) < 0.4)
    }

    @Test func flatNoiseHasNoRatio() {
        #expect(
            NoiseMixer.gain(
                ecg: [Float](repeating: 0, count: 720), rPeaks: [360], noise: [0, 0, 0], samplesPerSecond: 360,
                decibels: 6) == nil)
    }
}

struct CommandLineValueTests {
    @Test func timesAreSecondsOrClockTimes() {
        #expect(ClockTime(argument: "90")?.seconds == 90)
        #expect(ClockTime(argument: "1:30")?.seconds == 90)
        #expect(ClockTime(argument: "1:02:03.5")?.seconds == 3723.5)
        for wrong in ["", "a", "1:60", "-1", "1::2", "1:2:3:4", "inf", "0.5:10", "nan"] {
            #expect(ClockTime(argument: wrong) == nil)
        }
        #expect(ClockTime(seconds: 3723.46).description == "1:02:03.5")
        #expect(ClockTime(seconds: 59.96).description == "1:00.0")
    }

    @Test func aRhythmScriptIsOneWord() throws {
        let script = try #require(RhythmScript(argument: "sinus@60:1:00,vt@180:10,asystole:6,sinus"))
        #expect(
            script.segments == [
                .init(.sinus(rate: 60), seconds: 60), .init(.ventricular(rate: 180), seconds: 10),
                .init(.asystole, seconds: 6), .init(.sinus(rate: 72), seconds: .infinity),
            ])
        for wrong in ["", "sinus,", "sinus@1", "sinus@x", "asystole@60", "waltz", "sinus:0", "vt@180@2"] {
            #expect(RhythmScript(argument: wrong) == nil)
        }
        for name in RhythmScript.rhythmNames { #expect(RhythmScript(argument: name) != nil) }
    }

    @Test func numbersAreWrittenWithAPoint() {
        #expect(fixed(1.25, 1) == "1.3")
        #expect(fixed(-0.04, 1) == "0.0")
        #expect(fixed(3.007, 2) == "3.01")
        #expect(fixed(12, 0) == "12")
        #expect(timeOfDay(1_700_000_000_123_000_000) == "22:13:20.1")
    }

    @Test func controlCharactersAreShownAsDots() {
        #expect(printable("a\u{1B}[31mb\n\u{9B}c") == "a.[31mb..c")
    }
}
