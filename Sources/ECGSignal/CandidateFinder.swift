internal import StateCoding

/// Runs the filters over the samples, finds the peaks of the integrated signal and measures them.
struct CandidateFinder: Sendable, Codable, RangeChecked {
    /// A peak counts once no sample has exceeded it for this many samples: 139 ms. Two beats are never that close, and
    /// a smaller peak within that time belongs to the same complex.
    static let dominance: Int64 = 50
    /// 83 ms, at rates of 300/min and more: there the integration windows of two beats almost touch.
    static let fastDominance: Int64 = 30
    /// Maximum distance of the apex in the original signal from the band-passed extremum: 28 ms.
    static let apexReach = 10
    /// Half of the span in which the height is measured: 100 ms.
    static let heightReach: Int64 = 36
    /// 300 ms: no complex is wider.
    static let maximumComplexLength: Int64 = 108
    /// 28 ms, the duration of a steep slope. With 40 ms, beats are lost in the noise stress records at 0 dB.
    static let slopeLength: Int64 = 10
    /// Fine noise is what an average of seven samples leaves of the signal, 56 to 156 ms to either side of the peak:
    /// beside a narrow complex, and before the next of a fast rhythm.
    static let fineNoiseRange: Range<Int64> = 20..<56
    private static let averageReach: Int64 = 3
    /// A peak whose fine noise is this share of its height may be muscle noise. So have two thirds of the
    /// false beats in muscle noise, one in a thousand QRS complexes of mitdb and svdb, and hardly a peak of electrode
    /// motion.
    static let muscleNoiseShare: Float = 0.08
    /// A complex is over once the signal has returned from its apex by this fraction of its amplitude.
    static let returnShare: Float = 0.6
    /// A peak is complete at most this many samples after its apex.
    static let maximumDelay =
        PanTompkinsFilters.slopeDelay + 2 * PanTompkinsFilters.slopeSpacing + PanTompkinsFilters.integrationLength
        + Int(dominance) + apexReach

    private var filters = PanTompkinsFilters()
    /// Index of the next sample.
    private(set) var index: Int64 = 0
    private var firstSample: Float = 0
    private var lastSample: Float = 0
    private var original = InlineArray<256, Float>(repeating: 0)
    private var bandPassed = InlineArray<256, Int32>(repeating: 0)
    private var slope = InlineArray<256, Int32>(repeating: 0)
    private var peak: Int64 = 0
    private var peakIndex: Int64 = 0
    private var previous: Int64 = 0
    private var hasRisen = false
    private var dominance = CandidateFinder.dominance
    /// Whether the rate is so high that peaks are close to each other.
    var isFast: Bool {
        get { dominance < Self.dominance }
        set { dominance = newValue ? Self.fastDominance : Self.dominance }
    }
    /// The last peak that was measured: its fiducial, and its apex relative to the baseline.
    private var lastFiducial: Int64 = 0
    private var lastAmplitude: Float = 0

    var isInRange: Bool {
        let limit = PanTompkinsFilters.inputLimit
        return index >= 0 && (dominance == Self.dominance || dominance == Self.fastDominance)
            && (-1...index).contains(peakIndex) && peak >= 0 && abs(firstSample) <= limit
            && abs(lastSample) <= limit && lastFiducial <= index && abs(lastAmplitude) <= 2 * limit
    }

