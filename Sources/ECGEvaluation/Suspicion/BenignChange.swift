import ECGLimits
public import ECGReplay
import NeuralNetwork

#if canImport(Glibc)
    import Glibc
#endif

/// A lasting change of a signal without any aim, such as a new device or a filter brings. It sets in in the middle of a
/// record, but for a halved sampling rate, which holds from the start.
public enum BenignChange: String, Sendable, CaseIterable, Codable {
    case noiseHalf = "noise-0.5"
    case noise1 = "noise-1"
    case noise2 = "noise-2"
    case gaussian1 = "gaussian-1"
    case bits8 = "8-bit"
    case bits10 = "10-bit"
    case lowPass40 = "low-pass-40"
    case highPass = "high-pass-0.5"
    case hum50 = "hum-50"
    case hum60 = "hum-60"
    case halfRate = "half-rate"

    public var text: String {
        switch self {
        case .noiseHalf: "uniform noise, 0.5 % of a beat's range"
        case .noise1: "uniform noise, 1 %"
        case .noise2: "uniform noise, 2 %"
        case .gaussian1: "normal noise, 1 %"
        case .bits8: "a converter of 8 bits for 10 mV"
        case .bits10: "a converter of 10 bits for 10 mV"
        case .lowPass40: "a low-pass filter at 40 Hz"
        case .highPass: "a high-pass filter at 0.5 Hz"
        case .hum50: "mains hum of 50 Hz, 30 uV"
        case .hum60: "mains hum of 60 Hz, 30 uV"
        case .halfRate: "half the sampling rate"
        }
    }

    /// Whether the monitor takes a record of this many samples a second with the change.
    public func isPossible(at samplingRate: Double) -> Bool {
        self != .halfRate || SignalLimits.samplingRates.contains(samplingRate / 2)
    }

    /// The record with the change.
    ///
    /// - Parameter seed: of the noise.
    public func applied(to material: ReplayMaterial, seed: UInt64) -> ReplayMaterial {
        var changed = material
        if self == .halfRate {
            changed.samplingRate /= 2
            changed.counts = stride(from: 0, to: material.counts.count - 1, by: 2).map { place in
                Int32(((Int64(material.counts[place]) + Int64(material.counts[place + 1])) / 2))
            }
            changed.invalidIndices = Array(Set(material.invalidIndices.map { $0 / 2 })).sorted().filter {
                $0 < changed.counts.count
            }
            changed.gaps = material.gaps.map { $0.lowerBound / 2..<$0.upperBound / 2 }
            return changed
        }
        let samples = material.millivolts
        let start = samples.count / 2
        changed.replace(from: start, withMillivolts: Array(values(samples, material, seed: seed)[start...]))
        return changed
    }

    private func values(_ samples: [Float], _ material: ReplayMaterial, seed: UInt64) -> [Float] {
        let rate = Float(material.samplingRate)
        var generator = SeededGenerator(seed: seed)
        func uniform(_ share: Float) -> [Float] {
            let size = share * Self.range(samples, rate)
            return samples.map { $0 + Float.random(in: -size...size, using: &generator) }
        }
        func quantized(bits: Int) -> [Float] {
            let step = 10 / Float(1 << bits)
            return samples.map { ($0 / step).rounded() * step }
        }
        func hum(_ frequency: Float) -> [Float] {
            samples.enumerated().map { $1 + 0.03 * sinf(2 * .pi * frequency * Float($0) / rate) }
        }
        switch self {
        case .noiseHalf: return uniform(0.005)
        case .noise1: return uniform(0.01)
        case .noise2: return uniform(0.02)
        case .gaussian1:
            let size = 0.01 * Self.range(samples, rate)
            return samples.map { sample in
                let sum = (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0...1, using: &generator) }
                return sample + size * sum
            }
        case .bits8: return quantized(bits: 8)
        case .bits10: return quantized(bits: 10)
        case .lowPass40:
            // Two poles, each at 62 Hz, give -3 dB at 40 Hz.
            return Self.lowPass(Self.lowPass(samples, 62, rate), 62, rate)
        case .highPass:
            return zip(samples, Self.lowPass(samples, 0.5, rate)).map { $0 - $1 }
        case .hum50: return hum(50)
        case .hum60: return hum(60)
        case .halfRate: return samples
        }
    }

    /// A filter of one pole; samples that are no numbers are left out.
    private static func lowPass(_ samples: [Float], _ frequency: Float, _ rate: Float) -> [Float] {
        let share = 1 - expf(-2 * .pi * frequency / rate)
        var state = samples.first { !$0.isNaN } ?? 0
        return samples.map { sample in
            guard !sample.isNaN else { return sample }
            state += share * (sample - state)
            return state
        }
    }

    /// Median of the range in each 1.2 s, in mV: about that of a beat.
    private static func range(_ samples: [Float], _ rate: Float) -> Float {
        let length = max(1, Int(1.2 * rate))
        var ranges: [Float] = []
        for start in stride(from: 0, to: samples.count - length, by: length) {
            let part = samples[start..<(start + length)].filter { !$0.isNaN }
            if let low = part.min(), let high = part.max() { ranges.append(high - low) }
        }
        ranges.sort()
        return ranges.isEmpty ? 0 : ranges[ranges.count / 2]
    }
}
