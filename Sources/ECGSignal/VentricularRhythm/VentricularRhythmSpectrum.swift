import Foundation

/// Spectrum and periodicity of the window.
extension VentricularRhythmFeatures {
    /// Lowest and highest bin of the range 0.7 to 18 Hz; a bin is 40/512 Hz wide.
    private static let bins = 9...230
    /// First bins of the bands that begin at 0.7, 1.6, 2.6, 4, 6, 9 and 13 Hz, and the bin after the last band.
    private static let bandEdges = [9, 21, 34, 52, 77, 116, 167, 231]
    /// Bins of 1.2 to 9 Hz: ventricular rhythms and heart rates, and their first harmonics.
    private static let dominantBins = 16...115
    private static let binWidth: Float = 40.0 / 512

    /// Bands, dominant frequency and its harmonics, entropy, mean and spread.
    mutating func addSpectrum(_ narrow: UnsafePointer<Float>) {
        var power = InlineArray<257, Float>(repeating: 0)
        PowerSpectrum.shared.transform(narrow, into: &power)
        var total: Float = WindowArithmetic.epsilon
        for bin in Self.bins { total += power[bin] }
        for band in 0..<Self.bandEdges.count - 1 {
            var sum: Float = 0
            for bin in Self.bandEdges[band]..<Self.bandEdges[band + 1] { sum += power[bin] }
            add(log(sum / total + 0.001))
        }
        var dominant = Self.dominantBins.lowerBound
        for bin in Self.dominantBins where power[bin] > power[dominant] { dominant = bin }
        func share(_ bins: ClosedRange<Int>) -> Float {
            var sum: Float = 0
            for bin in bins.clamped(to: 0...256) { sum += power[bin] }
            return sum / total
        }
        add(log(Float(dominant) * Self.binWidth))
        // Within 0.5 Hz of the frequency, its double and triple, and within 0.35 Hz of its half.
        for multiple in 1...3 { add(share(multiple * dominant - 6...multiple * dominant + 6)) }
        add(share(dominant / 2 - 4...(dominant + 1) / 2 + 4))

        var entropy: Float = 0
        var mean: Float = 0
        for bin in Self.bins {
            let share = power[bin] / total
            entropy -= share * log(share + 1e-12)
            mean += share * Float(bin)
        }
        mean *= Self.binWidth
        var variance: Float = 0
        for bin in Self.bins {
            let distance = Float(bin) * Self.binWidth - mean
            variance += power[bin] / total * distance * distance
        }
        add(entropy / log(Float(Self.bins.count)))
        add(log(mean))
        add(variance.squareRoot() / mean)
    }

    /// Maxima and minima of the autocorrelation of s at 40 Hz, its period and its width.
    ///
    /// - Parameter scratch: (181).
    mutating func addAutocorrelation(_ narrow: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>) {
        scratch.update(from: narrow, count: Self.narrowLength)
        let values = Autocorrelation(
            ofCentred: scratch, Self.narrowLength, in: scratch + Self.narrowLength)
        let half = values.fall(below: 0.5)
        let zero = values.fall(below: 0)
        let candidates = values.lags(above: zero)
        var highest = 0
        for lag in candidates where highest == 0 || values[lag] > values[highest] { highest = lag }
        let peak = max(values[highest], -1)
        // The shortest period whose peak is nearly as high as the highest one.
        let period =
            candidates.first {
                values[$0] >= values[$0 - 1] && values[$0] >= values[$0 + 1] && values[$0] >= 0.85 * peak
                    && values[$0] > 0
            } ?? highest
        let length = Float(max(period, 1))
        add(peak)
        add(values[period])
        add(values[min(2 * period, 60)])
        add(values.least(from: 0))
        add(log(length / 40))
        add(log(half / 40 + 0.01))
        add(half / length)
        add(zero / length)
    }

    /// How peaked and how periodic an envelope is.
    ///
    /// - Parameters:
    ///   - envelope: magnitudes of the slope or the second difference at 120 Hz, (356), decimated to 40 Hz here.
    ///   - scratch: (295).
    mutating func addEnvelope(_ envelope: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>) {
        // Sums of three samples, aligned to the end of the window, and sums of three of these.
        let last = Self.windowLength - 4
        let threes = last / 3
        let count = threes - 2
        let sums = scratch
        let smooth = scratch + threes
        for index in 0..<threes {
            let from = envelope + (last - 3 * threes + 3 * index)
            sums[index] = from[0] + from[1] + from[2]
        }
        for index in 0..<count { smooth[index] = sums[index] + sums[index + 1] + sums[index + 2] }
        let epsilon = WindowArithmetic.epsilon
        let top = WindowArithmetic.quantile(smooth, count, 0.98) + epsilon
        let upper = WindowArithmetic.quantile(smooth, count, 0.9) + epsilon
        let middle = WindowArithmetic.quantile(smooth, count, 0.5) + epsilon
        add(log(top / middle + 0.001))
        add(log(upper / middle + 0.001))
        for index in 0..<count { smooth[index] = min(smooth[index], top) }
        let values = Autocorrelation(ofCentred: smooth, count, in: smooth + count)
        var period = 10
        for lag in 10...60 where values[lag] > values[period] { period = lag }
        add(values[period])
        add(log(Float(period) / 40))
        add(values.least(from: 3))
    }
}

/// The unbiased autocorrelation of about 3 s at 40 Hz, at lags of 0 to 60 samples (1.5 s), within -1...1.
///
/// It is kept in memory of the caller: an array in the value would be copied at each access.
struct Autocorrelation {
    static let count = 61
    private static let lags = [Int32](0..<Int32(count))
    private let values: UnsafePointer<Float>

    /// - Parameters:
    ///   - samples: (count), count > 60; their mean is subtracted in place.
    ///   - memory: (61), overwritten; it must last as long as this value.
    init(ofCentred samples: UnsafeMutablePointer<Float>, _ count: Int, in memory: UnsafeMutablePointer<Float>) {
        let mean = WindowArithmetic.sum(samples, count) / Float(count)
        for index in 0..<count { samples[index] -= mean }
        WindowArithmetic.laggedProducts(samples, count, Self.lags, into: memory)
        let power = memory[0] + WindowArithmetic.epsilon
        for lag in 0..<Self.count {
            let value = memory[lag] / power * (Float(count) / Float(count - lag))
            memory[lag] = max(-1, min(1, value))
        }
        values = UnsafePointer(memory)
    }

    subscript(lag: Int) -> Float { values[lag] }

    func least(from first: Int) -> Float {
        var least = values[first]
        for lag in first...60 where values[lag] < least { least = values[lag] }
        return least
    }

    /// Where it first falls below a level, interpolated between two lags; 60 if it never does.
    func fall(below level: Float) -> Float {
        guard let lag = (0...60).first(where: { values[$0] < level }) else { return 60 }
        let before = values[max(lag, 1) - 1]
        return max(0, Float(lag - 1) + (before - level) / max(before - values[lag], 1e-6))
    }

    /// The candidate lags for a period: 0.15 to 1.2 s, beyond the first zero crossing.
    func lags(above zero: Float) -> Range<Int> {
        zero < 48 ? max(6, Int(zero) + 1)..<49 : 49..<49
    }
}
