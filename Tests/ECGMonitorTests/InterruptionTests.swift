import ECGSignal
import Testing

@testable import ECGMonitor

/// No way in which samples are lost, invalid, flagged or stamped may hide a lethal rhythm without a word.
@Suite struct InterruptionTests {
    enum Rhythm: String, CaseIterable, Sendable { case asystole, fibrillation, tachycardia }

    enum Pattern: Sendable, CaseIterable {
        case randomPackets, periodicGaps, longGaps, invalidSamples, invalidRuns, flickeringFlag, rateJitter, reordered
    }

    /// Half a minute at 75/min, then half a minute of the rhythm, at 250 Hz.
    private static func samples(_ rhythm: Rhythm, seed: UInt64) -> ([Float], [ECGSimulator.Label]) {
        let onset: SimulatedSegment.Rhythm =
            switch rhythm {
            case .asystole: .sinus(rate: 75)
            case .fibrillation: .ventricularFibrillation
            case .tachycardia: .ventricular(rate: 190)
            }
        var simulator = ECGSimulator(
            .init(
                samplingRate: 250, seed: seed, script: [.init(.sinus(rate: 75), seconds: 30), .init(onset, seconds: 30)],
                noise: .resting))
        var (samples, labels) = simulator.record(seconds: 60)
        guard rhythm == .asystole else { return (samples, labels) }
        // The heart stops 0.4 s after its last beat before 30 s.
        labels.removeAll { $0.rPeakIndex >= 7_400 }
        let end = Int((labels.last?.rPeakIndex ?? 7_400) + 100)
        var random = SeededGenerator(seed: seed &+ 99)
        for index in end..<samples.count { samples[index] = samples[end - 1] + Float(0.01 * random.normal()) }
        return (samples, labels)
    }

    private static func stream(_ rhythm: Rhythm, _ pattern: Pattern, seed: UInt64) throws -> MonitoredStream {
        var random = SeededGenerator(seed: seed)
        var (samples, labels) = samples(rhythm, seed: seed)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        let packet = 5 + Int(random.uniform() * 20)
        let lossShare = random.uniform() * 0.7
        let every = 0.4 + random.uniform() * 8
        let length = pattern == .longGaps ? 0.5 + random.uniform() * 2 : 0.01 + random.uniform() * 0.49
        func isMissed(_ index: Int) -> Bool {
            let second = Double(index) / 250
            return second - (second / (every + length)).rounded(.down) * (every + length) >= every
        }
        if pattern == .invalidSamples {
            for index in samples.indices where random.uniform() < lossShare / 10 { samples[index] = .nan }
        }
        if pattern == .invalidRuns {
            for index in samples.indices where isMissed(index) { samples[index] = .infinity }
        }
        var late: [SampleBlock] = []
        for start in stride(from: 0, to: samples.count, by: packet) {
            let end = min(start + packet, samples.count)
            var block = stream.block(samples[start..<end], at: Int64(start))
            switch pattern {
            case .randomPackets: if random.uniform() < lossShare { continue }
            case .periodicGaps, .longGaps: if isMissed(start) { continue }
            case .flickeringFlag: block.leadOff = isMissed(start)
            case .rateJitter: block.samplingRate = 250 + random.normal() * 0.6
            case .reordered:
                if random.uniform() < lossShare {
                    late.append(block)
                    continue
                }
            case .invalidSamples, .invalidRuns: break
            }
            try stream.send(block)
            if late.count > Int(random.uniform() * 6) {
                for block in late { _ = try? stream.send(block) }
                late = []
            }
        }
        stream.finish()
        return stream
    }

    @Test(arguments: Pattern.allCases) func lossNeverHidesALethalRhythm(pattern: Pattern) throws {
        for rhythm in Rhythm.allCases {
            for seed in UInt64(1)...12 {
                let stream = try Self.stream(rhythm, pattern, seed: seed)
                let told = stream.tells(from: 29 * 250, until: 40.5 * 250)
                #expect(told, "\(rhythm.rawValue), seed \(seed): \(stream.summary)")
            }
        }
    }

    @Test func aPacketLostEverySecondHidesNothing() throws {
        for rhythm in Rhythm.allCases {
            var (samples, labels) = Self.samples(rhythm, seed: 5)
            var stream = MonitoredStream(rate: 250)
            stream.labels = labels
            for start in stride(from: 0, to: samples.count, by: 10) where (start / 10) % 25 != 24 {
                try stream.send(stream.block(samples[start..<(start + 10)], at: Int64(start)))
            }
            samples = []
            stream.finish()
            let expected: AlertKind =
                switch rhythm {
                case .asystole: .asystole
                case .fibrillation: .ventricularFibrillation
                case .tachycardia: .ventricularTachycardia
                }
            // The rhythm itself is told, not only that the link is bad.
            #expect(stream.count(expected, .started) == 1, "\(rhythm.rawValue): \(stream.summary)")
            #expect(stream.count(.signalLost, .started) == 0)
        }
    }

    @Test func badLinkIsReportedOnce() throws {
        var simulator = ECGSimulator(.init(samplingRate: 250, script: [.init(.sinus(rate: 66), seconds: 120)]))
        let (samples, labels) = simulator.record(seconds: 120)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        // From 20 to 80 s, half of the samples are lost.
        for start in stride(from: 0, to: samples.count, by: 100)
        where !(5_000..<20_000).contains(start) || (start / 100) % 2 == 0 {
            try stream.send(stream.block(samples[start..<(start + 100)], at: Int64(start)))
        }
        stream.finish()
        let lost = stream.alerts(.signalLost)
        #expect(lost.map(\.alert.phase).filter { $0 != .updated } == [.started, .ended])
        let start = try #require(lost.first)
        #expect((5_000...7_500).contains(start.event.decidedAtSampleIndex))
        #expect(start.alert.text.contains("interrupted too often"))
        #expect(stream.count(.asystole, .started) == 0)
    }

