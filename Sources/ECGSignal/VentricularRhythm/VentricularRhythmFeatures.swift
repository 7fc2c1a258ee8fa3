internal import CKernels
import Foundation

/// The 71 features of 3 s of one lead, in the order in which the network expects them.
///
/// All are scale-free: scaling the signal changes nothing but the share of flat samples. The window is s (360 samples
/// at 120 Hz, 1-Hz high-passed); d is its difference over 2 samples, g its second difference over 4, and D, G, R are
/// the .98 quantiles of |d|, |g| and |s - median|. What each group measures, and its source:
///
/// - shares of samples below fractions of D and R, and means: an ECG is flat between its complexes, fibrillation never
///   is (Jekova & Krasteva, Physiological Measurement 25, 2004: 1167-1178; Arafat et al., 2011);
/// - central moments; mean differences over 2 to 64 samples (a structure function, akin to Hurst's exponent);
/// - the residue of a narrow band-stop filter (Kuo & Dillman, Computers in Cardiology 1978: 347-349);
/// - boxes visited in the plane of s(t) and s(t - 0.25 s) (Amann, Tratnig & Unterkofler, IEEE TBME 54, 2007: 174-177);
/// - waves counted in the slope's envelope and in s, their width and regularity, and how uniform the height is;
/// - band shares, the dominant frequency, its harmonics and concentration (Barro et al., Journal of Biomedical
///   Engineering 11, 1989: 320-328), and the autocorrelation (Chen, Thakor & Mower, Medical & Biological Engineering &
///   Computing 25, 1987: 241-249);
/// - the same for the envelopes of slope and second difference, which show the rate where the waves differ from each
///   other.
///
/// Ablation: leaving out any one of the spectrum, the histograms, the envelopes, the structure function or the counts
/// changes the area under the ROC curve of held-out records by less than .02: no group is indispensable.
struct VentricularRhythmFeatures {
    static let count = 71
    static let windowLength = 360
    static let narrowLength = 120
    /// Number of features of an envelope.
    private static let envelopeCount = 5
    /// Hz.
    static let rate: Float = 120
    /// Height in mV below which a line is considered flat and without shape: all features are 0.
    static let flatHeight: Float = 0.005

    /// The features, (71).
    private(set) var values = InlineArray<71, Float>(repeating: 0)
    /// Robust peak-to-peak height in mV: twice R.
    private(set) var height: Float = 0
    /// Index of the logarithm of the autocorrelation's period, in s.
    private static let periodPlace = 57
    /// Period of the rhythm in s; 0 in a flat signal.
    var period: Float { height >= Self.flatHeight ? exp(values[Self.periodPlace]) : 0 }
    private var next = 0

