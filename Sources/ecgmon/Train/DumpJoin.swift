import ArgumentParser
import ECGATKGAN
import ECGMonitor
import FoundationEssentials
import NeuralNetwork
import WFDB

struct DumpJoin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "dump-join")
    @Option var model: String
    @Option var output: String
    @Option var records: String
    @Option var channel = 0
    func run() async throws {
        BLAS.useOneThread()
        let base = try ModelFile.readJoinedDiscriminator(from: model)
        let classifier = BeatClassifier(base.network, name: "x", sha256: base.sha256)
        let selections = try RecordSelection.list(records)
        let inputs = selections.flatMap { selection in selection.names.map { (selection.database, $0) } }
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let channel = channel, output = output
        _ = try await RecordBatch.map(Array(inputs.enumerated()), jobs: 1) { number, input in
            let (database, name) = input
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            var (events, observed) = try MonitorRun.run(
                record, name: name, channel: channel, classifier: classifier, observing: true)
            ObservedBeat.tellNext(&observed)
            let score = EC57Score(reference: reference, found: MonitorRun.beats(events), from: 0)
            var floats: [Float] = []
            for beat in observed {
                var label: Float = -1
                if let matched = score.referenceClasses[beat.sampleIndex] {
                    switch matched {
                    case .normal: label = 0
                    case .supraventricular: label = 1
                    case .ventricular: label = 2
                    case .fusion: label = 3
                    case .unclassifiable: label = -1
                    case nil: label = 4
                    }
                }
                let t = Double(beat.sampleIndex) / record.samplingRate
                floats += [Float(beat.sampleIndex), Float(beat.decidedAtSampleIndex), Float(t), label, beat.context.interval ?? -1,
                    beat.context.windowRange, beat.context.isNoisy ? 1 : 0, beat.context.foundBySearchBack ? 1 : 0,
                    beat.answer.logits[0], beat.answer.logits[1], beat.answer.logits[2], beat.answer.logits[3]]
                floats += JoinSamples.dump(window: beat.window, logits: beat.answer.logits, context: beat.context)
            }
            let data = floats.withUnsafeBytes { Data($0) }
            try data.write(to: URL(filePath: "\(output)/\(name)_\(channel)_\(observed.count).bin"))
        }
    }
}
