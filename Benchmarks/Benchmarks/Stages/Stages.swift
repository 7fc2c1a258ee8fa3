import Benchmark
import ECGEvaluation
import ECGWire
import Foundation
import MonitorDaemon
import SwiftProtobuf

/// Each stage of the monitor on the record in `Fixtures`. A figure is the processor time of one unit of work, in ns, and
/// in thousandths of `Calibration`'s piece of work; the latter has thresholds.
let benchmarks: @Sendable () -> Void = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path(percentEncoded: false)
    let time = BenchmarkMetric.custom("processor time of a unit, ns", polarity: .prefersSmaller)
    let cost = BenchmarkMetric.custom("cost of a unit, millionths", polarity: .prefersSmaller)
    let calibration = Calibration()

    /// - Parameters:
    ///   - units: of work in one run.
    ///   - prepare: what the work needs, made once.
    func stage<State>(
        _ name: String, units: @escaping (State) -> Int, prepare: @escaping () throws -> State,
        work: @escaping (State) throws -> Int
    ) {
        nonisolated(unsafe) var state: State?
        Benchmark(
            name,
            configuration: .init(
                metrics: [time, cost], warmupIterations: 1, maxDuration: .seconds(5), maxIterations: 15,
                thresholds: [cost: .init(relative: [.p50: 25])])
        ) { benchmark in
            let ready = try state ?? prepare()
            state = ready
            let reference = calibration.measure()
            benchmark.startMeasurement()
            let start = processorNanoseconds()
            blackHole(try work(ready))
            let each = (processorNanoseconds() - start) / Double(max(units(ready), 1))
            benchmark.stopMeasurement()
            benchmark.measurement(time, Int(each))
            benchmark.measurement(cost, Int(each / reference * 1e6))
        }
    }

    func prepare() throws -> StageWork {
        try StageWork(
            recordPath: root + "/Fixtures/208s", model: root + "/Config/models/default.safetensors")
    }
    stage("detector, a sample", units: \.sampleCount, prepare: prepare) { $0.detect() }
    stage("signal path, a sample", units: \.sampleCount, prepare: prepare) { $0.processSignal() }
    stage("ventricular rhythm, a sample", units: \.sampleCount, prepare: prepare) { $0.estimateVentricularRhythm() }
    stage("discriminator, batch 1, a window", units: \.beatCount, prepare: prepare) { $0.classify(batch: 1) }
    stage("discriminator, batch 64, a window", units: \.beatCount, prepare: prepare) { $0.classify(batch: 64) }
    stage("contextual classifier, a beat", units: \.beatCount, prepare: prepare) { $0.classifyInContext() }
    stage("whole monitor, a beat", units: \.beatCount, prepare: prepare) { $0.monitor() }

    stage("wire decode, a block of 36 samples", units: { _ in 2_000 }, prepare: { try encodedBlock() }) { bytes in
        var samples = 0
        for _ in 0..<2_000 {
            try bytes.withUnsafeBytes { frame in
                let block = try WireSampleBlock(frame: frame)
                try block.validate()
                samples += block.samplesInMillivolts.count
            }
        }
        return samples
    }
    stage(
        "journal append, a beat", units: { _ in 2_000 },
        prepare: {
            let folder = FileManager.default.temporaryDirectory.appending(path: "ecgmon-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            return try JournalWork(
                path: folder.appending(path: "journal.sqlite").path(percentEncoded: false), waitsForDisk: false)
        }
    ) { journal in
        for _ in 0..<20 { try journal.append(beatsOf: 100) }
        return 2_000
    }
}

private func encodedBlock() throws -> [UInt8] {
    var block = WireSampleBlock()
    block.schemaVersion = SampleBlockLimits.schemaVersion
    block.stream = "bed-1"
    block.session = 1_700_000_000
    block.firstSampleIndex = 36_000
    block.samplingRate = 360
    block.lead = "II"
    block.gain = 200
    block.counts = (0..<36).map { 900 + $0 % 7 * 20 }
    return try block.serializedBytes()
}
