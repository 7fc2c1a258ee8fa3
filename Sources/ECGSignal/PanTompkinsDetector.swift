public import StateCoding

/// The real-time QRS detector of Pan & Tompkins (IEEE TBME 32(3):230-236, 1985), for samples at 360 Hz in millivolts.
///
/// Band-pass, derivative, squaring and integration over 150 ms (`PanTompkinsFilters`) produce peaks
/// (`CandidateFinder`). A peak is a QRS complex if it passes an adaptive threshold in both the integrated and the
/// band-passed signal and is not a T wave. If there is no beat for 166 % of the average RR interval, the largest peak
/// since the last beat that passes half of the thresholds is taken as one. The first 2 s set the levels; the beats in
/// them are reported afterwards. R is the apex in the original signal. Differences from the paper are listed under
/// `Additions`.
///
/// One value per stream, one `step` per sample, no allocation; the result depends only on the samples. A typical beat
/// is reported 286 ms after its apex (median on mitdb; 99 % within 340 ms); search-back and the learning phase take
/// longer.
public struct PanTompkinsDetector: Sendable, Codable, RangeChecked {
    let additions: Additions
    let constants: Constants
    private var finder = CandidateFinder()
    /// Peaks of the learning phase.
    var learning = CandidateQueue()
    /// Peaks since the last beat that did not pass the thresholds, for search-back.
    var rejected = CandidateQueue()
    /// Beats not yet reported.
    private var decided = CandidateQueue()
    var smallBeats = SmallBeats()
    private var fastRhythm = FastRhythm()
    /// Of the peak decided before: the integrated signal, the height, and whether it was a complex's second slope.
    private var lastPeak: Float = 0
    private var lastPeakHeight: Float = 0
    private var lastPeakWasOtherSlope = false
    /// Whether the last beat was a small one beside large ones.
    private var wasSmall = false
    /// Heights of the last beats, in millivolts.
    var heights = LastEight()
    var integratedLevels: PeakLevels
    var bandPassedLevels: PeakLevels
    var rr = RRAverages()
    var hasLearned = false
    var lastBeat: QRSCandidate?
    /// Up to this sample only the filters need to run.
    @FullRange private var nextEvent: Int64
    @FullRange var searchBackDue: Int64 = .max
    @FullRange var relearningDue: Int64 = .max

    /// Height of the smaller peaks between the last beats relative to the beats, in the integrated signal on the scale
    /// of amplitudes: below 0.2 in a clean ECG, 0.35 and above where noise resembles beats (electrode motion at a
    /// signal-to-noise ratio of 6 dB and less). Used for the detector's own thresholds and for
    /// `SignalConditionMonitor.step`.
    public private(set) var noiseRatio: Float = 0
    /// 0: the constants for a quiet signal, 1: those for a noisy one.
    private var noisiness: Float = 0

    /// - Parameter additions: the additions to leave out, to measure their effect.
    public init(leavingOut additions: Additions = []) {
        self.init(additions: Additions.all.subtracting(additions), constants: Constants())
    }

    init(additions: Additions = .all, constants: Constants) {
        self.additions = additions
        self.constants = constants
        integratedLevels = PeakLevels(usesMedian: additions.contains(.medianLevels))
        bandPassedLevels = PeakLevels(usesMedian: additions.contains(.medianLevels))
        nextEvent = constants.learningPhase
    }

    /// Restarts as after `init`: filters at rest, nothing learned. For a gap: nothing is carried across it.
    public mutating func reset() {
        self = PanTompkinsDetector(additions: additions, constants: constants)
    }

    /// Learned levels are only valid for the constants they were learned with.
    public var isInRange: Bool {
        constants == Constants() && additions == .all && (0...1).contains(noisiness) && abs(noiseRatio) < 1e6
    }

    /// Processes one sample.
    ///
    /// - Parameter millivolts: a value that is not finite is replaced by the previous one.
    /// - Returns: a beat, at most one per sample (further ones follow with the next samples); `rPeakIndex` is strictly
    ///   increasing.
    public mutating func step(_ millivolts: Float) -> QRSDetection? {
        let n = finder.index
        if finder.step(millivolts), let candidate = finder.measure() { take(candidate) }
        return n < nextEvent ? nil : handleEvents(n)
    }

    /// Ends a segment, at a gap or at the end of a record. Decides all pending peaks; the filters run out on the last
    /// value, held constant. Call `reset()` before the next sample.
    public mutating func flush() -> [QRSDetection] {
        let last = finder.index - 1
        guard last >= 0 else { return [] }
        var detections: [QRSDetection] = []
        for _ in 0..<CandidateFinder.maximumDelay {
            if finder.runOut(), let candidate = finder.measure(), candidate.rPeakIndex <= last - 4 { take(candidate) }
        }
        if !hasLearned { endLearningPhase() }
        searchBack(last)
        while !decided.isEmpty { detections.append(report(last)) }
        return detections
    }

