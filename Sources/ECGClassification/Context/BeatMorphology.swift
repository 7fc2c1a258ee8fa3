internal import ECGATKGAN
internal import StateCoding

/// The morphology of a beat: its window in millivolts at a quarter of the sampling rate. The beats of one patient are
/// compared by it.
///
/// Each of the 70 values is the mean of four samples, and R is value 35. At 90 Hz all waves are preserved, while
/// noise and R-peak jitter are reduced. This reverses the window's scaling to [0,1], which hides the amplitude, up to
/// a constant offset.
public struct BeatMorphology: Sendable, Codable {
    public static let count = 70
    /// Window samples averaged into one value.
    static let samplesPerValue = Discriminator.windowLength / count
    /// Index of the R peak.
    static let rPeak = 35

    /// A range of values that covers one wave.
    enum Segment: Sendable, CaseIterable {
        case whole
        /// 110 ms before R to 130 ms after.
        case qrs
        /// 200 ms before R to 220 ms after, for wide complexes.
        case wideQRS
        /// 240 to 70 ms before R, which contains the P wave.
        case pWave
        /// 130 to 380 ms after R, which contains the T wave.
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

    /// All values are zero.
    init() {}

    /// - Parameters:
    ///   - window: 280 values in [0,1].
    ///   - range: the amplitude in mV that 1 stands for.
    public init(window: UnsafePointer<Float>, range: Float) {
        let factor = range / Float(Self.samplesPerValue)
        var values = values.mutableSpan
        for i in 0..<Self.count {
            var sum: Float = 0
            for sample in 0..<Self.samplesPerValue { sum += window[i * Self.samplesPerValue + sample] }
            values[i] = sum * factor
        }
    }

    /// Moves this morphology the given fraction of the way towards another.
    mutating func approach(_ other: borrowing BeatMorphology, by share: Float) {
        let theirs = other.values.span
        var values = values.mutableSpan
        for i in 0..<Self.count { values[i] += share * (theirs[i] - values[i]) }
    }

    /// Converts `self`, a gradient with respect to the morphology, into one with respect to the window's 280 values.
    func addWindowGradient(range: Float, into gradient: UnsafeMutablePointer<Float>) {
        let factor = range / Float(Self.samplesPerValue)
        for i in 0..<Self.count {
            for sample in 0..<Self.samplesPerValue { gradient[i * Self.samplesPerValue + sample] += factor * values[i] }
        }
    }
}

/// Measures of one morphology, or of two, over a segment. They read the values through spans: reading a stored array
/// element by element copies all of it each time. All of them subtract the segment's mean and so ignore the
/// baseline. Next to each is its gradient with respect to `self`, not to the morphology it is compared with.
extension BeatMorphology {
    private func mean(_ range: Range<Int>) -> Float {
        let values = values.span
        var sum: Float = 0
        for i in range { sum += values[i] }
        return sum / Float(range.count)
    }

    /// Mean square in mV^2.
    func energy(_ segment: Segment) -> Float {
        let values = values.span
        let range = segment.range
        let mean = mean(range)
        var sum: Float = 0
        for i in range { sum += (values[i] - mean) * (values[i] - mean) }
        return sum / Float(range.count)
    }

    func addEnergyGradient(_ segment: Segment, times factor: Float, into gradient: inout BeatMorphology) {
        let values = values.span
        let range = segment.range
        let mean = mean(range)
        for i in range { gradient.values[i] += factor * 2 * (values[i] - mean) / Float(range.count) }
    }

    /// Mean square of the difference in mV^2.
    func distance(to other: borrowing BeatMorphology, _ segment: Segment) -> Float {
        let theirs = other.values.span
        let values = values.span
        let range = segment.range
        let offset = mean(range) - other.mean(range)
        var sum: Float = 0
        for i in range {
            let difference = values[i] - theirs[i] - offset
            sum += difference * difference
        }
        return sum / Float(range.count)
    }

