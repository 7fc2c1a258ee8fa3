internal import StateCoding

/// The last eight values of a quantity, with their median and mean.
struct LastEight: Sendable, Codable, RangeChecked {
    private var values = InlineArray<8, Float>(repeating: 0)
    private(set) var count = 0
    private var position = 0

    var isInRange: Bool { (0...8).contains(count) && (0..<8).contains(position) }

    mutating func append(_ value: Float) {
        values[position & 7] = value
        position = (position + 1) & 7
        count = min(count + 1, 8)
    }

    mutating func removeAll() {
        count = 0
        position = 0
    }

    var mean: Float {
        var sum: Float = 0
        for index in 0..<count { sum += values[index] }
        return count == 0 ? 0 : sum / Float(count)
    }

    /// The values in ascending order, in the first `count` elements.
    private var sorted: InlineArray<8, Float> {
        var sorted = values
        for index in 1..<8 where index < count {
            let value = sorted[index]
            var hole = index
            while hole > 0, sorted[hole - 1] > value {
                sorted[hole] = sorted[hole - 1]
                hole -= 1
            }
            sorted[hole] = value
        }
        return sorted
    }

    /// For an even number of values, the mean of the middle two; for none, 0.
    var median: Float {
        guard count > 0 else { return 0 }
        let sorted = sorted
        return count & 1 == 1 ? sorted[count / 2] : 0.5 * (sorted[count / 2 - 1] + sorted[count / 2])
    }

    /// The third smallest of eight; 0 while there are fewer values.
    var thirdSmallest: Float { count == 8 ? sorted[2] : 0 }
}

/// Running estimates of the height of signal peaks (SPK) and noise peaks (NPK) of one signal, and the threshold between
/// them (Pan & Tompkins 1985, eq. 12 to 23).
///
/// The paper averages exponentially (1/8 for each new peak). The median of the last eight peaks follows a lasting
/// change just as fast and is not distorted by one artefact or one large ectopic beat (as in Hamilton & Tompkins, IEEE
/// TBME 33(12), 1986, and Hamilton, Computers in Cardiology 2002).
struct PeakLevels: Sendable, Codable {
    private var signal = LastEight()
    private var noise = LastEight()
    /// The last peaks that count as noise by the thresholds of a quiet signal, for `restlessness`.
    private var between = LastEight()
    /// Fraction of the last beats, about sixteen, that had a noise peak before them.
    private var noisyBeats: Float = 0
    private var hasNoiseSinceBeat = false
    private var averagedSignal: Float = 0
    private var averagedNoise: Float = 0
    private let usesMedian: Bool

    init(usesMedian: Bool) { self.usesMedian = usesMedian }

    /// Estimated height of a QRS peak.
    var signalLevel: Float { usesMedian ? signal.median : averagedSignal }
    /// Estimated height of a noise peak.
    var noiseLevel: Float { usesMedian ? noise.median : averagedNoise }

    /// If fewer beats than this fraction have a noise peak before them, the signal is quiet: the last eight noise peaks
    /// may then be minutes old, where T and P waves cause none of their own.
    static let minimumNoisyBeats: Float = 0.2

    /// How restless the signal is between the beats: the third smallest of the last eight noise peaks, relative to the
    /// signal level. Between the beats of a clean signal there are also peaks that are neither T nor P waves, and these
    /// are small; in a noisy signal none is small.
    var restlessness: Float {
        let level = signalLevel
        return level > 0 && noisyBeats >= Self.minimumNoisyBeats ? between.thirdSmallest / level : 0
    }

    mutating func learn(signalPeak: Float) {
        signal.removeAll()
        noise.removeAll()
        between.removeAll()
        noisyBeats = 0
        hasNoiseSinceBeat = false
        signal.append(signalPeak)
        noise.append(0)
        averagedSignal = signalPeak
        averagedNoise = 0
    }

    mutating func appendSignal(_ peak: Float, bySearchBack: Bool) {
        signal.append(peak)
        // Eq. 12 and, for a peak found by search-back, eq. 16.
        averagedSignal += (bySearchBack ? 0.25 : 0.125) * (peak - averagedSignal)
    }

    mutating func appendNoise(_ peak: Float) {
        noise.append(peak)
        averagedNoise += 0.125 * (peak - averagedNoise)
    }

    /// Adds a peak for `restlessness`, which must not depend on thresholds that themselves depend on it.
    ///
    /// - Parameter isBeat: whether it is a beat by the thresholds of a quiet signal.
    mutating func watch(_ peak: Float, isBeat: Bool) {
        if isBeat {
            noisyBeats += 0.0625 * ((hasNoiseSinceBeat ? 1 : 0) - noisyBeats)
            hasNoiseSinceBeat = false
        } else {
            between.append(peak)
            hasNoiseSinceBeat = true
        }
    }

    /// Noise level plus a fraction of the distance to the signal level (eq. 14).
    func threshold(_ share: Float) -> Float {
        let noiseLevel = noiseLevel
        return noiseLevel + share * max(0, signalLevel - noiseLevel)
    }
}

/// The two averages of RR intervals (Pan & Tompkins 1985, eq. 24 to 29), in samples.
struct RRAverages: Sendable, Codable {
    /// The last eight intervals.
    private var recent = LastEight()
    private var outOfLimits = 0
    private var withinLimits = 0
    /// The last eight intervals within the low and the high limit.
    private var selected = LastEight()

    mutating func append(_ interval: Float) {
        recent.append(interval)
        let average = selected.count == 0 ? interval : selected.mean
        if interval >= 0.92 * average, interval <= 1.16 * average {
            selected.append(interval)
            outOfLimits = 0
            withinLimits = min(withinLimits + 1, 8)
        } else {
            withinLimits = 0
            outOfLimits = min(outOfLimits + 1, 8)
            // After eight consecutive intervals outside the limits, the limits no longer describe this rhythm: the rate
            // has changed. (The paper leaves this open; without it, a jump in rate would leave the second average
            // behind for good.)
            if outOfLimits == 8 {
                selected.removeAll()
                selected.append(recent.median)
                outOfLimits = 0
            }
        }
    }

    mutating func removeAll() {
        recent.removeAll()
        selected.removeAll()
        outOfLimits = 0
        withinLimits = 0
    }

    var isEmpty: Bool { recent.count == 0 }
    /// Median of the last eight intervals.
    var recentMedian: Float { recent.median }
    /// RR AVERAGE1.
    var recentMean: Float { recent.mean }
    /// RR AVERAGE2.
    var selectedMean: Float { selected.count == 0 ? recent.mean : selected.mean }
    /// Whether all of the last eight intervals lie within the limits.
    var isRegular: Bool { withinLimits == 8 }
}