    /// Processes one sample.
    ///
    /// - Returns: whether a peak of the integrated signal is now complete; call `measure()` for it.
    @inline(__always)
    mutating func step(_ millivolts: Float) -> Bool {
        let n = index
        index = n &+ 1
        // A value that is not finite must not corrupt the running sums for good. Reporting it is the task of the signal
        // condition monitor; here the last value is used instead.
        let limit = PanTompkinsFilters.inputLimit
        let sample = millivolts.isFinite ? max(-limit, min(limit, millivolts)) : lastSample
        if n == 0 { firstSample = sample }
        lastSample = sample
        let slot = Int(truncatingIfNeeded: n) & 255
        original[slot] = sample
        let microvolts = Int32(((sample - firstSample) * 1_000).rounded(.toNearestOrEven))
        let filtered = filters.step(microvolts)
        bandPassed[slot] = filtered.bandPassed
        slope[slot] = filtered.slope
        let value = filtered.integrated
        let rising = value > previous
        previous = value
        if value > peak {
            peak = value
            peakIndex = n
            hasRisen = hasRisen || rising
            return false
        }
        return n &- peakIndex >= dominance
    }

    /// Repeats the last sample, to let the filters run out.
    mutating func runOut() -> Bool { step(lastSample) }

    /// The peak that `step` has just completed; nil if it is only the flank of the previous one.
    mutating func measure() -> QRSCandidate? {
        let n = index - 1
        defer {
            peak = previous
            peakIndex = n
            hasRisen = false
        }
        guard hasRisen, peak > 0 else { return nil }
        let (extremum, extremumIndex, steepest, isPositive) = steepestPart()
        let fiducial = extremumIndex - Int64(PanTompkinsFilters.bandPassDelay)
        var candidate = QRSCandidate()
        candidate.fiducialIndex = fiducial
        candidate.integratedPeak = (Float(peak) / Float(PanTompkinsFilters.integrationLength)).squareRoot()
        candidate.bandPassedPeak = Float(extremum)
        candidate.slope = Float(steepest)
        locateApex(&candidate, positive: isPositive)
        measureShape(&candidate)
        lastFiducial = fiducial
        lastAmplitude = candidate.amplitude
        return candidate
    }

    /// The largest magnitude among the band-passed samples of the peak, where it is, the steepest slope beside it, and
    /// whether the extremum is above 0.
    private func steepestPart() -> (extremum: Int32, index: Int64, slope: Int32, isPositive: Bool) {
        let n = index - 1
        // Read through spans: reading a stored array element by element copies all of it each time.
        let (bandPassed, slope) = (bandPassed.span, slope.span)
        // The slopes summed at the peak lie within [peakIndex - 53, peakIndex]; the band-passed samples they were
        // computed from lie half a derivative earlier.
        let newest = peakIndex - Int64(2 * PanTompkinsFilters.slopeSpacing)
        var extremum: Int32 = -1
        var extremumIndex = newest
        var i = newest
        while i > newest - Int64(PanTompkinsFilters.integrationLength) {
            let magnitude = abs(bandPassed[Int(truncatingIfNeeded: i) & 255])
            if magnitude > extremum {
                extremum = magnitude
                extremumIndex = i
            }
            i -= 1
        }
        // Steepest slope within 56 ms of the extremum.
        let centre = extremumIndex + Int64(2 * PanTompkinsFilters.slopeSpacing)
        var steepest: Int32 = 0
        i = centre - 20
        while i <= min(centre + 20, n) {
            steepest = max(steepest, abs(slope[Int(truncatingIfNeeded: i) & 255]))
            i += 1
        }
        return (extremum, extremumIndex, steepest, bandPassed[Int(truncatingIfNeeded: extremumIndex) & 255] >= 0)
    }

