import ECGSignal
import NeuralNetwork
import Testing

@testable import ECGATKGAN
@testable import ECGClassification
@testable import ECGMonitor

@Suite struct ContextualStreamTests {
    /// A contextual classifier that gives every feature some weight, and whose first stage is sure of many beats and unsure of others.
    private static func contextual() -> ContextualClassifier {
        var random = NeuralNetwork.SeededGenerator(seed: 5)
        func layer(_ inputs: Int, _ outputs: Int, gain: Float = 1) -> ContextualStage.Layer {
            ContextualStage.Layer(
                inputs: inputs, outputs: outputs,
                weight: (0..<(inputs * outputs)).map { _ in gain * random.nextNormal() / Float(inputs).squareRoot() },
                bias: Array(repeating: 0, count: outputs))
        }
        func stage(_ features: Int, gain: Float) -> ContextualStage {
            ContextualStage(
                mean: Array(repeating: 0, count: features), factor: Array(repeating: 1, count: features),
                members: [[layer(features, 8), layer(8, 6), layer(6, 4, gain: gain)]])
        }
        return ContextualClassifier(
            first: stage(ContextualFeatures.count, gain: 3), second: stage(ContextualFeatures.countWithNext, gain: 1))
    }

    private static let script: [SimulatedSegment] = [
        .init(sinus72, seconds: 20),
        .init(.ventricularGroups(rate: 72, every: 6, count: 2, groupRate: 120), seconds: 30),
        .init(.ventricular(rate: 170), seconds: 8), .init(.atrialFibrillation(rate: 110), seconds: 20),
    ]

    /// The events of the script with a gap of two seconds, cut into segments of a size, resolved every so many
    /// segments.
    private func events(size: Int, resolvingEvery: Int = 1, contextual: ContextualClassifier?) throws -> [MonitorEvent] {
        let (samples, labels) = simulated(Self.script, rate: 360, noise: .init(white: 0.01, baselineWander: 0.1))
        var stream = MonitoredStream(rate: 360)
        stream.labels = labels
        let gap = 14_400..<15_120
        var position = 0
        var sent = 0
        var events: [MonitorEvent] = []
        func resolve() {
            let answers = stream.answersOfTruth()
            answers.withUnsafeBufferPointer { stream.monitor.resolve($0, contextual: contextual, events: &events) }
        }
        while position < samples.count {
            let end = min(position + size, position < gap.lowerBound ? gap.lowerBound : samples.count)
            _ = try stream.monitor.append(stream.block(samples[position..<end], at: Int64(position)))
            sent += 1
            if sent % resolvingEvery == 0 { resolve() }
            position = end == gap.lowerBound ? gap.upperBound : end
        }
        stream.monitor.endInput()
        resolve()
        return events
    }

    @Test func finalClassesDoNotDependOnTheBlocks() throws {
        let contextual = Self.contextual()
        let reference = try events(size: 5_000, contextual: contextual)
        for size in [7, 360, 4_999] { #expect(try events(size: size, contextual: contextual) == reference, "segments of \(size)") }
        #expect(try events(size: 90, resolvingEvery: 50, contextual: contextual) == reference)
        // And the contextual classifier decides something.
        #expect(try events(size: 5_000, contextual: nil) != reference)
    }

    @Test func theStateOfAStreamStaysSmall() {
        #expect(MemoryLayout<BeatTemplates>.size < 5_000)
    }

    private static func beats(_ events: [MonitorEvent]) -> [MonitorEvent] {
        events.filter { if case .beat = $0.kind { true } else { false } }
    }

    @Test func everyBeatIsReportedOnceInOrderAndSoon() throws {
        let alone = Self.beats(try events(size: 5_000, contextual: nil))
        let combined = Self.beats(try events(size: 5_000, contextual: Self.contextual()))
        #expect(combined.map(\.sampleIndex) == alone.map(\.sampleIndex))
        // The clock ticks every quarter of a second.
        let longest = Int64((ContextualClassifier.maximumWaitSeconds + 0.3) * 360)
        var waited = 0
        for (early, late) in zip(alone, combined) {
            #expect(late.decidedAtSampleIndex >= early.decidedAtSampleIndex)
            // One that the search-back found later than that does not wait.
            if late.decidedAtSampleIndex > early.decidedAtSampleIndex {
                waited += 1
                // Over the gap no sample comes that could end the waiting.
                if (late.sampleIndex..<late.decidedAtSampleIndex).contains(14_400) { continue }
                #expect(late.decidedAtSampleIndex - late.sampleIndex <= longest)
            }
        }
        #expect(waited > 0 && waited < combined.count, "\(waited) of \(combined.count)")
    }

    @Test func pendingBeatIsDecidedWhenTheSignalEnds() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 10), .init(.asystole, seconds: 8)])
        var stream = MonitoredStream()
        stream.labels = labels
        var events: [MonitorEvent] = []
        // A first stage that is sure of nothing.
        let flat = ContextualStage.Layer(
            inputs: ContextualFeatures.count, outputs: 4, weight: Array(repeating: 0, count: 4 * ContextualFeatures.count),
            bias: Array(repeating: 0, count: 4))
        let unsure = ContextualClassifier(
            first: ContextualStage(
                mean: Array(repeating: 0, count: ContextualFeatures.count),
                factor: Array(repeating: 1, count: ContextualFeatures.count),
                members: [[flat]]),
            second: Self.contextual().second)
        _ = try stream.monitor.append(stream.block(samples[...], at: 0))
        let answers = stream.answersOfTruth()
        answers.withUnsafeBufferPointer { stream.monitor.resolve($0, contextual: unsure, events: &events) }
        let beats = Self.beats(events)
        #expect(beats.count == labels.count { $0.rPeakIndex < Int64(samples.count) - 200 })
        // The last one has none after it.
        let last = try #require(beats.last)
        let seconds = Double(last.decidedAtSampleIndex - last.sampleIndex) / 360
        #expect(seconds > ContextualClassifier.maximumWaitSeconds && seconds < ContextualClassifier.maximumWaitSeconds + 0.3)
    }

    @Test func theFirstBeatAfterAGapHasNoInterval() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)])
        var stream = MonitoredStream()
        stream.labels = labels
        stream.monitor.observeBeats()
        try stream.feed(Array(samples[..<5_000]))
        let before = stream.monitor.takeObservedBeats()
        try stream.send(stream.block(samples[5_720...], at: 5_720))
        let after = stream.monitor.takeObservedBeats()
        #expect(before.first?.context.interval == nil && before.dropFirst().allSatisfy { $0.context.interval != nil })
        #expect(after.first?.context.interval == nil)
        #expect(after.first?.context.templates.dominant != nil)
        #expect(after.dropFirst().first?.context.interval != nil)
    }
}
