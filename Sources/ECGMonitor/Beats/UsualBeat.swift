internal import ECGATKGAN
internal import ECGClassification
internal import ECGSignal
internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// How one beat differs from the patient's usual beat.
struct BeatDeviation: Sendable, Codable {
    /// Which usual beat it was compared with.
    var usesSecond: Bool
    /// Agreement of the difference with the direction that leads away from the beat's class the fastest: their
    /// correlation times the square root of 280, each sample weighted by how steady it usually is. Noise without an aim
    /// gives 0 on average, whatever its size. nil without the network's gradient, or while the usual beat is learned.
    var agreement: Float?
    /// Root mean square of the difference between neighbouring samples of what differs, away from the QRS complex, in
    /// mV at 360 Hz: the signal's fine noise.
    var fineNoise: Float
}

/// The patient's two commonest beats, such as N and V of bigeminy. Each beat is compared with the one that it resembles
/// more. A beat that resembles neither replaces the rarer one. The state takes 4.7 kB.
struct UsualBeats: Sendable, Codable {
    private var first = UsualBeat()
    private var second = UsualBeat()

    mutating func forget() { self = UsualBeats() }

    /// Takes the final class of a beat that was compared.
    mutating func note(_ beatClass: BeatClass, of deviation: BeatDeviation) {
        if deviation.usesSecond { second.note(beatClass) } else { first.note(beatClass) }
    }

    /// Compares a beat with the usual one, and learns from it.
    ///
    /// - Parameters:
    ///   - window: 280 values in [0,1].
    ///   - range: the amplitude in mV that 1 stands for.
    ///   - gradient: of the network's loss; nil: no agreement is given.
    /// - Returns: nil if it is not one of the usual beats.
    mutating func compare(_ window: UnsafePointer<Float>, range: Float, gradient: LossGradient?) -> BeatDeviation? {
        first.age()
        second.age()
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * UsualBeat.scratchLength) { scratch in
            let one = scratch.baseAddress!
            let two = one + UsualBeat.scratchLength
            let likeness = (first.fit(to: window, scratch: one), second.fit(to: window, scratch: two))
            let usesSecond = likeness.1.explained > likeness.0.explained
            let best = usesSecond ? likeness.1 : likeness.0
            guard best.explained >= UsualBeat.minimumExplained else {
                if second.weight < first.weight { second = UsualBeat(window) } else { first = UsualBeat(window) }
                return nil
            }
            let (agreement, fineNoise) =
                usesSecond
                ? second.learn(window, best, scratch: two, gradient: gradient)
                : first.learn(window, best, scratch: one, gradient: gradient)
            return BeatDeviation(usesSecond: usesSecond, agreement: agreement, fineNoise: fineNoise * range)
        }
    }
}

/// A beat of the patient: the running mean of its windows, and how much each sample usually varies about it.
///
/// A beat is compared with the mean after the mean was fitted to it in height, position, offset and slope, since these
/// change with every breath.
struct UsualBeat: Sendable, Codable, RangeChecked {
    static let length = 280
    /// What differs, its slope, the gradient, and the beat without its own offset and slope.
    static let scratchLength = 4 * length
    /// Beats before anything is compared, and the share of each later beat in mean and variance.
    static let beatsToLearn: Int32 = 16
    static let share: Float = 0.04
    /// A beat belongs to the usual ones if the fitted mean explains this share of its energy.
    static let minimumExplained: Float = 0.8
    /// Share by which its weight, the number of its beats, decays with each beat of the patient.
    static let forgetting: Float = 1 / 60
    /// Beyond this multiple of the usual variance a single beat does not raise it further.
    static let largestVarianceRatio: Float = 16
    /// Samples to either side of R that are left out of the fine noise.
    static let qrsReach = 36
    /// What differs in one sample counts as at most this many usual deviations.
    static let largestDifference: Float = 2
    /// Variance of a sample in a signal without any noise, of windows in [0,1].
    static let minimumVariance: Float = 1e-6

    private var mean = InlineArray<280, Float>(repeating: 0)
    private var variance = InlineArray<280, Float>(repeating: 4e-4)
    /// Weighted counts of the classes of its beats.
    private var classes = SIMD4<Float>.zero
    private var beats: Int32 = 0
    private(set) var weight: Float = 0

    /// Of no beat yet.
    init() {}

    /// - Parameter window: the first of its beats, 280 values in [0,1].
    init(_ window: UnsafePointer<Float>) {
        for i in 0..<Self.length { mean[i] = window[i] }
        (beats, weight) = (1, 1)
    }

    var isInRange: Bool { beats >= 0 && weight >= 0 }

    /// The class of most of its beats.
    private var beatClass: BeatClass {
        var best = BeatClass.normal
        for candidate in BeatClass.allCases
        where classes[Int(candidate.rawValue)] > classes[Int(best.rawValue)] { best = candidate }
        return best
    }

    mutating func note(_ beatClass: BeatClass) {
        classes *= 0.98
        classes[Int(beatClass.rawValue)] += 1
    }

