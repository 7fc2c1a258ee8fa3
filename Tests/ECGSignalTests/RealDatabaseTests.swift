import ECGSignal
import TestSupport
import Testing

/// The detector on annotated ECG: channel 0, EC57 from 5:00, ventricular flutter left out.
struct RealDatabaseTests {
    private static func resampled(_ samples: [Float], rate: Double) throws -> [Float] {
        guard rate != InternalSampling.rate else { return samples }
        var resampler = try Resampler(inputRate: rate)
        var output: [Float] = []
        output.reserveCapacity(samples.count * 3)
        for sample in samples {
            resampler.push(sample)
            while let value = resampler.next() { output.append(value) }
        }
        resampler.finish()
        while let value = resampler.next() { output.append(value) }
        return output
    }

    private static func evaluate(_ database: String) throws -> (score: BeatScore, delays: [Int64]) {
        var score = BeatScore()
        var delays: [Int64] = []
        for name in Databases.records(database) {
            let record = try Databases.read(name, from: database)
            let found = detect(try resampled(record.millivolts, rate: record.rate))
            func counts(_ index: Int64) -> Bool {
                index >= 300 * 360 && !record.flutter.contains { $0.contains(index) }
            }
            let reference = record.beats.map { Int64((Double($0) * 360 / record.rate).rounded()) }
            score.add(reference: reference.filter(counts), found: found.map(\.rPeakIndex).filter(counts))
            delays += found.filter { !$0.foundBySearchBack }.map { $0.detectedAtIndex - $0.rPeakIndex }
        }
        return (score, delays.sorted())
    }

    @Test(.enabled(if: Databases.has("mitdb"), "skipped: no mitdb in the folder named by ECGMON_DATABASES"))
    func mitdbIsDetectedBetterThanByTheBestOpenStreamingDetector() throws {
        let (score, delays) = try Self.evaluate("mitdb")
        #expect(score.beats > 91_000)
        #expect(score.sensitivity >= 99.78 && score.predictivity >= 99.81, "\(score.sensitivity) \(score.predictivity)")
        #expect(score.errorRate <= 0.30, "\(score.errorRate) %")
        #expect(score.meanAbsoluteErrorMilliseconds <= 6)
        #expect(delays[delays.count / 2] <= 131 && delays[delays.count * 99 / 100] <= 131)
    }

    @Test(.enabled(if: Databases.has("svdb"), "skipped: no svdb in the folder named by ECGMON_DATABASES"))
    func aDatabaseAtAnotherRateIsDetectedAsWell() throws {
        let (score, _) = try Self.evaluate("svdb")
        #expect(score.beats > 99_000)
        #expect(score.errorRate <= 0.30, "\(score.errorRate) %")
    }

    /// EP Limited's detector on the same files.
    @Test(
        .enabled(
            if: Databases.has("nstdb") && Databases.has("nstdb_119_regenerated"),
            "skipped: no nstdb, nstdb_119_regenerated in the folder named by ECGMON_DATABASES"),
        arguments: [
            ("18", 100.0, 99.86), ("12", 100, 92.26), ("06", 98.91, 76.22), ("00", 94.35, 67.19), ("_6", 86.39, 62.32),
        ])
    func electrodeMotionIsDetectedAsWellAsByTheBestOpenDetector(
        level: String, sensitivity: Double, predictivity: Double
    ) throws {
        var score = BeatScore()
        for (name, database) in [("118e", "nstdb"), ("119e", "nstdb_119_regenerated")] {
            let record = try Databases.read(name + level, from: database)
            let found = detect(record.millivolts).map(\.rPeakIndex)
            score.add(reference: record.beats.filter { $0 >= 108_000 }, found: found.filter { $0 >= 108_000 })
        }
        #expect(score.sensitivity >= sensitivity && score.predictivity >= predictivity, "\(score)")
    }

    @Test(
        .enabled(
            if: Databases.has("nstdb_119_regenerated"),
            "skipped: no nstdb_119_regenerated in the folder named by ECGMON_DATABASES"),
        arguments: [("119e24", 0.0...0.0), ("119e06", 0.3...1), ("119e00", 0.4...1)])
    func electrodeMotionIsReported(record: String, expected: ClosedRange<Double>) throws {
        let samples = try Databases.read(record, from: "nstdb_119_regenerated").millivolts
        var monitor = SignalConditionMonitor()
        var detector = PanTompkinsDetector()
        var (noisy, all) = (0, 0)
        for (n, sample) in samples.enumerated() {
            _ = detector.step(sample)
            _ = monitor.step(sample, leadOff: false, noiseRatio: detector.noiseRatio)
            // Noise is added from 5:00 on, every other two minutes.
            guard n >= 300 * 360, (n / 360 - 300) % 240 < 120 else { continue }
            all += 1
            if monitor.condition == .noisy { noisy += 1 }
        }
        #expect(expected.contains(Double(noisy) / Double(all)), "\(Double(noisy) / Double(all))")
    }

    @Test(.enabled(if: Databases.has("mitdb"), "skipped: no mitdb in the folder named by ECGMON_DATABASES"))
    func conditionMonitorFiresOnRealFaultsAndRarelyElse() throws {
        var seconds = 0.0
        var unreadable = 0.0
        for name in Databases.records("mitdb") {
            let samples = try Databases.read(name, from: "mitdb").millivolts
            var monitor = SignalConditionMonitor()
            var detector = PanTompkinsDetector()
            var conditions: Set<SignalCondition> = []
            for sample in samples {
                _ = detector.step(sample)
                _ = monitor.step(sample, leadOff: false, noiseRatio: detector.noiseRatio)
                conditions.insert(monitor.condition)
                if monitor.condition != .good { unreadable += 1.0 / 360 }
            }
            seconds += Double(samples.count) / 360
            #expect(!conditions.contains(.flatLine), "\(name)")
            // Record 116 stands at the converter's limit three times.
            #expect(conditions.contains(.saturation) == (name == "116"), "\(name)")
        }
        #expect(unreadable / seconds < 0.005, "\(unreadable) of \(seconds) s")
    }
}
