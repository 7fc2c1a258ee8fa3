import EC57
import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGSignal

/// Time to alarm, and heart rate readings for irregular rhythms and tall T waves, on simulated ECG at normal, half and
/// double amplitude.
public struct AlarmEvaluation: Sendable {
    public var model: LoadedModel
    /// Number of scenarios processed at a time; nil: the number of processor cores.
    public var jobs: Int?

    public init(_ model: LoadedModel, jobs: Int? = nil) {
        self.model = model
        self.jobs = jobs
    }

    /// Runs every scenario and every pattern.
    public func report() async throws -> AlarmReport {
        let classifier = model.classifier
        var cases: [(AlarmScenario, Double)] = []
        for scenario in AlarmScenario.timed { cases += AlarmScenario.factors.map { (scenario, $0) } }
        let timings = try await RecordBatch.map(cases, jobs: jobs) { Self.time($0.0, $0.1, classifier) }
        var patterns: [(AlarmScenario.Pattern, Double)] = []
        for pattern in AlarmScenario.patterns { patterns += AlarmScenario.factors.map { (pattern, $0) } }
        let readings = try await RecordBatch.map(patterns, jobs: jobs) { Self.read($0.0, $0.1, classifier) }
        return AlarmReport(model: model.identity, timings: timings, readings: readings)
    }

    /// Runs one simulated patient through the pipeline.
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

    private static func time(_ scenario: AlarmScenario, _ factor: Double, _ classifier: BeatClassifier)
        -> AlarmReport.Timing
    {
        var timing = AlarmReport.Timing(
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
            // A segment ends with the first beat due after its end time.
            let start = scenario.start(of: segment)
            return times.first { $0 >= start } ?? times.last ?? start
        case .firstBeatOf(let segment):
            let start = scenario.start(of: segment)
            return zip(times, labels).first { $0.0 >= start && $0.1.letter == "V" }?.0 ?? start
        }
    }

    private static func read(
        _ pattern: AlarmScenario.Pattern, _ factor: Double, _ classifier: BeatClassifier
    ) -> AlarmReport.Reading {
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
        return AlarmReport.Reading(
            pattern: pattern.name, amplitude: factor, rate: pattern.rate,
            read_lowest: rates.min()?.rounded(decimals: 1), read_highest: rates.max()?.rounded(decimals: 1),
            is_right: !rates.isEmpty && rates.allSatisfy { abs($0 - pattern.rate) <= tolerance }, beats: labels.count,
            beats_found: found)
    }
}

/// The results of `AlarmEvaluation`; its properties are the keys of the JSON.
public struct AlarmReport: Encodable, Sendable {
    public var evaluation = "alarms"
    public var model: LoadedModel.Identity
    public var limit_s = 10.0
    public var timings: [Timing]
    public var readings: [Reading]

    /// Times to alarm of one scenario at one amplitude.
    public struct Timing: Encodable, Sendable {
        public var scenario: String
        public var amplitude: Double
        public var runs: Int
        /// Number of runs in which the expected alarm came within 10 s.
        public var within_10_s: Int
        public var fastest_s: Double?
        public var mean_s: Double?
        public var slowest_s: Double?
        /// The alarms that came, and in how many runs.
        public var alarms: [String: Int]
        /// The slowest first alarm of high priority, of any kind; nil if a run had none.
        public var any_high_slowest_s: Double?
    }

    /// Heart rate readings of one pattern at one amplitude, per minute.
    public struct Reading: Encodable, Sendable {
        public var pattern: String
        public var amplitude: Double
        public var rate: Double
        public var read_lowest: Double?
        public var read_highest: Double?
        /// Whether every reading is within 10 % or 5 beats a minute, whichever is greater (IEC 60601-2-27).
        public var is_right: Bool
        public var beats: Int
        public var beats_found: Int
    }
}
