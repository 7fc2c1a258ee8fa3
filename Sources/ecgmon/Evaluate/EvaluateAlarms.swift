import ArgumentParser
import ECGATKGAN
import ECGMonitor
import ECGSignal

/// Time to alarm and rate readings on simulated ECG.
struct EvaluateAlarms: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarms",
        abstract: "Time to alarm on simulated ECG, and the rates that are read of irregular rhythms and tall T waves.",
        discussion: """
            Simulated ECG goes through the whole pipeline, detector, classifier and rules, at normal, half and double amplitude and \
            with 5 seeds each. The time is from the onset (the last beat before, or the first beat of what is alarmed) to the \
            sample with which the alarm's event is decided; the daemon publishes it as soon as the segment with that sample has \
            come. ANSI/AAMI EC13 asks for 10 s at most. The rate is read every 5 s from 20 s on.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Scenarios worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    struct Timing: Encodable, Sendable {
        var scenario: String
        var amplitude: Double
        var runs: Int
        /// Runs in which the expected alarm came within 10 s.
        var within_10_s: Int
        var fastest_s: Double?
        var mean_s: Double?
        var slowest_s: Double?
        /// Which alarms came, and in how many runs.
        var alarms: [String: Int]
        /// The slowest first alarm of high priority, whatever it was; nil where a run had none.
        var any_high_slowest_s: Double?
    }

    struct Reading: Encodable, Sendable {
        var pattern: String
        var amplitude: Double
        var rate: Double
        var read_lowest: Double?
        var read_highest: Double?
        /// Every reading within 10 % or 5 beats a minute, whichever is more (IEC 60601-2-27).
        var is_right: Bool
        var beats: Int
        var beats_found: Int
    }

    struct Report: Encodable {
        var evaluation = "alarms"
        var model: LoadedModel.Identity
        var limit_s = 10.0
        var timings: [Timing]
        var readings: [Reading]
    }

    func run() async throws {
        let loaded = try LoadedModel(model)
        let classifier = loaded.classifier
        var cases: [(AlarmScenario, Double)] = []
        for scenario in AlarmScenario.timed { cases += AlarmScenario.factors.map { (scenario, $0) } }
        let timings = try await RecordBatch.map(cases, jobs: jobs) { Self.time($0.0, $0.1, classifier) }
        var patterns: [(AlarmScenario.Pattern, Double)] = []
        for pattern in AlarmScenario.patterns { patterns += AlarmScenario.factors.map { (pattern, $0) } }
        let readings = try await RecordBatch.map(patterns, jobs: jobs) { Self.read($0.0, $0.1, classifier) }
        if json {
            try EvaluationReport.printJSON(Report(model: loaded.identity, timings: timings, readings: readings))
        } else {
            print(Self.text(loaded, timings, readings))
        }
    }

    /// One simulated patient through the pipeline.
    private static func events(
        _ script: [SimulatedSegment], seed: UInt64, amplitude: Double, tWave: Double? = nil,
        _ configuration: MonitorConfiguration, _ classifier: BeatClassifier
    ) -> (events: [MonitorEvent], labels: [ECGSimulator.Label]) {
        var simulator = ECGSimulator(
            .init(
                samplingRate: InternalSampling.rate, seed: seed, script: script, amplitude: amplitude,
                tWaveAmplitude: tWave, noise: .resting))
        let (samples, labels) = simulator.record(seconds: script.reduce(0) { $0 + $1.seconds })
        var monitor = PatientMonitor(configuration: configuration)
        let workspace = classifier.makeWorkspace()
        var events: [MonitorEvent] = []
        for start in stride(from: 0, to: samples.count, by: 90) {
            let segment = SampleBlock(
                session: 1, firstSampleIndex: Int64(start), samplingRate: InternalSampling.rate,
                acquisitionTimeNanoseconds: 0, lead: "II",
                millivolts: Array(samples[start..<min(start + 90, samples.count)]))
            _ = try? monitor.process(segment, classifier: classifier, workspace: workspace, events: &events)
        }
        return (events, labels)
    }

    private static func time(_ scenario: AlarmScenario, _ factor: Double, _ classifier: BeatClassifier) -> Timing {
        var timing = Timing(
            scenario: scenario.name, amplitude: factor, runs: AlarmScenario.seeds.count, within_10_s: 0, alarms: [:])
        var delays: [Double] = []
        var high: [Double] = []
        for seed in AlarmScenario.seeds {
            let (events, labels) = events(
                scenario.script, seed: seed, amplitude: AlarmScenario.amplitude * factor, scenario.configuration,
                classifier)
            let onset = onset(of: scenario, labels)
            var kinds: Set<AlertKind> = []
            var first: Double?
            var firstHigh: Double?
            for event in events {
                guard case .alert(let alert) = event.kind, alert.phase == .started else { continue }
                let delay = Double(event.decidedAtSampleIndex) / InternalSampling.rate - onset
                guard delay > 0 else { continue }
                kinds.insert(alert.kind)
                if scenario.expected.contains(alert.kind), first == nil { first = delay }
                if alert.priority == .high, firstHigh == nil { firstHigh = delay }
            }
            for kind in kinds { timing.alarms[kind.name, default: 0] += 1 }
            if let first { delays.append(first) }
            if let firstHigh { high.append(firstHigh) }
        }
        timing.within_10_s = delays.count { $0 <= 10 }
        timing.fastest_s = delays.min()?.rounded(decimals: 2)
        timing.slowest_s = delays.max()?.rounded(decimals: 2)
        if !delays.isEmpty { timing.mean_s = (delays.reduce(0, +) / Double(delays.count)).rounded(decimals: 2) }
        if high.count == timing.runs { timing.any_high_slowest_s = high.max()?.rounded(decimals: 2) }
        return timing
    }

    private static func onset(of scenario: AlarmScenario, _ labels: [ECGSimulator.Label]) -> Double {
        let times = labels.map { Double($0.rPeakIndex) / InternalSampling.rate }
        switch scenario.onset {
        case .lastBeatBefore(let segment):
            // A segment ends with the first beat due after its time.
            let start = scenario.start(of: segment)
            return times.first { $0 >= start } ?? times.last ?? start
        case .firstBeatOf(let segment):
            let start = scenario.start(of: segment)
            return zip(times, labels).first { $0.0 >= start && $0.1.letter == "V" }?.0 ?? start
        }
    }

    private static func read(
        _ pattern: AlarmScenario.Pattern, _ factor: Double, _ classifier: BeatClassifier
    ) -> Reading {
        let amplitude = AlarmScenario.amplitude * factor
        let (events, labels) = events(
            [.init(pattern.rhythm, seconds: 90)], seed: 1, amplitude: amplitude,
            tWave: pattern.tWave.map { $0 * factor }, MonitorConfiguration(), classifier)
        var rates: [Double] = []
        var found = 0
        for event in events {
            switch event.kind {
            case .status(let status):
                if Double(event.sampleIndex) >= 20 * InternalSampling.rate, let rate = status.heartRate {
                    rates.append(rate)
                }
            case .beat: found += 1
            default: break
            }
        }
        let tolerance = max(5, 0.1 * pattern.rate)
        return Reading(
            pattern: pattern.name, amplitude: factor, rate: pattern.rate,
            read_lowest: rates.min()?.rounded(decimals: 1), read_highest: rates.max()?.rounded(decimals: 1),
            is_right: !rates.isEmpty && rates.allSatisfy { abs($0 - pattern.rate) <= tolerance }, beats: labels.count,
            beats_found: found)
    }

    private static func text(_ model: LoadedModel, _ timings: [Timing], _ readings: [Reading]) -> String {
        var lines = ["model \(model.classifier.name), SHA-256 \(model.classifier.sha256)"]
        lines.append("time to alarm on simulated ECG, \(AlarmScenario.seeds.count) runs each, s")
        var table = TextTable([
            "onset of", "amplitude", "in 10 s", "fastest", "mean", "slowest", "any high alarm", "alarms in runs",
        ])
        for timing in timings {
            let alarms = timing.alarms.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            table.rows.append([
                timing.scenario, "x\(timing.amplitude)", "\(timing.within_10_s)/\(timing.runs)",
                TextTable.cell(timing.fastest_s, 1), TextTable.cell(timing.mean_s, 1),
                TextTable.cell(timing.slowest_s, 1), TextTable.cell(timing.any_high_slowest_s, 1),
                alarms.joined(separator: ", "),
            ])
        }
        lines.append(table.text)
        lines.append("")
        lines.append("rates read of simulated ECG")
        var rates = TextTable(["pattern", "amplitude", "rate", "lowest", "highest", "right", "beats", "found"])
        for reading in readings {
            rates.rows.append([
                reading.pattern, "x\(reading.amplitude)", fixed(reading.rate, 0),
                TextTable.cell(reading.read_lowest, 1),
                TextTable.cell(reading.read_highest, 1), reading.is_right ? "yes" : "no", "\(reading.beats)",
                "\(reading.beats_found)",
            ])
        }
        lines.append(rates.text)
        return lines.joined(separator: "\n")
    }
}
