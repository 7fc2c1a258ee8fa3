internal import StateCoding

/// A beat's window at a quarter of its rate, in millivolts: what the beats of one patient are compared by.
///
/// Seventy means of four samples each, R in number 35: at 90 Hz the waves are all still there, noise and the jitter of
/// R less so. The scaling of the window to [0,1], which hides the amplitude, is undone but for a constant.
public struct BeatMorphology: Sendable, Codable {
    public static let count = 70
    /// Samples of the window that one value is the mean of.
    static let samplesPerValue = Discriminator.windowLength / count
    /// Where R lies.
    static let rPeak = 35

    /// Values of a shape that belong together.
    enum Segment: Sendable, CaseIterable {
        case whole
        /// 110 ms before R to 130 ms after.
        case qrs
        /// 200 ms before R to 220 ms after, for wide complexes.
        case wideQRS
        /// 240 to 70 ms before R, where P is.
        case pWave
        /// 130 to 380 ms after R, where T is.
        case tWave

        var range: Range<Int> {
            switch self {
            case .whole: 0..<BeatMorphology.count
            case .qrs: 25..<47
            case .wideQRS: 17..<55
            case .pWave: 13..<29
            case .tWave: 47..<69
            }
        }
    }

    var values = InlineArray<70, Float>(repeating: 0)

    /// All zero.
    init() {}

    /// - Parameters:
    ///   - window: 280 values in [0,1].
    ///   - range: what 1 stands for, in mV.
    public init(window: UnsafePointer<Float>, range: Float) {
        let factor = range / Float(Self.samplesPerValue)
        for i in 0..<Self.count {
            var sum: Float = 0
            for sample in 0..<Self.samplesPerValue { sum += window[i * Self.samplesPerValue + sample] }
            values[i] = sum * factor
        }
    }

    /// Moves the shape towards another by a share of the way.
    mutating func approach(_ other: borrowing BeatMorphology, by share: Float) {
        for i in 0..<Self.count { values[i] += share * (other.values[i] - values[i]) }
    }

    /// The gradient with respect to the shape, `self`, as one with respect to the window's 280 values.
    func addWindowGradient(range: Float, into gradient: UnsafeMutablePointer<Float>) {
        let factor = range / Float(Self.samplesPerValue)
        for i in 0..<Self.count {
            for sample in 0..<Self.samplesPerValue { gradient[i * Self.samplesPerValue + sample] += factor * values[i] }
        }
    }
}

/// Measures of a shape and of two shapes over a segment, all of them without the segment's mean, and so without the
/// baseline. Each has its gradient beside it, with respect to the shape itself, not to the one that it is compared
/// with.
extension BeatMorphology {
    private func mean(_ range: Range<Int>) -> Float {
        var sum: Float = 0
        for i in range { sum += values[i] }
        return sum / Float(range.count)
    }

    /// Mean square in mV^2.
    func energy(_ segment: Segment) -> Float {
        let range = segment.range
        let mean = mean(range)
        var sum: Float = 0
        for i in range { sum += (values[i] - mean) * (values[i] - mean) }
        return sum / Float(range.count)
    }

    func addEnergyGradient(_ segment: Segment, times factor: Float, into gradient: inout BeatMorphology) {
        let range = segment.range
        let mean = mean(range)
        for i in range { gradient.values[i] += factor * 2 * (values[i] - mean) / Float(range.count) }
    }

    /// Mean square of the difference in mV^2.
    func distance(to other: borrowing BeatMorphology, _ segment: Segment) -> Float {
        let range = segment.range
        let offset = mean(range) - other.mean(range)
        var sum: Float = 0
        for i in range {
            let difference = values[i] - other.values[i] - offset
            sum += difference * difference
        }
        return sum / Float(range.count)
    }

    func addDistanceGradient(
        to other: borrowing BeatMorphology, _ segment: Segment, times factor: Float, into gradient: inout BeatMorphology
    ) {
        let range = segment.range
        let offset = mean(range) - other.mean(range)
        for i in range {
            gradient.values[i] += factor * 2 * (values[i] - other.values[i] - offset) / Float(range.count)
        }
    }