    mutating func age() { weight *= 1 - Self.forgetting }

    /// How a beat fits.
    struct Likeness {
        /// Share of the beat's energy that the fitted mean explains.
        var explained: Float
        /// Weights of the mean, its slope, a constant and a ramp.
        var weights: SIMD4<Float>
        var fit: Fit?
    }

    /// Fits the mean to a beat. `scratch` then holds what differs, the slope of the mean, and, last, the beat without
    /// its own offset and slope.
    func fit(to window: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>) -> Likeness {
        guard beats > 0 else { return Likeness(explained: -.infinity, weights: .zero, fit: nil) }
        let rest = scratch
        let slope = rest + Self.length
        let levelled = rest + 3 * Self.length
        // Read through a span: reading a stored array element by element copies it each time.
        let samples = mean.span
        for i in 1..<(Self.length - 1) { slope[i] = (samples[i + 1] - samples[i - 1]) / 2 }
        (slope[0], slope[Self.length - 1]) = (slope[1], slope[Self.length - 2])
        let fit = Fit(mean, slope)
        var weights = fit.weights(of: window, mean, slope)
        weights[0] = min(max(weights[0], 0.6), 1.6)
        weights[1] = min(max(weights[1], -2.5), 2.5)
        var (left, whole, sum): (Float, Float, Float) = (0, 0, 0)
        for i in 0..<Self.length {
            levelled[i] = window[i] - weights[2] - weights[3] * Fit.ramp(i)
            rest[i] = levelled[i] - weights[0] * samples[i] - weights[1] * slope[i]
            left += rest[i] * rest[i]
            sum += levelled[i]
        }
        let middle = sum / Float(Self.length)
        for i in 0..<Self.length { whole += (levelled[i] - middle) * (levelled[i] - middle) }
        return Likeness(explained: 1 - left / (whole + 1e-9), weights: weights, fit: fit)
    }

    /// Learns from a beat that was fitted.
    ///
    /// - Returns: the agreement, and the fine noise in units of the window.
    mutating func learn(
        _ window: UnsafePointer<Float>, _ likeness: Likeness, scratch: UnsafeMutablePointer<Float>,
        gradient: LossGradient?
    ) -> (agreement: Float?, fineNoise: Float) {
        let rest = scratch
        let slope = rest + Self.length
        let direction = slope + Self.length
        let levelled = direction + Self.length
        let fineNoise = Self.fineNoise(rest)
        var agreement: Float?
        let isLearned = beats >= Self.beatsToLearn
        let aims = isLearned && gradient != nil
        if aims, let gradient, let fit = likeness.fit {
            gradient.at(window, of: beatClass, into: direction)
            let along = fit.weights(of: direction, mean, slope)
            let samples = mean.span
            for i in 0..<Self.length {
                direction[i] -= along[0] * samples[i] + along[1] * slope[i] + along[2] + along[3] * Fit.ramp(i)
            }
            SlowTrend.remove(from: direction, spare: slope)
        }
        // The mean learns from the beat as it would be without its own height, offset and slope.
        let part = max(1 / Float(beats + 1), Self.share)
        learnMean(levelled, height: likeness.weights[0], part: part)
        SlowTrend.remove(from: rest, spare: slope)
        if aims { agreement = self.agreement(of: rest, with: direction) }
        learnVariance(rest, part: part, isLearned: isLearned)
        beats = min(beats + 1, 1_000_000)
        weight += 1
        return (agreement, fineNoise)
    }

    private mutating func learnMean(_ levelled: UnsafePointer<Float>, height: Float, part: Float) {
        var mean = mean.mutableSpan
        for i in 0..<Self.length { mean[i] += part * (levelled[i] / height - mean[i]) }
    }

    private mutating func learnVariance(_ rest: UnsafePointer<Float>, part: Float, isLearned: Bool) {
        var variance = variance.mutableSpan
        for i in 0..<Self.length {
            var square = rest[i] * rest[i]
            if isLearned { square = min(square, Self.largestVarianceRatio * variance[i]) }
            variance[i] += part * (square - variance[i])
        }
    }

    /// The square root of the gradient's size lies between the gradient, along which a small change does most, and its
    /// sign, along which a change bounded in each sample does most.
    private func agreement(of rest: UnsafePointer<Float>, with direction: UnsafePointer<Float>) -> Float {
        var (product, own, others): (Float, Float, Float) = (0, 1e-12, 1e-12)
        let variance = variance.span
        for i in 0..<Self.length {
            let scale = 1 / (variance[i] + Self.minimumVariance).squareRoot()
            let difference = min(max(rest[i] * scale, -Self.largestDifference), Self.largestDifference)
            let size = abs(direction[i]).squareRoot() * scale
            let aim = direction[i] < 0 ? -size : size
            product += difference * aim
            own += difference * difference
            others += aim * aim
        }
        let value = product / (own.squareRoot() * others.squareRoot()) * Float(Self.length).squareRoot()
        return value.isFinite ? value : 0
    }

