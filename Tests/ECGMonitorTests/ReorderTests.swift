import ECGClassification
import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct ReorderTests {
    private static let script: [SimulatedSegment] = [
        .init(sinus72, seconds: 20),
        .init(.ventricularGroups(rate: 72, every: 6, count: 2, groupRate: 120), seconds: 20),
        .init(.ventricular(rate: 170), seconds: 8), .init(.asystole, seconds: 7), .init(.sinus(rate: 45), seconds: 15),
    ]

    private func stream(_ seconds: Double, labels: [ECGSimulator.Label]) -> MonitoredStream {
        var configuration = MonitorConfiguration()
        configuration.reorderSeconds = seconds
        var stream = MonitoredStream(configuration: configuration)
        stream.labels = labels
        return stream
    }

    /// Segments of 10 to 60 samples, the electrode off in some, two holes, and from the 60th second on another lead.
    private func blocks(
        _ samples: [Float], _ stream: MonitoredStream, _ random: inout SeededGenerator
    ) -> [SampleBlock] {
        var stream = stream
        var blocks: [SampleBlock] = []
        let edges = [5_000, 5_040, 9_000, 10_000, 14_400, 15_000, 21_600, samples.count]
        var position = 0
        while position < samples.count {
            if position >= 21_600 { stream.lead = "V5" }
            let edge = edges.first { $0 > position } ?? samples.count
            let end = min(edge, position + 10 + Int(random.next() % 50))
            let isHole = (5_000..<5_040).contains(position) || (9_000..<10_000).contains(position)
            if !isHole {
                blocks.append(
                    stream.block(
                        samples[position..<end], at: Int64(position), leadOff: (14_400..<15_000).contains(position)))
            }
            position = end
        }
        return blocks
    }

    /// Another order in which every segment comes before one that ends further than `window` beyond the sample
    /// expected.
    private func shuffled(
        _ blocks: [SampleBlock], window: Int64, _ random: inout SeededGenerator
    ) -> [SampleBlock] {
        var left = Array(blocks.dropFirst())
        var order = [blocks[0]]
        var early: [SampleBlock] = []
        var expected = end(blocks[0])
        while !left.isEmpty {
            let fitting = left.prefix { end($0) - expected <= window }.count
            let next = left.remove(at: fitting == 0 ? 0 : Int(random.next() % UInt64(fitting)))
            order.append(next)
            if fitting == 0 {
                // All before it has come, or never will.
                expected = end(next)
                early = []
            } else {
                early.append(next)
                while let place = early.firstIndex(where: { $0.firstSampleIndex == expected }) {
                    expected = end(early.remove(at: place))
                }
            }
        }
        return order
    }

    private func end(_ block: SampleBlock) -> Int64 { block.firstSampleIndex + Int64(block.millivolts.count) }

    @Test func anyOrderWithinTheWindowGivesTheSameEvents() throws {
        let (samples, labels) = simulated(Self.script, noise: .init(white: 0.01, baselineWander: 0.1))
        var random = SeededGenerator(seed: 12)
        for round in 0..<8 {
            let blocks = blocks(samples, stream(0, labels: labels), &random)
            var ordered = stream(round < 4 ? 0.5 : 0, labels: labels)
            for block in blocks { try ordered.send(block) }
            ordered.finish()
            #expect(ordered.gaps.count == 2 && ordered.events.count > 100)

            var disordered = stream(0.5, labels: labels)
            let order = shuffled(blocks, window: 180, &random)
            #expect(order != blocks)
            for block in order { try disordered.send(block) }
            disordered.finish()
            #expect(disordered.events == ordered.events)
            #expect(disordered.receipts.contains { $0.reorderedSamples > 0 })
            #expect(
                disordered.receipts.reduce(0) { $0 + $1.acceptedSamples }
                    + (disordered.receipts.last?.bufferedSamples ?? 0)
                    == blocks.reduce(0) { $0 + $1.millivolts.count })
        }
    }

    @Test func overlappingRepeatedBlocksInAnyOrderCountOnce() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 40)])
        var ordered = stream(0.5, labels: labels)
        try ordered.feed(samples)
        ordered.finish()
        var random = SeededGenerator(seed: 2)
        var disordered = stream(0.5, labels: labels)
        try disordered.send(disordered.block(samples[..<90], at: 0))
        while disordered.nextIndex < samples.count {
            let first = max(0, Int(disordered.nextIndex) + Int(random.next() % 150) - 60)
            let last = min(samples.count, min(first + 1 + Int(random.next() % 60), Int(disordered.nextIndex) + 180))
            if first < last { try disordered.send(disordered.block(samples[first..<last], at: Int64(first))) }
            #expect(disordered.monitor.bufferedSampleCount <= 180)
        }
        disordered.finish()
        #expect(disordered.gaps.isEmpty)
        #expect(disordered.events == ordered.events)
        #expect(disordered.receipts.reduce(0) { $0 + $1.acceptedSamples } == samples.count)
    }

    @Test func holeIsReportedOncePendingBlocksExceedTheWindow() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)])
        var stream = stream(0.5, labels: labels)
        try stream.feed(Array(samples[..<3_600]))
        // 3,600 ..< 3,640 and 3,700 ..< 3,710 are missing.
        #expect(try stream.send(stream.block(samples[3_640..<3_700], at: 3_640)).bufferedSamples == 60)
        var receipt = try stream.send(stream.block(samples[3_710..<3_780], at: 3_710))
        #expect(receipt.bufferedSamples == 130 && receipt.gaps.isEmpty && receipt.nextSampleIndex == 3_600)
        receipt = try stream.send(stream.block(samples[3_780..<3_781], at: 3_780))
        #expect(receipt.gaps == [Gap(firstMissingSampleIndex: 3_600, missingSampleCount: 40)])
        #expect(receipt.bufferedSamples == 71 && receipt.nextSampleIndex == 3_700 && receipt.reorderedSamples == 0)
        // What comes too late is dropped; what fills the second hole is not.
        receipt = try stream.send(stream.block(samples[3_600..<3_640], at: 3_600))
        #expect(receipt.duplicateSamplesDropped == 40 && receipt.acceptedSamples == 0)
        receipt = try stream.send(stream.block(samples[3_700..<3_710], at: 3_700))
        #expect(receipt.acceptedSamples == 81 && receipt.reorderedSamples == 71 && receipt.nextSampleIndex == 3_781)
        stream.finish()
        #expect(stream.gaps == [Gap(firstMissingSampleIndex: 3_600, missingSampleCount: 40)])
    }

    @Test func silenceEndAndNewSessionReleasePendingBlocks() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)])
        var start = stream(0.5, labels: labels)
        try start.feed(Array(samples[..<3_600]))
        try start.send(start.block(samples[3_640..<3_700], at: 3_640))
        let gap = Gap(firstMissingSampleIndex: 3_600, missingSampleCount: 40)
        #expect(start.gaps.isEmpty)

        var silent = start
        #expect(silent.monitor.releaseReordered().gaps == [gap])
        silent.resolve()
        #expect(silent.gaps == [gap] && silent.monitor.nextSampleIndex == 3_700)
        var ended = start
        ended.finish()
        #expect(ended.gaps == [gap] && ended.events.last?.decidedAtSampleIndex == 3_699)
        var restarted = start
        restarted.session = 8
        let receipt = try restarted.send(restarted.block(samples[..<90], at: 0))
        #expect(receipt.gaps == [gap] && receipt.sessionChanged && receipt.nextSampleIndex == 90)
        #expect(restarted.gaps == [gap])
        // One that is refused changes nothing.
        restarted = start
        restarted.session = 6
        #expect(throws: BlockRejection.staleSession) {
            _ = try restarted.monitor.append(restarted.block(samples[..<90], at: 0))
        }
        #expect(restarted.monitor.bufferedSampleCount == 60)
    }

    @Test func withoutAWindowEveryHoleIsAGapAtOnce() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 20)])
        var stream = stream(0, labels: labels)
        try stream.feed(Array(samples[..<3_600]))
        let receipt = try stream.send(stream.block(samples[3_601..<3_602], at: 3_601))
        #expect(receipt.gapSamples == 1 && receipt.bufferedSamples == 0 && receipt.nextSampleIndex == 3_602)
    }

    @Test func manyShortSegmentsAheadHoldLittleMemory() throws {
        var configuration = MonitorConfiguration()
        configuration.reorderSeconds = 5
        var monitor = PatientMonitor(configuration: configuration)
        let stream = MonitoredStream()
        var events: [MonitorEvent] = []
        _ = try monitor.append(stream.block([0, 0.1], at: 0))
        for index in stride(from: Int64(10), to: 1_500, by: 2) {
            let receipt = try monitor.append(stream.block([0.1], at: index))
            #expect(receipt.bufferedSamples <= ReorderBuffer.maximumBlocks)
            monitor.resolve(UnsafeBufferPointer(start: nil, count: 0), events: &events)
        }
        #expect(monitor.memoryFootprint < 56_000)
    }
}