    /// - Parameters:
    ///   - window: s in mV, (360), finite, oldest first.
    ///   - narrow: s low-passed at 40 Hz, (120), in mV, oldest first.
    ///   - wander: range in mV, over the window, of the component that the high-pass removed.
    init(window: UnsafePointer<Float>, narrow: UnsafePointer<Float>, wander: Float) {
        // |d|, d, |g|, s - median, |s - median|, and a scratch buffer for sorting.
        let length = Self.windowLength
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 6 * length) { memory in
            guard let base = memory.baseAddress else { return }
            let parts = Parts(
                s: window, d: base, slope: base + length, bend: base + 2 * length, centred: base + 3 * length,
                deviation: base + 4 * length, scratch: base + 5 * length)
            let scale = Self.fill(parts)
            height = 2 * scale.deviation
            if height >= Self.flatHeight {
                addDistributions(parts, scale)
                addStructure(parts)
                addPhaseSpace(parts, scale)
                add(log(wander / height + WindowArithmetic.epsilon))
                add(WindowArithmetic.share(of: parts.slope, Self.slopeCount, below: 1e-4))
                addWaves(parts, scale)
                addSpectrum(narrow)
                addAutocorrelation(narrow, parts.scratch)
            }
            next = Self.count - 2 * Self.envelopeCount
            let small = WindowArithmetic.count(window, length, absoluteBelow: Self.flatHeight / 2)
            if small <= WindowArithmetic.place(length, 0.98) {
                addEnvelope(parts.bend, parts.scratch)
                addEnvelope(parts.slope + 2, parts.scratch)
            }
        }
    }

    /// The window and the signals derived from it.
    private struct Parts {
        let s: UnsafePointer<Float>
        /// s[i + 2] - s[i], (358), and its magnitude.
        let d: UnsafeMutablePointer<Float>
        let slope: UnsafeMutablePointer<Float>
        /// |s[i + 4] - 2 s[i + 2] + s[i]|, (356).
        let bend: UnsafeMutablePointer<Float>
        /// s - median, (360), and its magnitude.
        let centred: UnsafeMutablePointer<Float>
        let deviation: UnsafeMutablePointer<Float>
        let scratch: UnsafeMutablePointer<Float>
    }

    /// D, G and R in mV.
    private struct Scale {
        var slope: Float
        var bend: Float
        var deviation: Float
        /// R without the offset that keeps quotients finite.
        var exactDeviation: Float
    }

    private static let slopeCount = windowLength - 2
    private static let bendCount = windowLength - 4
    private static let distanceLags: [Int32] = [1, 2, 4, 8, 16, 32, 64]

    private static func fill(_ parts: Parts) -> Scale {
        let s = parts.s
        ck_differences(Int32(slopeCount), 2, s, parts.d, parts.slope)
        ck_differences(Int32(bendCount), 2, parts.d, parts.scratch, parts.bend)
        ck_centred(
            Int32(windowLength), WindowArithmetic.quantile(s, windowLength, 0.5), s, parts.centred, parts.deviation)
        let epsilon = WindowArithmetic.epsilon
        let deviation = WindowArithmetic.quantile(parts.deviation, windowLength, 0.98)
        return Scale(
            slope: WindowArithmetic.quantile(parts.slope, slopeCount, 0.98) + epsilon,
            bend: WindowArithmetic.quantile(parts.bend, bendCount, 0.98) + epsilon,
            deviation: deviation + epsilon, exactDeviation: deviation)
    }

    /// Appends a feature; a value that is not a number, as for a line without slope, becomes 0.
    mutating func add(_ value: Float) {
        guard next < Self.count else { return }
        values[next] = value.isNaN ? 0 : value
        next += 1
    }

    // MARK: - Shape

    private mutating func addDistributions(_ parts: Parts, _ scale: Scale) {
        let count = Self.windowLength
        let epsilon = WindowArithmetic.epsilon
        let flat = WindowArithmetic.shares(
            of: parts.slope, Self.slopeCount, below: SIMD4(0.05, 0.1, 0.2, 0.4) * scale.slope, 4)
        for part in 0..<4 { add(flat[part]) }
        let meanSlope = WindowArithmetic.sum(parts.slope, Self.slopeCount) / Float(Self.slopeCount)
        add(meanSlope / scale.slope)
        let near = WindowArithmetic.shares(
            of: parts.deviation, count, below: SIMD4(0.1, 0.2, 0.4, 0) * scale.deviation, 3)
        for part in 0..<3 { add(near[part]) }
        add(WindowArithmetic.sum(parts.deviation, count) / Float(count) / scale.deviation)
        let meanBend = WindowArithmetic.sum(parts.bend, Self.bendCount) / Float(Self.bendCount)
        add(meanBend / scale.bend)
        add(log(scale.bend / scale.slope + epsilon))
        add(log(meanBend / (meanSlope + epsilon) + epsilon))
        add(log(scale.slope / scale.deviation + epsilon))
        for (samples, count) in [(parts.s, count), (UnsafePointer(parts.d), Self.slopeCount)] {
            let moments = WindowArithmetic.moments(samples, count)
            add(moments.skewness)
            add(moments.logKurtosis)
        }
    }

    private mutating func addStructure(_ parts: Parts) {
        let count = Self.windowLength
        let s = parts.s
        var sums = InlineArray<7, Float>(repeating: 0)
        var span = sums.mutableSpan
        span.withUnsafeMutableBufferPointer {
            guard let first = $0.baseAddress else { return }
            WindowArithmetic.laggedDistances(s, count, Self.distanceLags, into: first)
        }
        func distance(_ place: Int) -> Float {
            sums[place] / Float(count - Int(Self.distanceLags[place])) + WindowArithmetic.epsilon
        }
        // Lags of 2, 4, 8, 32 and 64 samples against 16.
        let middle = distance(4)
        for place in [1, 2, 3, 5, 6] { add(log(distance(place) / middle)) }
        // Half of the mean period in samples.
        let change = sums[0] + WindowArithmetic.epsilon
        let half = (Float.pi * WindowArithmetic.sumOfAbsolutes(s, count) / change).rounded(.toNearestOrEven)
        let shift = half > 4 ? (half < 90 ? Int(half) : 90) : 4
        let left = WindowArithmetic.sumOfAbsoluteSums(s, s + shift, count - shift)
        let all = WindowArithmetic.sumOfAbsolutes(s, count - shift)
        let shifted = WindowArithmetic.sumOfAbsolutes(s + shift, count - shift)
        add(left / (all + shifted + WindowArithmetic.epsilon))
        add(log(Float(shift) / Self.rate))
    }

    /// Share of 20 x 20 boxes visited by the curve of s against s 0.25 s earlier.
    private mutating func addPhaseSpace(_ parts: Parts, _ scale: Scale) {
        let delay = 30
        // Values as high as R must not lie on the edge between two boxes.
        let size = 1.25 * (Double(scale.exactDeviation) + Double(WindowArithmetic.epsilon))
        let count = ck_visited_boxes(Int32(Self.windowLength), parts.centred, size, Int32(delay))
        add(Float(count) / 400)
    }

    // MARK: - Waves

    private mutating func addWaves(_ parts: Parts, _ scale: Scale) {
        // The slope's envelope: means of 12 consecutive samples, built from pairs and fours.
        let slope = parts.slope
        let envelope = parts.d
        let count = Self.slopeCount - 12
        ck_slope_envelope(Int32(Self.slopeCount), slope, parts.scratch, envelope)
        let high = WindowArithmetic.quantile(envelope, count, 0.95) + WindowArithmetic.epsilon
        let low = WindowArithmetic.shares(of: envelope, count, below: SIMD4(0.1, 0.25, 0, 0) * high, 2)
        add(low.x)
        add(low.y)
        add(Float(WindowArithmetic.count(envelope, count, above: 0.5 * high)) / Float(count))
        add(WindowArithmetic.greatest(envelope, count) / high)
        let slopes = Waves(envelope, count, above: 0.4 * high, below: 0.2 * high)
        add(log(slopes.rate + 0.1))
        add(slopes.irregularity)
        add(log(slopes.width + 0.02))
        let swings = Waves(
            parts.centred, Self.windowLength, above: 0.3 * scale.deviation, below: -0.3 * scale.deviation)
        add(log(swings.rate + 0.1))
        add(swings.irregularity)
        // How uniform the three seconds are.
        let second = Self.windowLength / 3
        var highest = (least: Float.infinity, greatest: -Float.infinity)
        var mean = highest
        for part in 0..<3 {
            let samples = UnsafePointer(parts.deviation) + part * second
            let top = WindowArithmetic.greatest(samples, second)
            let average = WindowArithmetic.sum(samples, second) / Float(second)
            highest = (min(highest.least, top), max(highest.greatest, top))
            mean = (min(mean.least, average), max(mean.greatest, average))
        }
        let epsilon = WindowArithmetic.epsilon
        add(log(highest.least / (highest.greatest + epsilon) + epsilon))
        add(log(mean.least / (mean.greatest + epsilon) + epsilon))
    }

    /// Waves that rise above one level and fall below another.
    private struct Waves {
        /// Rate per second.
        let rate: Float
        /// Coefficient of variation of the intervals between rises; 1 if there are fewer than two.
        let irregularity: Float
        /// Seconds above the level per rise.
        let width: Float

        init(_ samples: UnsafePointer<Float>, _ count: Int, above: Float, below: Float) {
            let waves = ck_count_waves(Int32(count), samples, above, below)
            let (rises, timeUp) = (Int(waves.rises), Int(waves.time_up))
            let (intervals, sum, squares) = (Int(waves.intervals), Int(waves.sum), Int(waves.squares))
            rate = Float(rises) / Float(count) * VentricularRhythmFeatures.rate
            width = Float(timeUp) / Float(max(rises, 1)) / VentricularRhythmFeatures.rate
            let mean = Double(sum) / Double(max(intervals, 1))
            let variance = max(Double(squares) / Double(max(intervals, 1)) - mean * mean, 0)
            irregularity = intervals > 1 ? Float(variance.squareRoot() / max(mean, 1)) : 1
        }
    }
}
