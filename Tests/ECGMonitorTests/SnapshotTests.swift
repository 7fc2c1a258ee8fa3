import ECGATKGAN
import ECGClassification
import Testing

@testable import ECGMonitor
@testable import ECGSignal

@Suite struct SnapshotTests {
    /// What is done to a stream, one after the other.
    enum Step {
        case block(SampleBlock)
        case command(AlarmCommand)
        case configure(MonitorConfiguration)
        case silence(Double)
    }

    /// Does a step; `resolving` its samples at once or leaving them to wait.
    static func perform(_ step: Step, on stream: inout MonitoredStream, resolving: Bool) throws {
        switch step {
        case .block(let block):
            _ = try stream.monitor.append(block)
            if resolving { stream.resolve() }
        case .command(let command):
            stream.resolve()
            _ = stream.monitor.apply(command, events: &stream.events)
        case .configure(let configuration):
            stream.resolve()
            stream.monitor.configure(configuration, events: &stream.events)
        case .silence(let seconds):
            stream.resolve()
            _ = stream.monitor.releaseReordered()
            stream.resolve()
            stream.monitor.reportSignalLost(forSeconds: seconds, events: &stream.events)
        }
    }

    /// The stream after all steps; at each place given it is replaced by what its snapshot gives.
    static func run(
        _ steps: [Step], from start: MonitoredStream, restoringBefore places: Set<Int> = [],
        resolvingEvery period: Int = 1
    ) throws -> MonitoredStream {
        var stream = start
        for (number, step) in steps.enumerated() {
            if places.contains(number) {
                let bytes = stream.monitor.snapshot()
                #expect(bytes.count < 60_000)
                let next = stream.monitor.nextSampleIndex
                let session = stream.monitor.session
                stream.monitor = try PatientMonitor(
                    snapshot: bytes, configuration: stream.monitor.configuration, events: &stream.events)
                #expect(stream.monitor.nextSampleIndex == next && stream.monitor.session == session)
                #expect(stream.monitor.snapshot() == bytes)
            }
            try perform(step, on: &stream, resolving: number % period == period - 1)
        }
        stream.finish()
        return stream
    }

    /// Segments of 0.1 to 1 s of samples that begin at an index.
    static func blocks(
        _ samples: [Float], at first: Int64 = 0, of stream: MonitoredStream, leadOff: Bool = false, seed: UInt64 = 1
    ) -> [Step] {
        var random = SeededGenerator(seed: seed)
        var steps: [Step] = []
        var position = 0
        while position < samples.count {
            let size = Int(stream.rate * (0.1 + 0.9 * random.uniform()))
            let end = min(samples.count, position + size)
            steps.append(
                .block(stream.block(samples[position..<end], at: first + Int64(position), leadOff: leadOff)))
            position = end
        }
        return steps
    }

    private static let script: [SimulatedSegment] = [
        .init(sinus72, seconds: 15),
        .init(.ventricularGroups(rate: 72, every: 6, count: 2, groupRate: 120), seconds: 20),
        .init(.ventricular(rate: 170), seconds: 8), .init(.asystole, seconds: 7),
        .init(.bigeminy(rate: 80), seconds: 15),
        .init(.atrialFibrillation(rate: 110), seconds: 30), .init(.sinus(rate: 45), seconds: 25),
    ]

    /// Everything that can happen to a stream.
    private static func eventfulSteps(rate: Double) -> (start: MonitoredStream, steps: [Step]) {
        var (samples, labels) = simulated(script, rate: rate, noise: .init(white: 0.01, baselineWander: 0.1))
        for index in Int(64 * rate)..<Int(64.2 * rate) { samples[index] = .nan }
        var noise = SeededGenerator(seed: 8)
        for index in Int(70 * rate)..<Int(76 * rate) { samples[index] += Float(noise.uniform() - 0.5) * 2 }
        func part(_ from: Double, _ to: Double) -> [Float] { Array(samples[Int(from * rate)..<Int(to * rate)]) }
        func index(_ seconds: Double) -> Int64 { Int64(Int(seconds * rate)) }
        var configuration = MonitorConfiguration()
        configuration.alarms.latching = [.high]
        var stream = MonitoredStream(rate: rate, configuration: configuration)
        stream.labels = labels
        stream.attackScore = { Double($0) / rate > 50 && Double($0) / rate < 62 ? 0.97 : 0.03 }
        var steps = blocks(part(0, 41), of: stream)
        steps.append(.command(AlarmCommand(.pause(.audio, seconds: 20), by: "night shift")))
        steps += blocks(part(41, 45), at: index(41), of: stream)
        steps.append(.command(AlarmCommand(.acknowledge(kind: nil, number: nil), by: "night shift")))
        steps.append(.silence(4))
        steps += blocks(part(45, 80), at: index(45), of: stream)
        steps += blocks(part(80, 83), at: index(80), of: stream, leadOff: true)
        steps += blocks(part(83, 86), at: index(83), of: stream)
        configuration.tachycardiaAbove = 105
        configuration.alarms.off = [.bigeminy]
        steps.append(.configure(configuration))
        // A gap, another lead, another session with another rate.
        steps += blocks(part(88.5, 100), at: index(88.5), of: stream)
        stream.lead = "V5"
        steps += blocks(part(100, 110), at: index(100), of: stream)
        stream.lead = "II"
        stream.session = 8
        stream.rate = rate == 250 ? 500 : 250
        steps += blocks(part(108, 120), at: 40, of: stream)
        stream.session = 7
        stream.rate = rate
        stream.lead = "II"
        return (stream, steps)
    }

