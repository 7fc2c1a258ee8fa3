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
    /// Durations in samples at 360 Hz, and fractions of levels.
    struct Constants: Sendable, Equatable, Codable {
        /// A peak is decided within this many samples (350 ms) after its apex; only after that is a beat missing.
        var decisionDelay: Int64 = 126
        /// 200 ms: no two beats are closer than this (section III).
        var refractory: Int64 = 72
        /// Within 360 ms after a beat a peak may be its T wave...
        var tWaveWindow: Int64 = 130
        /// ...and is one if its slope is below half (in the paper; slightly less here) of the beat's.
        var tWaveSlope: Float = 0.47
        /// 2 s.
        var learningPhase: Int64 = 720
        /// Threshold 1 between noise and signal level: integrated signal on the scale of amplitudes (0.5 there is the
        /// paper's 0.25), band-passed signal (the paper: 0.25). The optimum is flat: 0.4 to 0.5 and 0.2 to 0.4 change
        /// the error rate on mitdb by less than a tenth.
        var integratedShare: Float = 0.45
        var integratedPowerShare: Float = 0.25
        var bandPassedShare: Float = 0.4
        /// Threshold 2 as a share of threshold 1.
        var searchBackShare: Float = 0.5
        /// A peak with three quarters of the heights and slope of a beat found by search-back is as good a beat as that
        /// one.
        var likeness: Float = 0.75
        var searchBackByAverage: Float = 1.66
        var searchBackByMedian: Float = 1.42
        /// 8 s.
        var relearningInterval: Int64 = 2_880
        /// Relearned levels below this fraction of the previous ones are noise: nothing can be detected in the signal
        /// of a heart that stands still.
        var relearningShare: Float = 0.125
        /// Minimum band-passed peak in microvolts; smaller ones never count. A narrow complex of 0.16 mV gives this
        /// value. By IEC 60601-2-27 a complex of 0.15 mV or less must not be counted and one of 0.5 mV must be.
        var minimumPeak: Float = 80
        /// The constants below begin to apply at the first `noiseRatio` and apply fully at the second; in between, they
        /// are interpolated.
        var noiseOnset: Float = 0.32
        var noiseFull: Float = 0.4
        /// Electrode motion comes in bursts: the noise is forgotten within this many peaks.
        var noiseMemory: Float = 60
        /// In noise a missed beat costs more than a false one, because the noise itself is reported.
        var noisyIntegratedShare: Float = 0.2
        var noisyBandPassedShare: Float = 0.2
        /// In noise a beat may be less steep than the noise peak before it; that does not make it a T wave.
        var noisyTWaveSlope: Float = 0
        /// 144 ms: a noise peak must not hide a beat.
        var noisyRefractory: Float = 52
        var noisySearchBackByMedian: Float = 1.2
    }

    private let additions: Additions
    private let constants: Constants
    private var finder = CandidateFinder()
    /// Peaks of the learning phase.
    private var learning = CandidateQueue()
    /// Peaks since the last beat that did not pass the thresholds, for search-back.
    private var rejected = CandidateQueue()
    /// Beats not yet reported.
    private var decided = CandidateQueue()
    private var integratedLevels: PeakLevels
    private var bandPassedLevels: PeakLevels
    private var rr = RRAverages()
    private var hasLearned = false
    private var lastBeat: QRSCandidate?
    /// Up to this sample only the filters need to run.
    @FullRange private var nextEvent: Int64
    @FullRange private var searchBackDue: Int64 = .max
    @FullRange private var relearningDue: Int64 = .max

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

    private mutating func decide(_ candidate: QRSCandidate, inRetrospect: Bool = false) {
        if let lastBeat {
            let interval = candidate.fiducialIndex - lastBeat.fiducialIndex
            if interval < Int64(mixed(Float(constants.refractory), constants.noisyRefractory)) { return }
            watch(candidate, interval: interval, lastSlope: lastBeat.slope)
            let slope = mixed(constants.tWaveSlope, constants.noisyTWaveSlope)
            if interval < constants.tWaveWindow, candidate.slope < slope * lastBeat.slope {
                appendNoise(candidate)
                return
            }
        }
        if passes(candidate, share: irregularityShare) {
            accept(candidate, bySearchBack: inRetrospect)
        } else {
            appendNoise(candidate)
            rejected.append(candidate)
        }
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
        return height(candidate) > share * integrated
            && candidate.bandPassedPeak > max(share * bandPassed, constants.minimumPeak)
    }

    private func height(_ candidate: QRSCandidate) -> Float {
        additions.contains(.amplitudeScale)
            ? candidate.integratedPeak : candidate.integratedPeak * candidate.integratedPeak
    }

    private mutating func appendNoise(_ candidate: QRSCandidate) {
        integratedLevels.appendNoise(height(candidate))
        bandPassedLevels.appendNoise(candidate.bandPassedPeak)
    }

    private mutating func accept(_ candidate: QRSCandidate, bySearchBack: Bool) {
        if let lastBeat { rr.append(Float(candidate.fiducialIndex - lastBeat.fiducialIndex)) }
        integratedLevels.appendSignal(height(candidate), bySearchBack: bySearchBack)
        bandPassedLevels.appendSignal(candidate.bandPassedPeak, bySearchBack: bySearchBack)
        lastBeat = candidate
        rejected.removeAll(before: candidate.fiducialIndex + constants.refractory)
        var beat = candidate
        beat.isFoundBySearchBack = bySearchBack
        decided.append(beat)
        relearningDue = candidate.rPeakIndex + constants.relearningInterval
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

    private func isLike(_ candidate: QRSCandidate, _ beat: QRSCandidate) -> Bool {
        candidate.integratedPeak >= constants.likeness * beat.integratedPeak
            && candidate.bandPassedPeak >= constants.likeness * beat.bandPassedPeak
            && candidate.slope >= constants.likeness * beat.slope
    }

    // MARK: - Learning

    /// Sets the levels and decides the peaks found in the meantime.
    private mutating func endLearningPhase() {
        learn(from: learning)
        for index in 0..<learning.count { decide(learning[index]) }
        learning.removeAll()
        if lastBeat == nil { relearningDue = constants.relearningInterval }
    }

    /// Sets the levels from the largest peaks: from the second largest if it is at least half of the largest, so that a
    /// single artefact does not set them.
    ///
    /// - Returns: false, with the levels unchanged, if there is nothing to learn from or the result is below `least`.
    @discardableResult
    private mutating func learn(from candidates: CandidateQueue, least: Float = 0) -> Bool {
        hasLearned = true
        var integrated: (Float, Float) = (0, 0)
        var bandPassed: (Float, Float) = (0, 0)
        func insert(_ value: Float, _ pair: inout (Float, Float)) {
            if value > pair.0 { pair = (value, pair.0) } else if value > pair.1 { pair.1 = value }
        }
        for index in 0..<candidates.count {
            insert(candidates[index].integratedPeak, &integrated)
            insert(candidates[index].bandPassedPeak, &bandPassed)
        }
        func level(_ pair: (Float, Float)) -> Float { pair.1 > 0.5 * pair.0 ? pair.1 : pair.0 }
        guard integrated.0 > 0, level(bandPassed) >= least else { return false }
        let peak = level(integrated)
        integratedLevels.learn(signalPeak: additions.contains(.amplitudeScale) ? peak : peak * peak)
        bandPassedLevels.learn(signalPeak: level(bandPassed))
        return true
    }

    private mutating func relearn(_ n: Int64) {
        relearningDue = n + constants.learningPhase
        let least = max(constants.minimumPeak, constants.relearningShare * bandPassedLevels.signalLevel)
        guard additions.contains(.relearning), learn(from: rejected, least: least) else { return }
        rr.removeAll()
        let candidates = rejected
        rejected.removeAll()
        searchBackDue = .max
        for index in 0..<candidates.count { decide(candidates[index], inRetrospect: true) }
    }
}
