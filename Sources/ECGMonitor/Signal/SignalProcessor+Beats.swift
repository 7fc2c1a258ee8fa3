internal import ECGSignal
internal import StateCoding

/// Beats, and the signal events that carry them to stage 2.
extension SignalProcessor {
    mutating func enqueue(_ detection: QRSDetection) {
        let index = sourceIndex(of: detectorOrigin + detection.rPeakIndex)
        if pacing.isResidue(at: index, amplitude: detection.amplitude, samplingRate: samplingRate) { return }
        waiting.append(detection)
        if waiting.count == 1 { nextWindowAt = detection.rPeakIndex + Int64(BeatWindow.samplesFromRPeak) }
    }

    mutating func finishWindow(decidedAt index: Int64) {
        while let first = waiting.first, history.endIndex >= first.rPeakIndex + Int64(BeatWindow.samplesFromRPeak) {
            waiting.removeFirst()
            emit(first, decidedAt: index, ifIncomplete: .gapAtEdge)
        }
        nextWindowAt = waiting.first.map { $0.rPeakIndex + Int64(BeatWindow.samplesFromRPeak) } ?? .max
    }

    /// How far the signal rises or falls within 40 ms, in mV, at most, within 80 ms of a sample.
    ///
    /// - Parameter sampleIndex: source rate.
    /// - Returns: nil if that is no longer, or not yet, in the history.
    func swing(around sampleIndex: Int64) -> Float? {
        guard mode == .detecting else { return nil }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.swingReach * 2 + Self.swingRise) {
            samples in
            samples.initialize(repeating: 0)
            let first = detectorIndex(of: sampleIndex) - Int64(Self.swingReach + Self.swingRise / 2)
            guard history.copy(from: first, into: samples) else { return nil }
            var largest: Float = 0
            for place in 0..<2 * Self.swingReach {
                largest = max(largest, abs(samples[place + Self.swingRise] - samples[place]))
            }
            return largest
        }
    }

    /// 80 ms and 40 ms at 360 Hz.
    static let swingReach = 29
    static let swingRise = 14

    func detectorIndex(of sampleIndex: Int64) -> Int64 {
        Int64((Double(sampleIndex - resamplerOrigin) * InternalSampling.rate / samplingRate).rounded()) - detectorOrigin
    }

    /// Adds a beat, with its window, that only other leads have found.
    ///
    /// - Parameters:
    ///   - sampleIndex: where its R peak lies in this lead, source rate.
    ///   - amplitude: as measured in another lead, in mV.
    /// - Returns: the beat, which is not among the signal events; its window is the last one. nil if nothing is being
    ///   detected in this lead.
    mutating func beat(at sampleIndex: Int64, amplitude: Float, decidedAt index: Int64) -> BeatFinding? {
        guard mode == .detecting else { return nil }
        let rPeak = max(0, detectorIndex(of: sampleIndex))
        emit(
            QRSDetection(rPeakIndex: rPeak, detectedAtIndex: rPeak, amplitude: amplitude, foundBySearchBack: false),
            decidedAt: index, ifIncomplete: .poorSignal)
        guard case .beat(let finding) = signalEvents.removeLast().content else { return nil }
        return finding
    }

    /// Removes the window of the last beat.
    mutating func removeLastWindow() { windows.removeLast(BeatWindow.length) }

    mutating func emit(
        _ detection: QRSDetection, decidedAt index: Int64, ifIncomplete cause: NotClassifiedCause
    ) {
        var finding = BeatFinding(
            window: nil, notClassifiedBecause: nil, amplitude: detection.amplitude,
            foundBySearchBack: detection.foundBySearchBack, noiseRatio: detector.noiseRatio)
        let rPeak = detection.rPeakIndex
        finding.pacing = pacing.pacing(
            ofBeatAt: sourceIndex(of: detectorOrigin + rPeak), samplingRate: samplingRate)
        let bridgedSince = bridged.count(in: rPeak..<Int64.max)
        // Missing samples that are not bridged yet lie after every beat.
        finding.unobservedSeconds =
            unobservedSeconds - Double(missing) / samplingRate - Double(bridgedSince) / InternalSampling.rate
        let span = rPeak - Int64(BeatWindow.samplesBeforeRPeak)..<rPeak + Int64(BeatWindow.samplesFromRPeak)
        let bridgedInWindow = bridged.count(in: span)
        finding.isPartlyBridged = bridgedInWindow > 0
        if bridgedInWindow > Self.maximumBridgedInWindow
            || bridged.count(in: rPeak - Self.bridgedReach..<rPeak + Self.bridgedReach) > 0
        {
            finding.notClassifiedBecause = bridged.cause(in: span)
            return add(.beat(finding), at: sourceIndex(of: detectorOrigin + rPeak), decidedAt: index)
        }
        let start = windows.count
        windows.append(contentsOf: repeatElement(0, count: BeatWindow.length))
        let complete = windows.withUnsafeMutableBufferPointer { buffer in
            let window = UnsafeMutableBufferPointer(rebasing: buffer[start...])
            guard history.copy(windowCentredOn: detection.rPeakIndex, into: window) else {
                finding.notClassifiedBecause =
                    detection.rPeakIndex < Int64(BeatWindow.samplesBeforeRPeak) ? .gapAtEdge : cause
                return false
            }
            let range = (window.max() ?? 0) - (window.min() ?? 0)
            guard BeatWindow.scaleToUnitInterval(window) else {
                finding.notClassifiedBecause = .flatWindow
                return false
            }
            finding.windowRange = range
            return true
        }
        if complete {
            finding.window = Int32(start / BeatWindow.length)
        } else {
            windows.removeLast(BeatWindow.length)
        }
        add(.beat(finding), at: sourceIndex(of: detectorOrigin + detection.rPeakIndex), decidedAt: index)
    }

    mutating func setCondition(_ new: SignalCondition, since: Int64, decidedAt: Int64) {
        guard new != condition else { return }
        condition = new
        add(.condition(new), at: since, decidedAt: decidedAt)
    }

    mutating func add(_ content: SignalEvent.Content, at index: Int64, decidedAt: Int64) {
        signalEvents.append(
            SignalEvent(
                sampleIndex: index, decidedAt: decidedAt, time: clock.time(ofSample: index),
                unobservedSeconds: unobservedSeconds, content: content))
    }

    /// - Parameter index: at 360 Hz, counted from the resampler's first output.
    func sourceIndex(of index: Int64) -> Int64 {
        guard let resampler else { return resamplerOrigin }
        return resamplerOrigin + Int64(resampler.inputIndex(ofOutput: index).rounded())
    }
}
