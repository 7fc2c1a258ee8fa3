import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGSignal
import Testing
import WFDB

/// Samples, interruptions and commands whose events are guarded by a digest.
struct GoldenScenario: Sendable, CustomTestStringConvertible {
    let name: String
    private let make: @Sendable (inout GoldenStream) throws -> Void

    var testDescription: String { name }

    func events(_ classifier: BeatClassifier) throws -> [MonitorEvent] {
        var stream = GoldenStream(classifier)
        try make(&stream)
        stream.monitor.finish(classifier: classifier, workspace: stream.workspace, events: &stream.events)
        return stream.events
    }

    static let all: [GoldenScenario] = [
        GoldenScenario(name: "record-208") { stream in
            let record = try Record.read("208s", in: GoldenFile.packageRoot + "Fixtures")
            for signal in record.header.signals.indices {
                stream.lead = record.header.signals[signal].description ?? ""
                try stream.send(record.millivolts(ofSignal: signal))
            }
        },
        GoldenScenario(name: "rhythms-360-hz") { stream in
            try stream.send(
                simulated(
                    360,
                    [
                        .init(.sinus(rate: 72), seconds: 40), .init(.ventricular(rate: 180), seconds: 20),
                        .init(.sinus(rate: 80), seconds: 30), .init(.ventricularFibrillation, seconds: 25),
                        .init(.sinus(rate: 60), seconds: 30), .init(.atrialFibrillation(rate: 110), seconds: 90),
                        .init(.bigeminy(rate: 70), seconds: 40), .init(.trigeminy(rate: 75), seconds: 40),
                        .init(.ventricularGroups(rate: 70, every: 8, count: 4, groupRate: 140), seconds: 60),
                        .init(.supraventricularGroups(rate: 70, every: 10, count: 6, groupRate: 150), seconds: 60),
                        .init(.sinus(rate: 34), seconds: 40), .init(.sinus(rate: 150), seconds: 40),
                    ]))
        },
        GoldenScenario(name: "interruptions-250-hz") { stream in
            stream.rate = 250
            let samples = simulated(250, [.init(.sinus(rate: 72), seconds: 300)])
            let second = 250
            func part(_ seconds: Range<Int>) -> [Float] {
                Array(samples[(seconds.lowerBound * second)..<(seconds.upperBound * second)])
            }
            try stream.send(part(0..<40))
            try stream.send(part(40..<50), leadOff: true)
            try stream.send(part(50..<80))
            stream.nextIndex += 1_250
            try stream.send(part(85..<100))
            try stream.send([Float](repeating: 0.1, count: 12 * second))
            try stream.send(part(112..<140))
            var invalid = part(140..<150)
            for index in stride(from: 300, to: 600, by: 7) { invalid[index] = .nan }
            try stream.send(invalid)
            try stream.send(part(150..<180))
            try stream.send([Float](repeating: 5, count: 8 * second))
            stream.apply(.init(.acknowledge(kind: nil, number: nil), by: "nurse"))
            try stream.send(part(188..<210))
            stream.apply(.init(.pause(.alarm, seconds: 20), by: "nurse"))
            try stream.send(part(210..<240))
            stream.nextIndex += 30_000
            try stream.send(part(240..<270))
            stream.session += 1
            stream.nextIndex = 0
            try stream.send(part(270..<300))
        },
        GoldenScenario(name: "noise-500-hz") { stream in
            stream.rate = 500
            for noise in [
                SimulatedNoise(white: 0.02, baselineWander: 0.3, mains: 0.1),
                SimulatedNoise(white: 0.02, muscle: 0.3), SimulatedNoise(white: 0.02, electrodeMotion: 0.8),
            ] {
                try stream.send(
                    simulated(
                        500, [.init(.sinus(rate: 85), seconds: 40), .init(.ventricular(rate: 160), seconds: 20)], noise)
                )
            }
        },
    ]

    private static func simulated(
        _ rate: Double, _ script: [SimulatedSegment], _ noise: SimulatedNoise = .resting
    ) -> [Float] {
        let seconds = script.reduce(0) { $0 + $1.seconds }
        var simulator = ECGSimulator(.init(samplingRate: rate, seed: 11, script: script, noise: noise))
        return simulator.record(seconds: seconds).millivolts
    }
}

/// One patient whose samples come in blocks of a fifth of a second.
struct GoldenStream {
    var monitor = PatientMonitor()
    var events: [MonitorEvent] = []
    var rate = 360.0
    var lead = "II"
    var session: UInt64 = 1
    var nextIndex: Int64 = 0
    let classifier: BeatClassifier
    let workspace: BeatClassifier.Workspace

    init(_ classifier: BeatClassifier) {
        self.classifier = classifier
        workspace = classifier.makeWorkspace()
    }

    mutating func send(_ samples: [Float], leadOff: Bool = false) throws {
        let size = Int(rate / 5)
        for start in stride(from: 0, to: samples.count, by: size) {
            let end = min(start + size, samples.count)
            let block = SampleBlock(
                session: session, firstSampleIndex: nextIndex, samplingRate: rate,
                acquisitionTimeNanoseconds: 1_700_000_000_000_000_000 + Int64(Double(nextIndex) * 1e9 / rate),
                lead: lead, leadOff: leadOff, millivolts: Array(samples[start..<end]))
            _ = try monitor.process(block, classifier: classifier, workspace: workspace, events: &events)
            nextIndex += Int64(end - start)
        }
    }

    mutating func apply(_ command: AlarmCommand) { _ = monitor.apply(command, events: &events) }
}
