import ECGSignal
import TestSupport
import Testing

/// The signal's own look for flutter and fibrillation, on ECG where there is none, and on record 207.
@Suite struct VentricularFibrillationTests {
    private static func seconds(
        of finding: VentricularFibrillationDetector.Finding?, _ database: String, _ name: String
    ) throws -> [Double] {
        let record = try Databases.read(name, from: database)
        var detector = VentricularFibrillationDetector()
        var found: [Double] = []
        func step(_ value: Float, _ index: Int) {
            guard let change = detector.step(value), change.finding != .none,
                finding == nil || change.finding == finding
            else { return }
            let second = Double(index) / 360
            // Up to 3 s after its end an episode still fills the window.
            let source = Int64(second * record.rate)
            if !record.flutter.contains(where: {
                source >= $0.lowerBound && source <= $0.upperBound + Int64(3 * record.rate)
            }) {
                found.append(second)
            }
        }
        if record.rate == InternalSampling.rate {
            for (index, value) in record.millivolts.enumerated() { step(value, index) }
        } else {
            var resampler = try Resampler(inputRate: record.rate)
            var index = 0
            for value in record.millivolts {
                resampler.push(value)
                while let sample = resampler.next() {
                    step(sample, index)
                    index += 1
                }
            }
        }
        return found
    }

    @Test(.enabled(if: Databases.has("mitdb"), "skipped: no mitdb in the folder named by ECGMON_DATABASES"))
    func nothingInMITDBButFlutterIsCalledClearlySo() throws {
        for name in Databases.records("mitdb") {
            let found = try Self.seconds(of: .clear, "mitdb", name)
            #expect(found.isEmpty, "\(name) at \(found)")
        }
    }

    @Test(.enabled(if: Databases.has("svdb"), "skipped: no svdb in the folder named by ECGMON_DATABASES"))
    func nothingInSVDBIsCalledClearlySo() throws {
        for name in Databases.records("svdb") {
            let found = try Self.seconds(of: .clear, "svdb", name)
            #expect(found.isEmpty, "\(name) at \(found)")
        }
    }

    @Test func aSineIsClearlySoWithinItsFrequenciesAndAmplitudes() {
        func finding(_ frequency: Double, _ amplitude: Double, offset: Double = 0)
            -> VentricularFibrillationDetector.Finding
        {
            var simulator = ECGSimulator(
                .init(
                    script: [.init(.asystole, seconds: .infinity)],
                    noise: .init(mains: amplitude, mainsFrequency: frequency), offset: offset))
            var detector = VentricularFibrillationDetector()
            for _ in 0..<3_600 { _ = detector.step(simulator.next()) }
            return detector.finding
        }
        #expect(finding(5, 0.5) == .clear)
        #expect(finding(5, 0.5, offset: 4) == .clear)
        #expect(finding(5, 0.05) == .none, "too small: that is asystole")
        #expect(finding(1, 0.5) == .none)
        #expect(finding(16, 0.5) == .none)
        #expect(finding(50, 0.5) == .none)
    }
}