    // MARK: - Events

    private mutating func take(_ candidate: QRSCandidate) {
        followNoise()
        if hasLearned {
            decide(candidate)
            nextEvent = 0
        } else {
            learning.append(candidate)
        }
    }

    private mutating func handleEvents(_ n: Int64) -> QRSDetection? {
        if !hasLearned { endLearningPhase() }
        searchBack(n)
        if n >= relearningDue { relearn(n) }
        let detection = decided.isEmpty ? nil : report(n)

        nextEvent = relearningDue
        if searchBackDue > n { nextEvent = min(nextEvent, searchBackDue) }
        if !decided.isEmpty { nextEvent = n + 1 }
        return detection
    }

    private mutating func report(_ n: Int64) -> QRSDetection {
        let beat = decided[0]
        decided.removeFirst()
        return QRSDetection(
            rPeakIndex: beat.rPeakIndex, detectedAtIndex: n, amplitude: beat.amplitude,
            foundBySearchBack: beat.isFoundBySearchBack)
    }

    // MARK: - Decision

    /// A constant for the quiet signal, mixed with its counterpart according to the noise.
    private func mixed(_ quiet: Float, _ noisy: Float) -> Float {
        quiet + noisiness * (noisy - quiet)
    }

    private mutating func followNoise() {
        guard additions.contains(.noiseAdaptation) else { return }
        let now = (noiseRatio - constants.noiseOnset) / (constants.noiseFull - constants.noiseOnset)
        noisiness = max(0, min(1, now), noisiness - 1 / constants.noiseMemory)
    }

    mutating func decide(_ candidate: QRSCandidate, inRetrospect: Bool = false) {
        let isOtherSlope =
            additions.contains(.wideComplexes) && candidate.endsPreviousComplex && !lastPeakWasOtherSlope
            && candidate.integratedPeak < constants.otherSlopeLimit * lastPeak
        let previousHeight = lastPeakHeight
        lastPeakHeight = candidate.height
        lastPeak = candidate.integratedPeak
        lastPeakWasOtherSlope = isOtherSlope
        if let lastBeat {
            let interval = candidate.fiducialIndex - lastBeat.fiducialIndex
            // In noise only between slopes nearly as tall as the beats; smaller ones may be noise beside a beat.
            let isTall = min(candidate.height, previousHeight) > constants.otherSlopeHeight * heights.median
            if isOtherSlope, noisiness == 0 || isTall { return }
            if interval < refractory {
                if additions.contains(.fastRhythm) { fastRhythm.skip(candidate, after: lastBeat) }
                return
            }
            if !isOtherSlope { watch(candidate, interval: interval, lastSlope: lastBeat.slope) }
            let slope = mixed(constants.tWaveSlope, constants.noisyTWaveSlope)
            if interval < constants.tWaveWindow, candidate.slope < slope * lastBeat.slope {
                appendNoise(candidate)
                return
            }
        }
        if passes(candidate, share: irregularityShare) {
            if !inRetrospect { acceptSmallBeats(before: candidate) }
            accept(candidate, bySearchBack: inRetrospect)
        } else if isExpectedSmallBeat(candidate) {
            accept(candidate, bySearchBack: inRetrospect, isSmall: true)
        } else {
            appendNoise(candidate)
            rejected.append(candidate)
        }
    }

    private var refractory: Int64 {
        let usual = Int64(mixed(Float(constants.refractory), constants.noisyRefractory))
        return fastRhythm.isFast ? min(FastRhythm.refractory, usual) : usual
    }

    private mutating func watch(_ candidate: QRSCandidate, interval: Int64, lastSlope: Float) {
        guard interval >= constants.refractory else { return }
        let isTWave = interval < constants.tWaveWindow && candidate.slope < constants.tWaveSlope * lastSlope
        let threshold = integratedLevels.threshold(
            additions.contains(.amplitudeScale) ? constants.integratedShare : constants.integratedPowerShare)
        let isBeat =
            !isTWave && height(candidate) > threshold
            && candidate.bandPassedPeak > bandPassedLevels.threshold(constants.bandPassedShare)
        integratedLevels.watch(height(candidate), isBeat: isBeat)
        noiseRatio = integratedLevels.restlessness
    }

    private var irregularityShare: Float {
        additions.contains(.steadyThresholds) || rr.isEmpty || rr.isRegular ? 1 : 0.5
    }

    private func passes(_ candidate: QRSCandidate, share: Float) -> Bool {
        let integrated = integratedLevels.threshold(
            additions.contains(.amplitudeScale)
                ? mixed(constants.integratedShare, constants.noisyIntegratedShare) : constants.integratedPowerShare)
        let bandPassed = bandPassedLevels.threshold(mixed(constants.bandPassedShare, constants.noisyBandPassedShare))
        return height(candidate) > share * integrated && candidate.bandPassedPeak > share * bandPassed
            && isLargeEnough(candidate)
    }