    /// Height, concentration, and whether the complex began with the previous peak.
    private mutating func measureShape(_ candidate: inout QRSCandidate) {
        // Read through a span: reading a stored array element by element copies all of it each time.
        let samples = original.span
        func at(_ i: Int64) -> Float { samples[Int(truncatingIfNeeded: i) & 255] }
        // Mean of three samples, so that noise adds less to the height.
        var low = Float.infinity
        var high = -Float.infinity
        let centre = max(Self.heightReach + 1, candidate.fiducialIndex)
        var i = centre - Self.heightReach
        let end = min(centre + Self.heightReach, index - 2)
        while i <= end {
            let value = (at(i - 1) + at(i) + at(i + 1)) / 3
            low = min(low, value)
            high = max(high, value)
            i += 1
        }
        candidate.height = max(0, high - low)
        candidate.concentration = concentration
        candidate.isInMuscleNoise =
            fineNoise(beside: candidate.fiducialIndex) > Self.muscleNoiseShare * candidate.height
        let interval = candidate.fiducialIndex - lastFiducial
        guard interval > 0, interval <= Self.maximumComplexLength, lastFiducial > index - 250 else { return }
        // Still beyond 40 % of the previous apex, on the same side of the baseline before it. Of a plateau's second
        // slope the band-passed extremum may lie at the far end, where the signal has returned already.
        let slopeStart = max(lastFiducial, candidate.fiducialIndex - Self.slopeLength)
        let apexLevel = at(lastFiducial)
        let least = Self.returnShare * abs(lastAmplitude)
        for i in lastFiducial...slopeStart {
            let fall = lastAmplitude > 0 ? apexLevel - at(i) : at(i) - apexLevel
            if fall > least { return }
        }
        candidate.endsPreviousComplex = true
    }

    /// The standard deviation of the fine noise beside a peak, in mV, if it is normally distributed.
    private func fineNoise(beside fiducial: Int64) -> Float {
        let samples = original.span
        func at(_ i: Int64) -> Float { samples[Int(truncatingIfNeeded: i) & 255] }
        let reach = Self.averageReach
        let first = max(0, index - 256) + reach
        let kept = first..<max(first, index - reach - 1)
        var total: Float = 0
        var count: Float = 0
        func add(_ range: Range<Int64>) {
            let range = range.clamped(to: kept)
            guard !range.isEmpty else { return }
            var sum: Float = 0
            for i in range.lowerBound - reach...range.lowerBound + reach { sum += at(i) }
            for i in range {
                total += abs(at(i) - sum / Float(2 * reach + 1))
                count += 1
                sum += at(i + reach + 1) - at(i - reach)
            }
        }
        add(fiducial - Self.fineNoiseRange.upperBound..<fiducial - Self.fineNoiseRange.lowerBound)
        add(fiducial + Self.fineNoiseRange.lowerBound..<fiducial + Self.fineNoiseRange.upperBound)
        // The mean magnitude of a normal distribution is 0.8 standard deviations.
        return count > 0 ? 1.25 * total / count : 0
    }

    /// Of the slopes summed at the peak.
    private var concentration: Float {
        var inside: Float = 0
        var most: Float = 0
        var total: Float = 0
        let first = peakIndex - Int64(PanTompkinsFilters.integrationLength) + 1
        let slope = slope.span
        func square(_ i: Int64) -> Float {
            let value = Float(slope[Int(truncatingIfNeeded: i) & 255])
            return value * value
        }
        for i in first...peakIndex {
            let value = square(i)
            total += value
            inside += value
            if i >= first + 24 { inside -= square(i - 24) }
            most = max(most, inside)
        }
        return total > 0 ? min(1, most / total) : 0
    }

    private mutating func locateApex(_ candidate: inout QRSCandidate, positive: Bool) {
        candidate.rPeakIndex = max(0, candidate.fiducialIndex)
        var apex = -Float.infinity
        let original = original.span
        for offset in -Self.apexReach...Self.apexReach {
            let i = candidate.fiducialIndex + Int64(offset)
            guard i >= 0 else { continue }
            let sample = original[Int(truncatingIfNeeded: i) & 255]
            let value = positive ? sample : -sample
            if value > apex {
                apex = value
                candidate.rPeakIndex = i
            }
        }
        // Baseline: mean of the segment 100 to 60 ms before the apex, between P wave and QRS complex.
        var sum: Float = 0
        for before in 22...36 {
            sum += original[Int(truncatingIfNeeded: max(0, candidate.rPeakIndex - Int64(before))) & 255]
        }
        candidate.amplitude = (positive ? apex : -apex) - sum / 15
    }
}