    /// Sums of squares and of products of two shapes about their means; never 0.
    private func moments(with other: borrowing BeatMorphology, _ range: Range<Int>) -> (
        own: Float, others: Float, both: Float
    ) {
        let mean = mean(range)
        let otherMean = other.mean(range)
        var own: Float = 1e-6
        var others: Float = 1e-6
        var both: Float = 0
        for i in range {
            let x = values[i] - mean
            let y = other.values[i] - otherMean
            own += x * x
            others += y * y
            both += x * y
        }
        return (own, others, both)
    }

    /// Pearson's coefficient, -1 ... 1.
    func correlation(with other: borrowing BeatMorphology, _ segment: Segment) -> Float {
        let sums = moments(with: other, segment.range)
        return sums.both / (sums.own * sums.others).squareRoot()
    }

    func addCorrelationGradient(
        with other: borrowing BeatMorphology, _ segment: Segment, times factor: Float, into gradient: inout BeatMorphology
    ) {
        let range = segment.range
        let sums = moments(with: other, range)
        let mean = mean(range)
        let otherMean = other.mean(range)
        let root = (sums.own * sums.others).squareRoot()
        for i in range {
            let x = values[i] - mean
            let y = other.values[i] - otherMean
            gradient.values[i] += factor * (y - sums.both / sums.own * x) / root
        }
    }

    /// Mean square of the steps from value to value, mV^2. The segment must not reach to the shape's end.
    func slopeEnergy(_ segment: Segment) -> Float {
        let range = segment.range
        var sum: Float = 0
        for i in range { sum += (values[i + 1] - values[i]) * (values[i + 1] - values[i]) }
        return sum / Float(range.count)
    }

    func addSlopeEnergyGradient(_ segment: Segment, times factor: Float, into gradient: inout BeatMorphology) {
        let range = segment.range
        for i in range {
            let change = factor * 2 * (values[i + 1] - values[i]) / Float(range.count)
            gradient.values[i + 1] += change
            gradient.values[i] -= change
        }
    }

    /// Sum of the squared steps, and their mean place and its variance.
    private func slopeMoments(_ range: Range<Int>) -> (sum: Float, centre: Float, variance: Float) {
        var sum: Float = 1e-9
        var first: Float = 0
        for i in range {
            let square = (values[i + 1] - values[i]) * (values[i + 1] - values[i])
            sum += square
            first += square * Float(i)
        }
        let centre = first / sum
        var second: Float = 0
        for i in range {
            let square = (values[i + 1] - values[i]) * (values[i + 1] - values[i])
            second += square * (Float(i) - centre) * (Float(i) - centre)
        }
        return (sum, centre, second / sum)
    }

    /// Standard deviation of the place of the steep parts, in values of 11 ms: how wide a complex is, smoothly.
    func spread(_ segment: Segment) -> Float { (slopeMoments(segment.range).variance + 0.25).squareRoot() }

    func addSpreadGradient(_ segment: Segment, times factor: Float, into gradient: inout BeatMorphology) {
        let range = segment.range
        let moments = slopeMoments(range)
        let outer = factor * 0.5 / (moments.variance + 0.25).squareRoot()
        for i in range {
            let step = values[i + 1] - values[i]
            let place = Float(i) - moments.centre
            // The centre moves too, but at the minimum of the variance that counts for nothing.
            let change = outer * (place * place - moments.variance) / moments.sum * 2 * step
            gradient.values[i + 1] += change
            gradient.values[i] -= change
        }
    }

    /// R above the shape's mean, mV: negative where the complex points down.
    var deflection: Float { values[Self.rPeak] - mean(0..<Self.count) }

    func addDeflectionGradient(times factor: Float, into gradient: inout BeatMorphology) {
        for i in 0..<Self.count { gradient.values[i] -= factor / Float(Self.count) }
        gradient.values[Self.rPeak] += factor
    }
}