    /// Whether a peak with muscle noise beside it is lower than the beats before.
    func isLostInMuscleNoise(_ candidate: QRSCandidate) -> Bool {
        additions.contains(.muscleNoise) && candidate.isInMuscleNoise
            && candidate.height < constants.muscleNoiseHeight * heights.median
    }

    /// Whether a peak is large enough for a complex, and, if it is small or muscle noise is beside it, stands out.
    func isLargeEnough(_ candidate: QRSCandidate, isUsual: Bool = true) -> Bool {
        if isLostInMuscleNoise(candidate) { return false }
        guard additions.contains(.lowVoltage) else { return candidate.bandPassedPeak > constants.fixedMinimumPeak }
        let share = isUsual && noisiness == 0 && heights.median > constants.minimumHeight ? constants.usualShare : 1
        guard candidate.height > share * constants.minimumHeight else { return false }
        guard
            candidate.height > constants.tallerThanP
                ? candidate.sharpness > constants.minimumSharpness
                : candidate.slope > share * constants.minimumSlope
        else { return false }
        return share < 1 || candidate.bandPassedPeak > constants.doubtfulPeak
            || candidate.concentration > constants.doubtfulConcentration
            || integratedLevels.noiseLevel > 0
                && height(candidate) > constants.doubtfulMultiple * integratedLevels.noiseLevel
    }

    func height(_ candidate: QRSCandidate) -> Float {
        additions.contains(.amplitudeScale)
            ? candidate.integratedPeak : candidate.integratedPeak * candidate.integratedPeak
    }

    private mutating func appendNoise(_ candidate: QRSCandidate) {
        integratedLevels.appendNoise(height(candidate))
        bandPassedLevels.appendNoise(candidate.bandPassedPeak)
    }

    /// - Parameter isSmall: a small beat beside large ones; the levels remain those of the large ones, unless several
    ///   small ones follow each other.
    mutating func accept(_ candidate: QRSCandidate, bySearchBack: Bool, isSmall: Bool = false) {
        if let lastBeat {
            rr.append(Float(candidate.fiducialIndex - lastBeat.fiducialIndex))
            if fastRhythm.take(candidate, after: lastBeat, recentMedian: rr.recentMedian) { rr.removeAll() }
            finder.isFast = fastRhythm.isFast
        }
        if !isSmall || wasSmall {
            integratedLevels.appendSignal(height(candidate), bySearchBack: bySearchBack)
            bandPassedLevels.appendSignal(candidate.bandPassedPeak, bySearchBack: bySearchBack)
            heights.append(candidate.height)
        }
        wasSmall = isSmall
        lastBeat = candidate
        rejected.removeAll(before: candidate.fiducialIndex + constants.refractory)
        var beat = candidate
        beat.isFoundBySearchBack = bySearchBack
        decided.append(beat)
        relearningDue =
            candidate.rPeakIndex
            + (additions.contains(.earlyRelearning) ? constants.earlyRelearningInterval : constants.relearningInterval)
        guard !rr.isEmpty else { return }
        var limit = constants.searchBackByAverage * rr.selectedMean
        if additions.contains(.medianSearchBack) {
            let intervals = mixed(constants.searchBackByMedian, constants.noisySearchBackByMedian)
            limit = min(limit, intervals * rr.recentMedian)
        }
        // The missing beat may be as late as this limit, and is known `decisionDelay` after that.
        searchBackDue = candidate.fiducialIndex + Int64(limit) + constants.decisionDelay
    }

    private mutating func searchBack(_ n: Int64) {
        while n >= searchBackDue {
            var best = -1
            for index in 0..<rejected.count where passes(rejected[index], share: constants.searchBackShare) {
                if best < 0 || rejected[index].integratedPeak > rejected[best].integratedPeak { best = index }
            }
            guard best >= 0 else { return }
            let largest = rejected[best]
            let candidates = rejected
            guard additions.contains(.groupedSearchBack) else {
                accept(largest, bySearchBack: true)
                guard rejected.count < candidates.count else { return }
                continue
            }
            for index in 0..<candidates.count where isLike(candidates[index], largest) {
                let candidate = candidates[index]
                if let lastBeat, candidate.fiducialIndex - lastBeat.fiducialIndex < constants.refractory { continue }
                let lead = largest.fiducialIndex - candidate.fiducialIndex
                if lead > 0, lead < constants.refractory { continue }
                accept(candidate, bySearchBack: true)
            }
            // The largest candidate is always taken and so leaves the queue. If it were not, as in a restored state
            // whose candidates are out of order, this loop must still end.
            guard rejected.count < candidates.count else { return }
        }
    }

    func isLike(_ candidate: QRSCandidate, _ beat: QRSCandidate) -> Bool {
        candidate.integratedPeak >= constants.likeness * beat.integratedPeak
            && candidate.bandPassedPeak >= constants.likeness * beat.bandPassedPeak
            && candidate.slope >= constants.likeness * beat.slope
    }
}
