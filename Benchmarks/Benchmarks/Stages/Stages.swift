import Benchmark
import ECGEvaluation
import ECGWire
import Foundation
import MonitorDaemon
import SwiftProtobuf

/// Each stage of the monitor on the record in `Fixtures`. A figure is the processor time of one unit of work (a sample, a
/// window, a beat, a block), in billionths of `Calibration`'s piece of work. Names have no spaces: they are names of
/// files, too.
let benchmarks: @Sendable () -> Void = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path(percentEncoded: false)
    let cost = BenchmarkMetric.custom("cost")
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
                metrics: [cost], warmupIterations: 1, maxDuration: .seconds(5), maxIterations: 15,
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
            benchmark.measurement(cost, Int(each / reference * 1e9))
        }
    }

    func prepare() throws -> StageWork {
        try StageWork(
            recordPath: root + "/Fixtures/208s", model: root + "/Config/models/default.safetensors")
    }
    stage("detector", units: \.sampleCount, prepare: prepare) { $0.detect() }
    stage("signal-path", units: \.sampleCount, prepare: prepare) { $0.processSignal() }
    stage("ventricular-rhythm", units: \.sampleCount, prepare: prepare) { $0.estimateVentricularRhythm() }
    stage("discriminator-batch-1", units: \.beatCount, prepare: prepare) { $0.classify(batch: 1) }
    stage("discriminator-batch-64", units: \.beatCount, prepare: prepare) { $0.classify(batch: 64) }
    stage("contextual-classifier", units: \.beatCount, prepare: prepare) { $0.classifyInContext() }
    stage("whole-monitor", units: \.beatCount, prepare: prepare) { $0.monitor() }

    stage("wire-decode", units: { _ in 2_000 }, prepare: { try encodedBlock() }) { bytes in
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
        "journal-append", units: { _ in 2_000 },
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
