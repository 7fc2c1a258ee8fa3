internal import ECGSignal
internal import StateCoding

/// Where detection starts and ends: a segment is a run of samples without a long interruption.
extension SignalProcessor {
    mutating func startSegment(at index: Int64) {
        resampler?.reset()
        resamplerOrigin = index
        resampled = 0
        missing = 0
        spikes.reset(samplingRate: samplingRate)
        pulses.reset(samplingRate: samplingRate)
        pulses.expectedHeight = pacing.expectedHeight(at: index, samplingRate: samplingRate)
        spikeIndex = index
        humFilter.reset()
        conditionMonitor.reset()
        setCondition(.good, since: index, decidedAt: index)
        startDetection(at: index)
    }

    mutating func startDetection(at index: Int64) {
        // When called in the middle of a segment, the sample is already being processed: it becomes the detector's
        // first.
        detectorOrigin = max(0, resampled - 1)
        detector.reset()
        history.reset(startIndex: 0)
        bridged.removeAll()
        mode = .detecting
        add(.segmentStarted(samplingRate: samplingRate), at: index, decidedAt: index)
        restartVentricularRhythm(at: index)
    }

    /// Ends the segment: nothing that follows is connected with what came before.
    mutating func endSegment(decidedAt index: Int64, cause: NotClassifiedCause, observable: Bool) {
        defer { missing = 0 }
        guard mode != .unusable else { return }
        releaseSpikes(at: index)
        if mode == .detecting {
            // Flushes the last samples still in the resampler.
            resampler?.finish()
            while let value = resampler?.next() { step(value, decidedAt: index) }
        }
        if mode == .detecting {
            endDetection(decidedAt: index, cause: cause, observable: observable)
        } else {
            add(.segmentEnded(observable: observable), at: index, decidedAt: index)
        }
    }

    mutating func endDetection(decidedAt index: Int64, cause: NotClassifiedCause, observable: Bool) {
        for detection in detector.flush() { enqueue(detection) }
        for detection in waiting { emit(detection, decidedAt: index, ifIncomplete: cause) }
        waiting.removeAll(keepingCapacity: true)
        nextWindowAt = .max
        detectionEndedAt = index
        swing = nil
        add(.segmentEnded(observable: observable), at: index, decidedAt: index)
    }
}
