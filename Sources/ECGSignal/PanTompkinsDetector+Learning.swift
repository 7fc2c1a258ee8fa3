/// How the levels are set at the start, and again when no beat reaches them any more.
extension PanTompkinsDetector {
    /// Sets the levels and decides the peaks found in the meantime.
    mutating func endLearningPhase() {
        learn(from: learning)
        for index in 0..<learning.count { decide(learning[index]) }
        learning.removeAll()
        if lastBeat == nil {
            relearningDue =
                additions.contains(.earlyRelearning)
                ? constants.earlyRelearningInterval : constants.relearningInterval
        }
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

    /// After too long without a beat: at first levels of another rhythm, later those of the largest peaks.
    mutating func relearn(_ n: Int64) {
        if additions.contains(.earlyRelearning), n < (lastBeat?.rPeakIndex ?? 0) + constants.relearningInterval {
            relearningDue = n + constants.earlyRelearningStep
            guard let level = rhythmOfOtherHeight(n) else { return }
            integratedLevels.learn(signalPeak: height(level))
            bandPassedLevels.learn(signalPeak: level.bandPassedPeak)
            decide(withoutMuscleNoise(rejected))
            return
        }
        relearningDue = n + constants.learningPhase
        let least = max(constants.doubtfulPeak, constants.relearningShare * bandPassedLevels.signalLevel)
        // If there are small beats in muscle noise after all, asystole, reported long ago, must end.
        let hasWaited = n - (lastBeat?.rPeakIndex ?? 0) > constants.muscleNoisePatience
        let candidates = hasWaited ? rejected : withoutMuscleNoise(rejected)
        guard additions.contains(.relearning), learn(from: candidates, least: least) else { return }
        decide(candidates)
    }

    private func withoutMuscleNoise(_ candidates: CandidateQueue) -> CandidateQueue {
        var left = CandidateQueue()
        for index in 0..<candidates.count where !isLostInMuscleNoise(candidates[index]) {
            left.append(candidates[index])
        }
        return left
    }

    /// Decides the peaks since the last beat by the new levels; what was known of intervals and heights is void.
    private mutating func decide(_ candidates: CandidateQueue) {
        rr.removeAll()
        heights.removeAll()
        rejected.removeAll()
        searchBackDue = .max
        for index in 0..<candidates.count { decide(candidates[index], inRetrospect: true) }
    }

    /// The first peak of a rhythm that goes on below the thresholds: at least three peaks, or two at the usual
    /// interval, that are alike, are neither P nor T waves, and stand out from the peaks between them.
    private func rhythmOfOtherHeight(_ n: Int64) -> QRSCandidate? {
        for index in 0..<rejected.count {
            let peak = rejected[index]
            guard isLargeEnough(peak, isUsual: false), isNeitherPNorTWave(peak) else { continue }
            var count = 0
            var last: Int64 = 0
            var shortest = Int64.max
            var longest: Int64 = 0
            var others: Float = 0
            for other in 0..<rejected.count {
                let candidate = rejected[other]
                guard isSimilar(candidate, peak), !isLostInMuscleNoise(candidate) else {
                    let isLower = candidate.integratedPeak < peak.integratedPeak
                    if isLower { others = max(others, candidate.integratedPeak) }
                    continue
                }
                if count > 0 {
                    shortest = min(shortest, candidate.fiducialIndex - last)
                    longest = max(longest, candidate.fiducialIndex - last)
                }
                count += 1
                last = candidate.fiducialIndex
            }
            guard count >= 2, longest < 2 * shortest, shortest >= constants.refractory,
                n - last < 3 * longest / 2 + constants.decisionDelay,
                others < constants.likeness * peak.integratedPeak
            else { continue }
            // Two peaks are enough if they continue the rhythm.
            if count == 2, abs(Float(longest) - rr.recentMedian) > 0.2 * rr.recentMedian { continue }
            return peak
        }
        return nil
    }

    /// Whether a wave in a signal without beats is sharp, or too tall for a P wave. There is no T wave without a QRS
    /// complex.
    private func isNeitherPNorTWave(_ peak: QRSCandidate) -> Bool {
        peak.sharpness > constants.sharp
            || peak.height > constants.tallerThanP && peak.height > constants.tallShare * heights.median
    }

    private func isSimilar(_ a: QRSCandidate, _ b: QRSCandidate) -> Bool {
        let share = constants.similarity
        func agrees(_ x: Float, _ y: Float) -> Bool { min(x, y) >= share * max(x, y) }
        return agrees(a.integratedPeak, b.integratedPeak) && agrees(a.height, b.height) && agrees(a.slope, b.slope)
    }
}