    private static func fineNoise(_ rest: UnsafePointer<Float>) -> Float {
        var sum: Float = 0
        var count: Float = 0
        for i in 1..<length where abs(i - length / 2) > qrsReach {
            let step = rest[i] - rest[i - 1]
            sum += step * step
            count += 1
        }
        return (sum / count).squareRoot()
    }
}

/// Least squares in the mean, its slope, a constant and a ramp.
struct Fit {
    /// Cholesky factor of the normal equations, lower triangle by rows.
    private var factor: (Double, Double, Double, Double, Double, Double, Double, Double, Double, Double)

    /// From -1 to 1 over the window.
    static func ramp(_ index: Int) -> Float { Float(2 * index) / Float(UsualBeat.length - 1) - 1 }

    init(_ mean: borrowing InlineArray<280, Float>, _ slope: UnsafePointer<Float>) {
        var (mm, ms, m1, mr, ss, s1, sr, rr): (Double, Double, Double, Double, Double, Double, Double, Double) =
            (0, 0, 0, 0, 0, 0, 0, 0)
        let mean = mean.span
        for i in 0..<UsualBeat.length {
            let (m, s, r) = (Double(mean[i]), Double(slope[i]), Double(Self.ramp(i)))
            mm += m * m
            ms += m * s
            m1 += m
            mr += m * r
            ss += s * s
            s1 += s
            sr += s * r
            rr += r * r
        }
        // A little more on the diagonal keeps it positive for a mean that is constant.
        let n = Double(UsualBeat.length)
        let more = 1 + 1e-6
        let a = (mm * more + 1e-9).squareRoot()
        let (b, c, d) = (ms / a, m1 / a, mr / a)
        let e = max(ss * more + 1e-9 - b * b, 1e-9).squareRoot()
        let (f, g) = ((s1 - b * c) / e, (sr - b * d) / e)
        let h = max(n * more - c * c - f * f, 1e-9).squareRoot()
        let i = (0 - c * d - f * g) / h
        let j = max(rr * more - d * d - g * g - i * i, 1e-9).squareRoot()
        factor = (a, b, c, d, e, f, g, h, i, j)
    }

    func weights(
        of values: UnsafePointer<Float>, _ mean: borrowing InlineArray<280, Float>, _ slope: UnsafePointer<Float>
    ) -> SIMD4<Float> {
        var (m, s, one, r): (Double, Double, Double, Double) = (0, 0, 0, 0)
        let mean = mean.span
        for i in 0..<UsualBeat.length {
            let value = Double(values[i])
            m += value * Double(mean[i])
            s += value * Double(slope[i])
            one += value
            r += value * Double(Self.ramp(i))
        }
        let (a, b, c, d, e, f, g, h, i, j) = factor
        let y0 = m / a
        let y1 = (s - b * y0) / e
        let y2 = (one - c * y0 - f * y1) / h
        let y3 = (r - d * y0 - g * y1 - i * y2) / j
        let w3 = y3 / j
        let w2 = (y2 - i * w3) / h
        let w1 = (y1 - f * w2 - g * w3) / e
        let w0 = (y0 - b * w1 - c * w2 - d * w3) / a
        return SIMD4(Float(w0), Float(w1), Float(w2), Float(w3))
    }
}

/// Breathing and movement change a beat slowly along its window; such changes say nothing of an attack.
enum SlowTrend {
    /// Standard deviation in samples at 360 Hz (42 ms), and the samples to either side that count.
    private static let deviation: Float = 15
    private static let reach = 45
    private static let kernel: [Float] = {
        let values = (0...reach).map { expf(-Float($0 * $0) / (2 * deviation * deviation)) }
        let sum = 2 * values.reduce(0, +) - values[0]
        return values.map { $0 / sum }
    }()

    /// Subtracts the mean weighted by a Gaussian; beyond its ends a window goes on with its first and last value.
    ///
    /// - Parameters:
    ///   - values: (280), a multiple of eight.
    ///   - spare: (280).
    static func remove(from values: UnsafeMutablePointer<Float>, spare: UnsafeMutablePointer<Float>) {
        typealias Eight = SIMD8<Float>
        let length = UsualBeat.length
        withUnsafeTemporaryAllocation(of: Float.self, capacity: length + 2 * reach) { memory in
            guard let padded = memory.baseAddress else { return }
            (padded + reach).initialize(from: values, count: length)
            padded.initialize(repeating: values[0], count: reach)
            (padded + reach + length).initialize(repeating: values[length - 1], count: reach)
            func eight(_ index: Int) -> Eight { UnsafeRawPointer(padded + index).loadUnaligned(as: Eight.self) }
            kernel.withUnsafeBufferPointer { kernel in
                for first in stride(from: 0, to: length, by: 8) {
                    let middle = first &+ reach
                    var sum = kernel[0] * eight(middle)
                    for k in 1...reach { sum += kernel[k] * (eight(middle &- k) + eight(middle &+ k)) }
                    UnsafeMutableRawPointer(spare + first).storeBytes(of: eight(middle) - sum, as: Eight.self)
                }
            }
        }
        values.update(from: spare, count: length)
    }
}
