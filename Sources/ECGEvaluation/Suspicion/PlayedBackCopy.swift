import ECGSignal

/// What an attacker may do to a recording before it is played back.
public enum PlayedBackCopy: String, Sendable, CaseIterable, Codable {
    case exact
    case noise10 = "noise-10-uv"
    case noise20 = "noise-20-uv"
    case bits8 = "8-bit"
    case resampled

    public var text: String {
        switch self {
        case .exact: "exact"
        case .noise10: "with normal noise of 10 uV"
        case .noise20: "with normal noise of 20 uV"
        case .bits8: "requantised to 8 bits for 10 mV"
        case .resampled: "resampled to 250 Hz (at 250 Hz to 360 Hz) and back"
        }
    }

    /// The recording as it is played back.
    ///
    /// - Parameters:
    ///   - samples: in mV.
    ///   - rate: samples per second.
    ///   - seed: of the noise.
    func applied(to samples: [Float], rate: Double, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        func noisy(_ size: Double) -> [Float] { samples.map { $0 + Float(size * random.normal()) } }
        switch self {
        case .exact: return samples
        case .noise10: return noisy(0.01)
        case .noise20: return noisy(0.02)
        case .bits8:
            let step: Float = 10 / 256
            return samples.map { ($0 / step).rounded() * step }
        case .resampled:
            let other: Double = rate == 250 ? 360 : 250
            return Self.resampled(Self.resampled(samples, by: other / rate), by: rate / other)
        }
    }

    /// Linear interpolation.
    private static func resampled(_ samples: [Float], by ratio: Double) -> [Float] {
        let count = Int(Double(samples.count - 1) * ratio)
        return (0..<max(count, 0)).map { index in
            let place = Double(index) / ratio
            let lower = Int(place)
            let share = Float(place - Double(lower))
            return samples[lower] + share * (samples[min(lower + 1, samples.count - 1)] - samples[lower])
        }
    }
}
