/// Small beats beside large ones; the reasons are given at `SmallBeats`.
extension PanTompkinsDetector {
    /// Whether a wave is too sharp for a P or T wave, or is taller than a P wave and too late for a T wave.
    ///
    /// - Parameter interval: between the beats around it, in samples.
    private func isNoPOrTWave(_ candidate: QRSCandidate, interval: Float) -> Bool {
        if candidate.sharpness > constants.sharp { return true }
        return candidate.sharpness > constants.broadSharpness
            && isTooLateForTWave(candidate, interval: interval)
            && candidate.height > constants.tallerThanP && candidate.height > constants.broadShare * heights.median
    }

    private func isTooLateForTWave(_ candidate: QRSCandidate, interval: Float) -> Bool {
        let apex = constants.tWaveApex * (interval * 360).squareRoot() + constants.tWaveMargin
        return Float(candidate.fiducialIndex - (lastBeat?.fiducialIndex ?? 0)) > apex
    }

    /// Whether a peak below the thresholds is like the small beats found before.
    func isExpectedSmallBeat(_ candidate: QRSCandidate) -> Bool {
        guard additions.contains(.smallBeats), smallBeats.areExpected, noiseRatio < constants.smallBeatNoise,
            let lastBeat, candidate.fiducialIndex - lastBeat.fiducialIndex > constants.tWaveWindow,
            isLargeEnough(candidate)
        else { return false }
        return smallBeats.isLike(candidate) && candidate.sharpness > constants.sharp
    }

    /// Looks through the interval that ends with a beat, and accepts the small beats in it.
    mutating func acceptSmallBeats(before beat: QRSCandidate) {
        guard additions.contains(.smallBeats), let lastBeat else { return }
        let start = lastBeat.fiducialIndex + constants.tWaveWindow
        let range = start..<max(start, beat.fiducialIndex - constants.pWaveWindow)
        let interval = Float(beat.fiducialIndex - lastBeat.fiducialIndex)
        var best = -1
        for index in 0..<rejected.count where range.contains(rejected[index].fiducialIndex) {
            guard isLargeEnough(rejected[index]), isNoPOrTWave(rejected[index], interval: interval) else { continue }
            if best < 0 || rejected[index].integratedPeak > rejected[best].integratedPeak { best = index }
        }
        guard best >= 0, isOutstanding(rejected[best], in: range),
            noiseRatio < constants.smallBeatNoise || isMidway(rejected[best], from: lastBeat, to: beat)
        else {
            _ = smallBeats.take(nil)
            return
        }
        let largest = rejected[best]
        guard
            smallBeats.take(
                largest, coupling: Float(largest.fiducialIndex - lastBeat.fiducialIndex),
                isSharp: largest.sharpness > constants.sharp)
        else { return }
        let candidates = rejected
        for index in 0..<candidates.count
        where range.contains(candidates[index].fiducialIndex) && isLike(candidates[index], largest) {
            let candidate = candidates[index]
            if let last = self.lastBeat, candidate.fiducialIndex - last.fiducialIndex < constants.refractory {
                continue
            }
            accept(candidate, bySearchBack: true, isSmall: true)
        }
    }

    /// Noise peaks are seldom midway between two beats several times.
    private func isMidway(_ peak: QRSCandidate, from last: QRSCandidate, to next: QRSCandidate) -> Bool {
        let before = Float(peak.fiducialIndex - last.fiducialIndex)
        let after = Float(next.fiducialIndex - peak.fiducialIndex)
        return abs(before - after) < FastRhythm.midway * min(before, after)
    }

    /// Whether a peak is much larger than those beside it that are not like it.
    private func isOutstanding(_ peak: QRSCandidate, in range: Range<Int64>) -> Bool {
        let share = peak.sharpness > constants.sharp ? constants.smallShare : constants.smallBroadShare
        guard peak.integratedPeak > share * integratedLevels.signalLevel else { return false }
        for index in 0..<rejected.count where range.contains(rejected[index].fiducialIndex) {
            let other = rejected[index]
            if other.fiducialIndex == peak.fiducialIndex || isLike(other, peak) { continue }
            if other.integratedPeak * constants.smallMultiple > peak.integratedPeak { return false }
        }
        return true
    }
}
