import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct HostileBlockTests {
    private func block(
        session: UInt64 = 7, at index: Int64 = 3_600, rate: Double = 360, time: Int64 = 1, lead: String = "II",
        samples: [Float] = [0, 0.1]
    ) -> SampleBlock {
        SampleBlock(
            session: session, firstSampleIndex: index, samplingRate: rate, acquisitionTimeNanoseconds: time,
            lead: lead, millivolts: samples)
    }

    @Test func impossibleInputIsRefusedWithItsCauseAndChangesNothing() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 20)])
        var undisturbed = MonitoredStream()
        undisturbed.labels = labels
        try undisturbed.feed(samples)
        undisturbed.finish()

        let hostile: [(SampleBlock, BlockRejection)] = [
            (block(samples: []), .emptySegment),
            (block(samples: [Float](repeating: 0, count: 120_001)), .tooManySamples),
            (block(rate: 0), .samplingRateOutOfRange),
            (block(rate: -360), .samplingRateOutOfRange),
            (block(rate: .nan), .samplingRateOutOfRange),
            (block(rate: .infinity), .samplingRateOutOfRange),
            (block(rate: 99.9), .samplingRateOutOfRange),
            (block(rate: 2_001), .samplingRateOutOfRange),
            (block(at: -1), .indexOutOfRange),
            (block(at: .min), .indexOutOfRange),
            (block(at: .max), .indexOutOfRange),
            (block(at: 1 << 53), .indexOutOfRange),
            (block(at: 1 << 52), .indexTooFarAhead),
            (block(at: 3_600 + 8 * 86_400 * 360), .indexTooFarAhead),
            (block(session: 6), .staleSession),
            (block(session: 0), .staleSession),
            (block(lead: String(repeating: "x", count: 33)), .leadNameTooLong),
        ]
        var stream = MonitoredStream()
        stream.labels = labels
        try stream.feed(Array(samples[..<3_600]))
        for (block, cause) in hostile {
            #expect(throws: cause) { _ = try stream.monitor.append(block) }
        }
        try stream.feed(Array(samples[3_600...]))
        stream.finish()
        #expect(stream.events == undisturbed.events)
    }

    @Test func anIndexFarInThePastIsRefused() throws {
        var stream = MonitoredStream()
        let start: Int64 = 9 * 86_400 * 360
        try stream.send(block(at: start))
        #expect(throws: BlockRejection.indexTooFarBehind) { _ = try stream.monitor.append(block(at: 0)) }
    }

    @Test func everyCauseHasALabelOfItsOwn() {
        let labels = Set(BlockRejection.allCases.map(\.cause))
        #expect(labels.count == BlockRejection.allCases.count)
        #expect(labels.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "_" } })
    }

    @Test func impossibleTimesAndSamplesAreHarmless() throws {
        var stream = MonitoredStream()
        let values: [Float] = [
            .nan, .infinity, -.infinity, .greatestFiniteMagnitude, -1e30, .leastNonzeroMagnitude, 1e3,
        ]
        var index: Int64 = 0
        for time in [Int64.max, .min, 1, -1, 0, .max, .min] {
            for rate in [100, 360, 1_999.5, 2_000] {
                let receipt = try stream.send(
                    block(at: index, rate: rate, time: time, samples: (0..<700).map { values[$0 % values.count] }))
                index = receipt.nextSampleIndex
                #expect(receipt.invalidSamples == 500)
            }
        }
        stream.finish()
        #expect(stream.beats.allSatisfy { $0.beat.beatClass == nil })
    }

    @Test func oneNaNInFortySamplesHidesNoBeat() throws {
        let (clean, labels) = simulated([.init(sinus72, seconds: 120)])
        let samples = clean.indices.map { $0 % 40 == 0 ? Float.nan : clean[$0] }
        var stream = MonitoredStream()
        try stream.feed(samples)
        stream.finish()
        #expect(abs(stream.beats.count - labels.count) <= 2)
        #expect(stream.started.isEmpty)
    }

    @Test func flappingSourceCannotFloodTheWard() throws {
        // Of ten samples three are numbers: nothing can be read, and detection must not restart at every one of them.
        let (clean, _) = simulated([.init(sinus72, seconds: 120)])
        let samples = clean.indices.map { $0 % 10 < 7 ? Float.nan : clean[$0] }
        var stream = MonitoredStream()
        try stream.feed(samples)
        stream.finish()
        #expect(stream.count(.signalLost, .started) == 1)
        #expect(stream.beats.count < 5)
        #expect(stream.events.count < 60)
    }

    @Test func randomSegmentsNeverTrap() throws {
        var random = SeededGenerator(seed: 99)
        for _ in 0..<200 {
            var monitor = PatientMonitor()
            var stream = MonitoredStream()
            for _ in 0..<30 {
                let count = Int(random.next() % 400)
                let index = Int64(bitPattern: random.next()) >> Int64(random.next() % 64)
                let samples = (0..<count).map { _ in
                    random.next() % 50 == 0
                        ? Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) : Float(random.uniform())
                }
                let rates = [100.0, 125, 360, 360, 360, 512.3, 2_000, Double(bitPattern: random.next())]
                let candidate = SampleBlock(
                    session: random.next() % 3, firstSampleIndex: index,
                    samplingRate: rates[Int(random.next() % 8)],
                    acquisitionTimeNanoseconds: Int64(bitPattern: random.next()), lead: "",
                    leadOff: random.next() % 9 == 0,
                    millivolts: samples)
                _ = try? stream.send(candidate)
                _ = try? monitor.append(candidate)
            }
            stream.finish()
        }
    }
}