    /// Two devices that send one stream by turns: no sample is missed, and detection never gets going.
    @Test func aRateThatKeepsChangingIsNotToldAsMissedSamples() throws {
        var simulator = ECGSimulator(.init(samplingRate: 250, script: [.init(.sinus(rate: 66), seconds: 40)]))
        let (samples, labels) = simulator.record(seconds: 40)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        for start in stride(from: 0, to: samples.count, by: 50) {
            var block = stream.block(samples[start..<(start + 50)], at: Int64(start))
            if start % 100 == 50 { block.samplingRate = 260 }
            try stream.send(block)
        }
        stream.finish()
        let lost = stream.alerts(.signalLost).filter { $0.alert.phase == .started }
        #expect(lost.map(\.alert.text) == [
            "signal lost: interrupted too often to be monitored, detection starts again and again",
        ])
    }

    @Test func aFlickeringElectrodeIsOneAlert() throws {
        var simulator = ECGSimulator(.init(samplingRate: 250, script: [.init(.sinus(rate: 75), seconds: 120)]))
        let (samples, labels) = simulator.record(seconds: 120)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        // Off for a second in every four.
        for start in stride(from: 0, to: samples.count, by: 50) {
            try stream.send(
                stream.block(samples[start..<(start + 50)], at: Int64(start), leadOff: (start / 250) % 4 == 3))
        }
        stream.finish()
        #expect(stream.count(.leadOff, .started) == 1)
    }

    @Test func oneInvalidSampleASecondChangesNoBeat() throws {
        var simulator = ECGSimulator(
            .init(samplingRate: 250, script: [.init(.sinus(rate: 75), seconds: 60)], noise: .resting))
        let (clean, labels) = simulator.record(seconds: 60)
        var samples = clean
        for index in stride(from: 100, to: samples.count, by: 250) { samples[index] = .nan }
        var (whole, broken) = (MonitoredStream(rate: 250), MonitoredStream(rate: 250))
        (whole.labels, broken.labels) = (labels, labels)
        try whole.feed(clean)
        try broken.feed(samples)
        whole.finish()
        broken.finish()
        #expect(broken.beats.count == whole.beats.count)
        #expect(broken.started.isEmpty)
    }

    @Test func oneSampleSpikeIsRemovedAndCounted() throws {
        var simulator = ECGSimulator(
            .init(samplingRate: 250, script: [.init(.sinus(rate: 75), seconds: 60)], noise: .resting))
        let (clean, labels) = simulator.record(seconds: 60)
        var samples = clean
        let spikes = Array(stride(from: 700, to: samples.count, by: 575))
        for index in spikes { samples[index] = -32.768 }
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.receipts.reduce(0) { $0 + $1.spikeSamples } == spikes.count)
        #expect(stream.started.isEmpty)
        let found = labels.filter { label in stream.beats.contains { abs($0.event.sampleIndex - label.rPeakIndex) <= 5 } }
        // Of the 26 spikes, some fall into a QRS complex, which the straight line then hides.
        #expect(found.count >= labels.count - 3)
    }

    @Test func slightlyVaryingRateIsStillOneStream() throws {
        var simulator = ECGSimulator(.init(samplingRate: 250, script: [.init(.sinus(rate: 75), seconds: 60)]))
        let (samples, labels) = simulator.record(seconds: 60)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        for (number, start) in stride(from: 0, to: samples.count, by: 50).enumerated() {
            var block = stream.block(samples[start..<(start + 50)], at: Int64(start))
            block.samplingRate = [249.6, 250.3, 250, 249.9][number % 4]
            let receipt = try stream.send(block)
            #expect(!receipt.signalChanged)
        }
        stream.finish()
        #expect(abs(stream.beats.count - labels.count) <= 1)
    }

    @Test func anElectrodeOffsetIsNoSaturation() throws {
        var simulator = ECGSimulator(
            .init(
                samplingRate: 250, script: [.init(.sinus(rate: 70), seconds: 60)], noise: .init(white: 0.001),
                offset: -180))
        let (samples, labels) = simulator.record(seconds: 60)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.statuses.allSatisfy { $0.status.condition == .good })
        #expect(abs(stream.beats.count - labels.count) <= 1)
    }
}

extension MonitoredStream {
    /// Whether a high or a technical alert is on at some time in a stretch of samples, as far as it is decided by then.
    fileprivate func tells(from first: Double, until last: Double) -> Bool {
        var active: Set<AlertKind> = []
        for (event, alert) in alerts() where alert.priority == .high || alert.priority == .technical {
            let decided = Double(event.decidedAtSampleIndex)
            if decided > last { break }
            if alert.phase == .ended { active.remove(alert.kind) } else { active.insert(alert.kind) }
            if decided >= first, !active.isEmpty { return true }
        }
        return !active.isEmpty
    }

    fileprivate var summary: String {
        alerts().filter { $0.alert.phase != .updated }
            .map { "\($0.alert.kind) \($0.alert.phase) \(Double($0.event.decidedAtSampleIndex) / 250)" }
            .joined(separator: ", ")
    }
}
