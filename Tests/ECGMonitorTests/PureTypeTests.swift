import ECGATKGAN
import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct PureTypeTests {
    @Test func heartRateOmitsTheLongestAndShortestIntervals() {
        var rate = HeartRate()
        for interval in [0.8, 0.8, 0.8] { rate.add(interval: interval) }
        #expect(rate.beatsPerMinute == nil)
        for interval in [0.8, 0.3, 0.8, 1.9, 0.8, 0.8, 0.8, 0.8, 0.8] { rate.add(interval: interval) }
        #expect(abs((rate.beatsPerMinute ?? 0) - 75) < 0.01)
    }

    @Test func aSlowRateIsSeenAfterThreeIntervals() {
        var rate = HeartRate()
        for _ in 0..<12 { rate.add(interval: 0.75) }
        for _ in 0..<3 { rate.add(interval: 1.5) }
        #expect((rate.beatsPerMinute ?? 99) < 50)
    }

    @Test func aSlowIrregularRateIsSeenDespiteShorterIntervals() {
        var rate = HeartRate()
        for _ in 0..<12 { rate.add(interval: 0.95) }
        for interval in [1.72, 1.67, 1.17, 1.73] { rate.add(interval: interval) }
        #expect((rate.beatsPerMinute ?? 99) < 40)
        // A single pause of 4 s is none.
        for _ in 0..<12 { rate.add(interval: 0.85) }
        rate.add(interval: 4)
        #expect((rate.beatsPerMinute ?? 0) > 60)
    }

    @Test func defaultConfigurationIsValidAndNonsenseIsNot() {
        #expect(throws: Never.self) { try MonitorConfiguration().validate() }
        let nonsense: [(String, (inout MonitorConfiguration) -> Void)] = [
            ("asystoleSeconds", { $0.asystoleSeconds = .nan }),
            ("asystoleSeconds", { $0.asystoleSeconds = 60 }),
            ("pauseSeconds", { $0.pauseSeconds = 4 }),
            ("bradycardiaBelow", { $0.bradycardiaBelow = 118 }),
            (
                "ventricularTachycardiaBeats",
                {
                    $0.ventricularTachycardiaBeats = 3
                    $0.ventricularRunBeats = 4
                }
            ),
            ("patternCycles", { $0.patternCycles = 9 }),
            ("maximumSegmentSamples", { $0.maximumBlockSamples = 0 }),
            ("suspicion.raiseAt", { $0.suspicion.raiseAt = -1 }),
        ]
        for (key, change) in nonsense {
            var configuration = MonitorConfiguration()
            change(&configuration)
            let error = #expect(throws: MonitorConfiguration.InvalidValue.self) { try configuration.validate() }
            #expect(error?.key == key)
        }
    }

    @Test func aStreamIsSmallAndDoesNotGrow() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 300)], rate: 250)
        var stream = MonitoredStream(rate: 250)
        stream.labels = labels
        try stream.feed(Array(samples[..<15_000]), segmentSize: { 125 })
        let early = stream.monitor.memoryFootprint
        try stream.feed(Array(samples[15_000...]), segmentSize: { 125 })
        #expect(stream.monitor.memoryFootprint == early)
        // Ten thousand of these are 460 MB at most.
        #expect(early <= 46_080, "\(early) bytes, of which \(MemoryLayout<PatientMonitor>.size) in the value")
        // A segment of two minutes leaves nothing behind.
        let (long, _) = simulated([.init(sinus72, seconds: 300)], rate: 250)
        try stream.send(stream.block(long, at: stream.nextIndex))
        #expect(stream.monitor.memoryFootprint <= early + 8 * 280 * 4)
    }

    @Test func aStampThatJittersDoesNotReachTheEvents() {
        var clock = AcquisitionClock()
        clock.restart(samplingRate: 360)
        #expect(clock.time(ofSample: 5) == 0)
        _ = clock.take(stamp: 1_000_000_000, forSample: 0)
        let jittered = clock.take(stamp: 2_007_000_000, forSample: 360)
        #expect(!jittered)
        #expect(clock.time(ofSample: 720) == 3_000_000_000)
        // 40 ms off is believed, from its own sample on.
        let late = clock.take(stamp: 3_040_000_000, forSample: 720)
        #expect(!late)
        #expect(clock.time(ofSample: 720) == 3_040_000_000)
        #expect(clock.time(ofSample: 360) == 2_000_000_000)
        let setBack = clock.take(stamp: 2_500_000_000, forSample: 1_080)
        #expect(setBack)
    }

    @Test func patternsNeedTheirCycles() {
        let configuration = MonitorConfiguration()
        for (letters, expected): (String, [AlertKind]) in [
            ("NVNVN", []), ("NVNVNV", [.bigeminy]), ("NNVNNVNNV", [.trigeminy]), ("NVNNVNNNVNV", []), ("VVVVVV", []),
            ("NNVNNVNVNNV", []), ("NVNVNVVNVNVNV", [.bigeminy]),
        ] {
            var rule = VentricularPatternRule(configuration)
            var alerts = AlertManager(MonitorConfiguration())
            for (index, letter) in letters.enumerated() {
                rule.beat(
                    letter == "V" ? .ventricular : .normal, at: Int64(index) * 300, lowPriority: true, alerts: &alerts)
            }
            let started = alerts.events.compactMap { event -> AlertKind? in
                guard case .alert(let alert) = event.kind, alert.phase == .started else { return nil }
                return alert.kind
            }
            #expect(started == expected, "\(letters)")
        }
    }
}
