import Glibc
import NeuralNetwork

/// Adds noise to an ECG at a given signal-to-noise ratio, by the rule of the MIT-BIH Noise Stress Test Database (Moody,
/// Muldrow, Mark, Computers in Cardiology 1984): the signal's power is an eighth of the square of the mean peak-to-peak
/// amplitude of the QRS complexes; the noise's power is the square of the mean RMS amplitude over windows of one
/// second. Both means exclude the lowest and the highest twentieth.
public enum NoiseMixer {
    /// The ratio is measured on the first beats and seconds only, so that a long record takes no longer.
    private static let beatsMeasured = 300
    private static let secondsMeasured = 300

    /// The factor that scales `noise` to that ratio with the ECG; nil if either has no amplitude.
    /// - Parameters:
    ///   - ecg: in millivolts.
    ///   - rPeaks: indices of the R peaks in it, ascending.
    ///   - noise: at the same rate; in any unit, since the factor scales it to millivolts.
    ///   - samplesPerSecond: sampling rate of both.
    ///   - decibels: the desired signal-to-noise ratio.
    public static func gain(
        ecg: [Float], rPeaks: [Int], noise: [Float], samplesPerSecond: Int, decibels: Double
    ) -> Double? {
        let half = max(1, samplesPerSecond / 20)
        let amplitudes: [Double] = rPeaks.prefix(beatsMeasured).compactMap { peak in
            guard peak - half >= 0, peak + half < ecg.count else { return nil }
            let complex = ecg[(peak - half)...(peak + half)]
            guard let low = complex.min(), let high = complex.max(), (high - low).isFinite else { return nil }
            return Double(high - low)
        }
        let windowCount = max(1, min(secondsMeasured, noise.count / max(1, samplesPerSecond)))
        let windowLength = min(samplesPerSecond, noise.count)
        let deviations = (0..<windowCount).map { number in
            rootMeanSquare(noise[(number * windowLength)..<((number + 1) * windowLength)])
        }
        let signalAmplitude = trimmedMean(amplitudes)
        let noiseAmplitude = trimmedMean(deviations)
        guard signalAmplitude > 0, noiseAmplitude > 0 else { return nil }
        return signalAmplitude / 8.0.squareRoot() / noiseAmplitude * pow(10, -decibels / 20)
    }

    /// The sum of the ECG and the noise times `gain`; the noise is repeated if it is shorter.
    public static func mix(ecg: [Float], noise: [Float], gain: Double) -> [Float] {
        guard !noise.isEmpty else { return ecg }
        var mixed = ecg
        for index in mixed.indices {
            mixed[index] += Float(Double(noise[index % noise.count]) * gain)
        }
        return mixed
    }

    /// White Gaussian noise of variance 1, identical for the same seed.
    public static func whiteNoise(count: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in generator.nextNormal() }
    }

    private static func rootMeanSquare(_ window: ArraySlice<Float>) -> Double {
        guard !window.isEmpty else { return 0 }
        let mean = window.reduce(0.0) { $0 + Double($1) } / Double(window.count)
        return (window.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(window.count))
            .squareRoot()
    }

    private static func trimmedMean(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let cut = sorted.count / 20
        let kept = sorted[cut..<(sorted.count - cut)]
        return kept.isEmpty ? 0 : kept.reduce(0, +) / Double(kept.count)
    }
}