    func addDistanceGradient(
        to other: borrowing BeatMorphology, _ segment: Segment, times factor: Float, into gradient: inout BeatMorphology
    ) {
        let theirs = other.values.span
        let values = values.span
        let range = segment.range
        let offset = mean(range) - other.mean(range)
        for i in range {
            gradient.values[i] += factor * 2 * (values[i] - theirs[i] - offset) / Float(range.count)
        }
    }

    /// Sums of squares and products of two morphologies about their means; never 0.
    private func moments(with other: borrowing BeatMorphology, _ range: Range<Int>) -> (
        own: Float, others: Float, both: Float
    ) {
        let theirs = other.values.span
        let values = values.span
        let mean = mean(range)
        let otherMean = other.mean(range)
        var own: Float = 1e-6
        var others: Float = 1e-6
        var both: Float = 0
        for i in range {
            let x = values[i] - mean
            let y = theirs[i] - otherMean
            own += x * x
            others += y * y
            both += x * y
        }
        return (own, others, both)
    }

    /// A segment of the morphology: the whole, or the part around one wave.
    func correlation(with other: borrowing BeatMorphology, _ segment: Segment) -> Float {
        let sums = moments(with: other, segment.range)
        return sums.both / (sums.own * sums.others).squareRoot()
    }

    func addCorrelationGradient(
        with other: borrowing BeatMorphology, _ segment: Segment, times factor: Float,
        into gradient: inout BeatMorphology
    ) {
        let theirs = other.values.span
        let values = values.span
        let range = segment.range
        let sums = moments(with: other, range)
        let mean = mean(range)
        let otherMean = other.mean(range)
        let root = (sums.own * sums.others).squareRoot()
        for i in range {
            let x = values[i] - mean
            let y = theirs[i] - otherMean
            gradient.values[i] += factor * (y - sums.both / sums.own * x) / root
        }
    }

    /// Mean square of the differences between successive values, in mV^2. The segment must not reach the end of the
    /// morphology.
    func slopeEnergy(_ segment: Segment) -> Float {
        let values = values.span
        let range = segment.range
        var sum: Float = 0
        for i in range { sum += (values[i + 1] - values[i]) * (values[i + 1] - values[i]) }
        return sum / Float(range.count)
    }

    func addSlopeEnergyGradient(_ segment: Segment, times factor: Float, into gradient: inout BeatMorphology) {
        let values = values.span
        let range = segment.range
        for i in range {
            let change = factor * 2 * (values[i + 1] - values[i]) / Float(range.count)
            gradient.values[i + 1] += change
            gradient.values[i] -= change
        }
    }

    /// Sum of the squared differences, with the mean and variance of their position.
    private func slopeMoments(_ range: Range<Int>) -> (sum: Float, centre: Float, variance: Float) {
        let values = values.span
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

    /// Standard deviation of the position of the steep parts, in values of 11 ms: a smooth measure of a complex's
    /// width.
    func spread(_ segment: Segment) -> Float { (slopeMoments(segment.range).variance + 0.25).squareRoot() }

    func addSpreadGradient(_ segment: Segment, times factor: Float, into gradient: inout BeatMorphology) {
        let values = values.span
        let range = segment.range
        let moments = slopeMoments(range)
        let outer = factor * 0.5 / (moments.variance + 0.25).squareRoot()
        for i in range {
            let step = values[i + 1] - values[i]
            let place = Float(i) - moments.centre
            // The centre moves too, but has no effect because it minimizes the variance.
            let change = outer * (place * place - moments.variance) / moments.sum * 2 * step
            gradient.values[i + 1] += change
            gradient.values[i] -= change
        }
    }

    /// Height of R above the mean of the morphology, in mV; negative if the complex points down.
    var deflection: Float { values[Self.rPeak] - mean(0..<Self.count) }

    func addDeflectionGradient(times factor: Float, into gradient: inout BeatMorphology) {
        for i in 0..<Self.count { gradient.values[i] -= factor / Float(Self.count) }
        gradient.values[Self.rPeak] += factor
    }
}
