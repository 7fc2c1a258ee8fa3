public import ToolSupport

#if canImport(Glibc)
    import Glibc
#endif

/// How another device, or another day, would have recorded the same heart: a change of a whole record that leaves its
/// rhythm as it is.
public enum RecordedOtherwise: String, Sendable, CaseIterable {
    case reversed
    case small
    case large
    case monitorBand = "monitor-band"
    case ambulatoryBand = "ambulatory-band"
    case eightBits = "8-bit"
    case hum50 = "hum-50"
    case hum60 = "hum-60"
    case wander
    case muscle50 = "muscle-50"
    case muscle100 = "muscle-100"

    public var text: String {
        switch self {
        case .reversed: "reversed polarity"
        case .small: "0.4 times as large"
        case .large: "2.5 times as large"
        case .monitorBand: "0.5 to 40 Hz"
        case .ambulatoryBand: "1 to 25 Hz"
        case .eightBits: "a converter of 8 bits for 10 mV"
        case .hum50: "mains hum of 50 Hz, 0.1 mV"
        case .hum60: "mains hum of 60 Hz, 0.1 mV"
        case .wander: "baseline wander of 0.8 mV"
        case .muscle50: "muscle noise of 50 uV rms"
        case .muscle100: "muscle noise of 100 uV rms"
        }
    }

    /// The muscle noise that is added: `ma` of the noise stress test database, whose rms is 1.
    public struct MuscleNoise: Sendable {
        let values: [Float]
        let samplingRate: Double

        /// - Throws: the database is not at hand.
        public init() throws(ToolError) {
            let channel = try RecordChannel(RecordDatabase("nstdb").record("ma"), name: "ma")
            samplingRate = channel.samplingRate
            let calm = RecordedOtherwise.highPass(channel.millivolts, 1, samplingRate)
            let square = calm.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(1, calm.count))
            let scale = Float(1 / max(square.squareRoot(), 1e-9))
            values = calm.map { $0 * scale }
        }

        /// - Parameter start: from which sample on.
        func samples(_ count: Int, at rate: Double, from start: Int) -> [Float] {
            (0..<count).map { index in
                let place = Double(start) + Double(index) * samplingRate / rate
                let lower = Int(place)
                let share = Float(place - Double(lower))
                let (a, b) = (values[lower % values.count], values[(lower + 1) % values.count])
                return a + share * (b - a)
            }
        }
    }

    var needsMuscleNoise: Bool { self == .muscle50 || self == .muscle100 }

    /// The record with the change; what is not a number stays so.
    ///
    /// - Parameters:
    ///   - samples: in mV.
    ///   - rate: samples per second.
    ///   - name: the record's, which decides where the noise begins.
    ///   - noise: for the changes that need it.
    func applied(to samples: [Float], rate: Double, name: String, noise: MuscleNoise?) -> [Float] {
        func muscle(_ millivolts: Float) -> [Float] {
            let start = name.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 600_000 }
            let noise = noise?.samples(samples.count, at: rate, from: start) ?? []
            return zip(samples, noise).map { $0 + millivolts * $1 }
        }
        func waves(_ waves: [(millivolts: Float, hertz: Double)]) -> [Float] {
            samples.enumerated().map { index, sample in
                waves.reduce(sample) {
                    $0 + $1.millivolts * Float(sin(2 * .pi * $1.hertz * Double(index) / rate))
                }
            }
        }
        switch self {
        case .reversed: return samples.map { -$0 }
        case .small: return samples.map { 0.4 * $0 }
        case .large: return samples.map { 2.5 * $0 }
        case .monitorBand: return Self.lowPass(Self.highPass(samples, 0.5, rate), 40, rate)
        case .ambulatoryBand: return Self.lowPass(Self.highPass(samples, 1, rate), 25, rate)
        case .eightBits:
            let step: Float = 10 / 256
            return samples.map { ($0 / step).rounded() * step }
        case .hum50: return waves([(0.1, 50)])
        case .hum60: return waves([(0.1, 60)])
        case .wander: return waves([(0.5, 0.3), (0.3, 0.13)])
        case .muscle50: return muscle(0.05)
        case .muscle100: return muscle(0.1)
        }
    }

    /// First order.
    fileprivate static func highPass(_ samples: [Float], _ hertz: Double, _ rate: Double) -> [Float] {
        let share = 1 - exp(-2 * .pi * hertz / rate)
        var base = Double(samples.first { $0.isFinite } ?? 0)
        return samples.map { sample in
            guard sample.isFinite else { return sample }
            base += share * (Double(sample) - base)
            return Float(Double(sample) - base)
        }
    }

    /// Butterworth of second order, by the bilinear transform; none where the record ends before.
    private static func lowPass(_ samples: [Float], _ hertz: Double, _ rate: Double) -> [Float] {
        guard hertz < 0.45 * rate else { return samples }
        let k = tan(.pi * hertz / rate)
        let norm = 1 / (1 + 2.squareRoot() * k + k * k)
        let (b, a1, a2) = (k * k * norm, 2 * (k * k - 1) * norm, (1 - 2.squareRoot() * k + k * k) * norm)
        var (x1, x2, y1, y2) = (0.0, 0.0, 0.0, 0.0)
        return samples.map { sample in
            guard sample.isFinite else { return sample }
            let x = Double(sample)
            let y = b * (x + 2 * x1 + x2) - a1 * y1 - a2 * y2
            (x2, x1, y2, y1) = (x1, x, y1, y)
            return Float(y)
        }
    }
}