    @Test(arguments: [125.0, 250, 360, 999.5])
    func restoredMonitorContinuesAsIfNothingHadHappened(rate: Double) throws {
        let (start, steps) = Self.eventfulSteps(rate: rate)
        let undisturbed = try Self.run(steps, from: start).events
        let kinds = Set(
            undisturbed.compactMap { event in if case .alert(let alert) = event.kind { alert.kind } else { nil } })
        #expect(kinds.count > 8)
        #expect(try Self.run(steps, from: start, restoringBefore: Set(steps.indices)).events == undisturbed)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5 {
            let places = Set((0..<3).map { _ in Int(random.next() % UInt64(steps.count)) })
            #expect(try Self.run(steps, from: start, restoringBefore: places).events == undisturbed)
        }
    }

    @Test func windowsAwaitingClassificationAreRestored() throws {
        let (start, steps) = Self.eventfulSteps(rate: 360)
        let undisturbed = try Self.run(steps, from: start).events
        #expect(
            try Self.run(steps, from: start, restoringBefore: Set(steps.indices), resolvingEvery: 7).events
                == undisturbed)
    }

    @Test func elementsOfInlineArraysStayAligned() {
        // Swift 6.3 copies an InlineArray within a value of alignment 16 (SIMD4 makes it so) as if every element were
        // aligned like the first, and crashes if the stride is no multiple of that.
        #expect(MemoryLayout<QRSCandidate>.stride % 16 == 0)
        #expect(MemoryLayout<AlertManager.Entry>.stride % 16 == 0)
    }

    @Test func aMonitorWithoutSamplesIsRestored() throws {
        let monitor = try PatientMonitor(snapshot: PatientMonitor().snapshot())
        #expect(monitor.session == nil && monitor.nextSampleIndex == 0)
    }

    @Test func newLimitsTakeEffectAsInALiveReload() throws {
        let (samples, labels) = simulated([.init(.sinus(rate: 132), seconds: 40)])
        var reloaded = MonitoredStream()
        reloaded.labels = labels
        try reloaded.feed(Array(samples[..<7_200]))
        var restarted = reloaded
        var configuration = MonitorConfiguration()
        configuration.alarms.off = [.tachycardia]
        configuration.bradycardiaBelow = 45
        reloaded.monitor.configure(configuration, events: &reloaded.events)
        restarted.monitor = try PatientMonitor(
            snapshot: restarted.monitor.snapshot(), configuration: configuration, events: &restarted.events)
        #expect(restarted.monitor.configuration == configuration)
        #expect(restarted.alerts(.tachycardia).last?.alert.endedBecause == .switchedOff)
        try reloaded.feed(Array(samples[7_200...]))
        try restarted.feed(Array(samples[7_200...]))
        #expect(restarted.events == reloaded.events)
    }

    @Test func blocksPendingForOrderAreNotInASnapshot() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 20)])
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<3_600]))
        _ = try stream.send(stream.block(samples[3_636..<3_672], at: 3_636))
        #expect(stream.monitor.bufferedSampleCount == 36)
        stream.monitor = try PatientMonitor(snapshot: stream.monitor.snapshot())
        #expect(stream.monitor.bufferedSampleCount == 0 && stream.monitor.nextSampleIndex == 3_600)
    }
}

/// Real rhythms, cut where it is hardest.
@Suite(
    .enabled(
        if: RealRecord.hasMITDB,
        "skipped: no MIT-BIH Arrhythmia Database under ECGMON_DATABASES (default ../shared/data)"))
struct RealSnapshotTests {
    /// Ventricular flutter, ventricular tachycardia, atrial fibrillation, electrode motion, pauses.
    @Test(arguments: ["207", "205", "203", "208", "232"])
    func realRecordContinuesAsIfNothingHadHappened(name: String) throws {
        let record = try RealRecord.mitdb(name)
        var stream = MonitoredStream()
        stream.labels = record.labels
        let seed = UInt64(name) ?? 1
        let steps = SnapshotTests.blocks(record.samples, of: stream, seed: seed)
        let undisturbed = try SnapshotTests.run(steps, from: stream).events
        #expect(undisturbed.count > 1_500)
        var random = SeededGenerator(seed: seed)
        let places = Set((0..<200).map { _ in Int(random.next() % UInt64(steps.count)) })
        #expect(try SnapshotTests.run(steps, from: stream, restoringBefore: places).events == undisturbed)
        #expect(
            try SnapshotTests.run(steps, from: stream, restoringBefore: places, resolvingEvery: 5).events == undisturbed
        )
    }

    @Test(.enabled(if: RealRecord.hasModel, "skipped: no weights at Config/models/default.safetensors"))
    func contextSurvivesARestart() throws {
        let classifier = try BeatClassifier(contentsOf: RealRecord.model)
        let workspace = classifier.makeWorkspace()
        let samples = try RealRecord.fixture()
        var results: [[MonitorEvent]] = []
        for restores in [false, true] {
            var stream = MonitoredStream()
            for position in stride(from: 0, to: samples.count, by: 1_000) {
                let end = min(position + 1_000, samples.count)
                _ = try stream.monitor.process(
                    stream.block(samples[position..<end], at: Int64(position)), classifier: classifier,
                    workspace: workspace, events: &stream.events)
                if restores { stream.monitor = try PatientMonitor(snapshot: stream.monitor.snapshot()) }
            }
            stream.monitor.finish(classifier: classifier, workspace: workspace, events: &stream.events)
            results.append(stream.events)
        }
        #expect(results[0] == results[1])
    }
}
