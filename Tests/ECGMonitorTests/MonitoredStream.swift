import ECGATKGAN
import ECGClassification
import ECGSignal

@testable import ECGMonitor

/// Feeds samples to a monitor and answers for the classifier with the true class of each beat, as the simulator labels
/// it.
struct MonitoredStream {
    var monitor: PatientMonitor
    var events: [MonitorEvent] = []
    var session: UInt64 = 7
    var rate: Double
    var lead = "II"
    var nextIndex: Int64 = 0
    /// Of sample 0.
    var origin: Int64 = 1_700_000_000_000_000_000
    /// How fast the time stamps run against the samples.
    var stampFactor = 1.0
    /// R peaks and classes of all beats that will come, at the source's rate and indices.
    var labels: [ECGSimulator.Label] = []
    /// The attack score of each beat, by its R peak.
    var attackScore: (Int64) -> Float = { _ in 0.02 }
    var receipts: [BlockReceipt] = []

    init(rate: Double = 360, configuration: MonitorConfiguration = MonitorConfiguration()) {
        monitor = PatientMonitor(configuration: configuration)
        self.rate = rate
    }

    func time(of index: Int64) -> Int64 {
        let nanoseconds = (Double(index) * stampFactor * 1e9 / rate).rounded()
        // A damaged state may stand at any index.
        return origin &+ (Int64(exactly: nanoseconds) ?? .max / 2)
    }

    func block(_ samples: some Collection<Float>, at index: Int64, leadOff: Bool = false) -> SampleBlock {
        SampleBlock(
            session: session, firstSampleIndex: index, samplingRate: rate, acquisitionTimeNanoseconds: time(of: index),
            lead: lead, leadOff: leadOff, millivolts: Array(samples))
    }

    /// Sends samples in segments whose sizes `size` gives.
    mutating func feed(
        _ samples: [Float], leadOff: Bool = false, segmentSize size: () -> Int = { 90 }
    ) throws {
        var position = 0
        while position < samples.count {
            let end = min(samples.count, position + max(1, size()))
            try send(block(samples[position..<end], at: nextIndex, leadOff: leadOff))
            position = end
        }
    }

    /// Sends one segment and resolves it.
    @discardableResult
    mutating func send(_ block: SampleBlock) throws -> BlockReceipt {
        let receipt = try monitor.append(block)
        receipts.append(receipt)
        nextIndex = receipt.nextSampleIndex
        resolve()
        return receipt
    }

    mutating func finish() {
        monitor.endInput()
        resolve()
    }

    mutating func resolve() {
        answersOfTruth().withUnsafeBufferPointer { resolve($0) }
    }

    mutating func resolve(
        _ answers: UnsafeBufferPointer<BeatClassification>, contextual: ContextualClassifier? = nil,
        gradient: LossGradient? = nil
    ) {
        monitor.resolve(answers, contextual: contextual, gradient: gradient, events: &events)
    }

    /// The true class of each pending beat; N for a detection that is no beat.
    func answersOfTruth() -> [BeatClassification] {
        var answers: [BeatClassification] = []
        for mark in monitor.processor.signalEvents {
            guard case .beat(let finding) = mark.content, finding.window != nil else { continue }
            let near = labels.min { abs($0.rPeakIndex - mark.sampleIndex) < abs($1.rPeakIndex - mark.sampleIndex) }
            var beatClass = BeatClass.normal
            if let near, Double(abs(near.rPeakIndex - mark.sampleIndex)) < 0.15 * rate {
                beatClass = BeatClass(annotationSymbol: near.letter) ?? .normal
            }
            var probabilities = SIMD4<Float>(repeating: 0.01)
            probabilities[Int(beatClass.rawValue)] = 0.97
            answers.append(
                BeatClassification(probabilities: probabilities, attackSuspicion: attackScore(mark.sampleIndex)))
        }
        return answers
    }
}

extension MonitoredStream {
    /// A whole simulated script, watched to its end.
    static func watching(
        _ script: [SimulatedSegment], rate: Double = 360, seed: UInt64 = 1, amplitude: Double = 1.2,
        noise: SimulatedNoise = .none, configuration: MonitorConfiguration = MonitorConfiguration(),
        attackScore: @escaping (Int64) -> Float = { _ in 0.02 }, finishing: Bool = true
    ) throws -> MonitoredStream {
        var simulator = ECGSimulator(
            .init(samplingRate: rate, seed: seed, script: script, amplitude: amplitude, noise: noise))
        let (samples, labels) = simulator.record(seconds: script.reduce(0) { $0 + $1.seconds })
        var stream = MonitoredStream(rate: rate, configuration: configuration)
        stream.labels = labels
        stream.attackScore = attackScore
        try stream.feed(samples)
        if finishing { stream.finish() }
        return stream
    }

    func alerts(_ kind: AlertKind? = nil) -> [(event: MonitorEvent, alert: Alert)] {
        events.compactMap { event in
            guard case .alert(let alert) = event.kind, kind == nil || alert.kind == kind else { return nil }
            return (event, alert)
        }
    }

    /// Kinds of alerts that started, in order.
    var started: [AlertKind] { alerts().filter { $0.alert.phase == .started }.map(\.alert.kind) }

    func count(_ kind: AlertKind, _ phase: AlertPhase) -> Int {
        alerts(kind).count { $0.alert.phase == phase }
    }

    var beats: [(event: MonitorEvent, beat: Beat)] {
        events.compactMap { event in
            guard case .beat(let beat) = event.kind else { return nil }
            return (event, beat)
        }
    }

    var statuses: [(event: MonitorEvent, status: Status)] {
        events.compactMap { event in
            guard case .status(let status) = event.kind else { return nil }
            return (event, status)
        }
    }

    var suspicions: [(event: MonitorEvent, suspicion: Suspicion)] {
        events.compactMap { event in
            guard case .suspicion(let suspicion) = event.kind else { return nil }
            return (event, suspicion)
        }
    }

    var gaps: [Gap] { statuses.compactMap(\.status.gap) }

    func seconds(_ index: Int64) -> Double { Double(index) / rate }
}

/// Simulated samples and their labels.
func simulated(
    _ script: [SimulatedSegment], rate: Double = 360, seed: UInt64 = 1, amplitude: Double = 1.2,
    noise: SimulatedNoise = .none
) -> (samples: [Float], labels: [ECGSimulator.Label]) {
    var simulator = ECGSimulator(
        .init(samplingRate: rate, seed: seed, script: script, amplitude: amplitude, noise: noise))
    let (samples, labels) = simulator.record(seconds: script.reduce(0) { $0 + $1.seconds })
    return (samples, labels)
}

let sinus72 = SimulatedSegment.Rhythm.sinus(rate: 72)
