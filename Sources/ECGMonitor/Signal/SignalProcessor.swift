internal import ECGSignal
internal import StateCoding

#if canImport(Glibc)
    import Glibc
#endif

/// Stage 1 for one stream: takes samples in order at the source's rate and produces signal events and beat windows.
///
///     sample -> usable? -> spikes and pacing pulses removed -> resample to 360 Hz -> mains hum -> condition -> Pan-Tompkins
///            -> R peak -> window of 280 -> [0,1]
///
/// A segment is a run of samples within which the detector and the windows may connect what they see. It ends at a
/// gap, at unusable samples, at a change of rate or lead, and where the signal turns out to be flat or saturated;
/// nothing carries over to the next segment. The only allocations are the history, the resampler's ring, and the
/// signal events and windows of the beats that are waiting to be classified.
struct SignalProcessor: Sendable, Codable, RangeChecked {
    /// Beyond this a sample, in mV, cannot be an ECG, whatever the electrode is doing.
    static let maximumMillivolts: Float = 1_000
    /// Samples at 360 Hz kept for windows: more than the longest search-back.
    static let historyLength = 2_048
    /// A beat is classified only if at most this many samples of its window were bridged (15 %), and none within 50
    /// ms of the R peak.
    static let maximumBridgedInWindow: Int64 = 42
    static let bridgedReach: Int64 = 18
    /// If more than this share of about the last second was missed, short interruptions count as one long
    /// interruption, which ends when the missed share is down to `usableShare`.
    static let unusableShare: Float = 0.6
    static let usableShare: Float = 0.3

    /// How samples are currently handled.
    enum Mode: UInt8, Sendable, Codable {
        /// A segment is in progress.
        case detecting
        /// The signal is flat or saturated: it is watched until it recovers.
        case watching
        /// The electrode is off, or samples are invalid: nothing is analyzed until samples have been usable for a
        /// while.
        case unusable
    }

    var signalEvents: [SignalEvent] = []
    /// Windows of the beats in `signalEvents`, 280 values each, scaled.
    var windows: [Float] = []

    let recoverySeconds: Double
    let bridgedGapSeconds: Double
    let judgesQuality: Bool
    /// Whether this is one lead of several, whose ventricular rhythms are judged together with the others'.
    let isOneOfSeveral: Bool
    var clock = AcquisitionClock()
    @SharedResampler var resampler: Resampler? = nil
    var humFilter = MainsHumFilter()
    var conditionMonitor = SignalConditionMonitor()
    var detector = PanTompkinsDetector()
    var ventricularRhythm = VentricularRhythmDetector()
    var rhythmRule = VentricularRhythmRule()
    /// 360-Hz samples counted by `ventricularRhythm` up to the detector's first sample, and since then.
    var rhythmStart: Int64 = 0
    var rhythmSamples: Int64 = 0
    /// Largest swing in the last 3 s, in mV, as of the latest estimate of rhythm features.
    var swing: Float?
    var history = SampleHistory(capacity: SignalProcessor.historyLength)
    /// Beats whose windows are not complete yet, in order of their R peaks.
    var waiting: [QRSDetection] = []

    var mode = Mode.unusable
    var condition = SignalCondition.good
    var samplingRate: Double = 0
    var recoverySamples: Int64 = 0
    var usableRun: Int64 = 0

    /// Longest interruption that is bridged, in samples at the source rate.
    var bridgeSamples: Int64 = 0
    /// Samples missing or unusable since the last usable one, and the index of the first of them.
    var missing: Int64 = 0
    var missingSince: Int64 = 0
    var missingIsGap = false
    var lastUsable: Float = 0
    /// Running share of recent samples that were missed, 0 ... 1.
    var missedShare: Float = 0
    var missedWeight: Float = 0
    var bridged = BridgedRanges()
    var spikes = SpikeFilter()
    var pulses = PacingPulseFilter()
    var pacing = PacingEvidence()
    /// Pulses of the session that were a pacemaker's, without those that `pacing` counts.
    var earlierPulses: Int64 = 0
    /// Index of the next sample that `spikes` takes, source rate.
    var spikeIndex: Int64 = 0
    /// Unobserved seconds in the session so far.
    var unobservedSeconds: Double = 0
    var detectionEndedAt: Int64 = 0
    /// Source index of the resampler's first input, and the 360-Hz index (counted from there) of the detector's first
    /// sample.
    var resamplerOrigin: Int64 = 0
    var detectorOrigin: Int64 = 0
    /// 360-Hz samples since `resamplerOrigin`.
    var resampled: Int64 = 0
    /// Position 140 samples after the R peak of the first waiting beat, as counted by the detector.
    @FullRange var nextWindowAt: Int64 = .max
    var clockPeriod: Int64 = 90
    var nextClockAt: Int64 = 0

    init(
        recoverySeconds: Double, bridgedGapSeconds: Double = 0.5, judgesQuality: Bool = true,
        isOneOfSeveral: Bool = false
    ) {
        self.isOneOfSeveral = isOneOfSeveral
        self.recoverySeconds = recoverySeconds
        self.bridgedGapSeconds = bridgedGapSeconds
        self.judgesQuality = judgesQuality
        signalEvents.reserveCapacity(16)
        waiting.reserveCapacity(4)
    }

    /// Whether stage 2 can find the windows that the signal events refer to, and all sampling rates are possible
    /// ones.
    var isInRange: Bool {
        let rates = MonitorConfiguration.supportedSamplingRates
        let count = Int32(clamping: windows.count / BeatWindow.length)
        let signalEventsAreValid = signalEvents.allSatisfy { signalEvent in
            switch signalEvent.content {
            case .beat(let finding): finding.window.map { (0..<count).contains($0) } ?? true
            case .segmentStarted(let rate), .signalChanged(let rate): rates.contains(rate)
            default: true
            }
        }
        let hasRate =
            resampler.map { $0.inputRate == samplingRate && rates.contains(samplingRate) } ?? (mode == .unusable)
        return windows.count % BeatWindow.length == 0 && signalEventsAreValid && hasRate
            && (0...10).contains(recoverySeconds) && (0...2).contains(bridgedGapSeconds) && clockPeriod >= 1
            && missing >= 0 && (mode == .unusable || missing <= bridgeSamples) && bridgeSamples <= 4_000
            && rhythmStart >= 0 && rhythmSamples >= rhythmStart && (0...1).contains(missedShare)
            && (0...1).contains(missedWeight) && unobservedSeconds >= 0 && abs(lastUsable) <= Self.maximumMillivolts
            && (mode == .unusable || resampler?.isDrained ?? true) && history.capacity == Self.historyLength
    }

    // MARK: Input of stage 2

    mutating func removeSignalEventsAndWindows() {
        // A long sample block may have left a large capacity behind; ten thousand streams cannot each keep that.
        signalEvents.removeAll(keepingCapacity: signalEvents.capacity <= 8)
        windows.removeAll()
    }

    /// Heap memory of this stream, in bytes, without what it shares with other streams of the same rate.
    var heapBytes: Int {
        signalEvents.capacity * MemoryLayout<SignalEvent>.stride + windows.capacity * MemoryLayout<Float>.stride
            + history.capacity * MemoryLayout<Float>.stride
            + waiting.capacity * MemoryLayout<QRSDetection>.stride
    }

    // MARK: Start and end

    /// - Parameters:
    ///   - earlier: pending signal events and windows, which come first.
    ///   - stamp: acquisition time of the sample `firstIndex`.
    mutating func beginSession(
        _ session: UInt64, after earlier: PendingSignal? = nil, firstIndex: Int64, samplingRate: Double, stamp: Int64
    ) {
        if let earlier { (signalEvents, windows) = (earlier.signalEvents, earlier.windows) }
        begin(at: firstIndex, samplingRate: samplingRate, stamp: stamp)
        add(.sessionStarted(session), at: firstIndex, decidedAt: firstIndex)
        startSegment(at: firstIndex)
    }

    /// Continues a session that another stage 1 has processed up to the sample before `index`: other leads follow.
    ///
    /// - Parameters:
    ///   - earlier: the other's pending signal events and windows, which come first.
    ///   - stamp: acquisition time of the sample `index`.
    ///   - unobserved: unobserved seconds of the session so far.
    mutating func takeOver(
        _ earlier: PendingSignal, at index: Int64, samplingRate: Double, stamp: Int64, unobserved: Double
    ) {
        (signalEvents, windows) = (earlier.signalEvents, earlier.windows)
        begin(at: index, samplingRate: samplingRate, stamp: stamp)
        unobservedSeconds = unobserved
        add(.signalChanged(samplingRate: samplingRate), at: index, decidedAt: index)
        startSegment(at: index)
    }

    /// Ends this stage 1's part of the session: what is from `index` on, another one processes.
    mutating func handOver(at index: Int64) -> PendingSignal {
        cut(at: index)
        return takePending()
    }

    mutating func takePending() -> PendingSignal {
        defer { (signalEvents, windows) = ([], []) }
        return PendingSignal(signalEvents: signalEvents, windows: windows)
    }

    /// Ends the segment.
    mutating func cut(at index: Int64) {
        endSegment(decidedAt: index, cause: .gapAtEdge, observable: false)
        mode = .unusable
    }

    mutating func begin(at index: Int64, samplingRate: Double, stamp: Int64) {
        setRate(samplingRate, firstIndex: index)
        _ = clock.take(stamp: stamp, forSample: index)
        condition = .good
        missing = 0
        unobservedSeconds = 0
        pacing = PacingEvidence()
        earlierPulses = 0
        ventricularRhythm.reset()
        rhythmRule.reset()
        (rhythmStart, rhythmSamples, detectionEndedAt) = (0, 0, index)
    }

    /// Ends the session or the input after the sample before `index`.
    mutating func endSession(before index: Int64) {
        let last = index - 1
        endSegment(decidedAt: last, cause: .endOfSignal, observable: false)
        add(.sessionEnded, at: last, decidedAt: last)
        mode = .unusable
    }

    /// Skips `count` missing samples from `index` on; `stamp` is the acquisition time of the first sample after them.
    ///
    /// - Returns: whether the timestamp ran backwards.
    mutating func skip(gap count: Int64, from index: Int64, stamp: Int64) -> Bool {
        let isBridged =
            mode != .unusable && count <= bridgeSamples - missing && missedShare <= Self.unusableShare
        miss(count, from: index, isGap: true)
        if !isBridged { endSegment(decidedAt: index + count, cause: .gapAtEdge, observable: false) }
        add(.gap(count, isBridged: isBridged), at: index, decidedAt: index + count)
        setClock(firstIndex: index + count)
        let wentBackwards = takeStamp(stamp, forSample: index + count)
        if !isBridged { resume(at: index + count) }
        return wentBackwards
    }

    /// From `index` on, acquired at `stamp`, the samples have a different rate or come from a different lead.
    ///
    /// - Returns: whether the timestamp ran backwards.
    mutating func changeSignal(samplingRate rate: Double, at index: Int64, stamp: Int64) -> Bool {
        endSegment(decidedAt: index, cause: .gapAtEdge, observable: false)
        if rate != samplingRate { setRate(rate, firstIndex: index) }
        // In another lead the pulses have another height.
        earlierPulses += pacing.count
        pacing = PacingEvidence()
        let wentBackwards = takeStamp(stamp, forSample: index)
        add(.signalChanged(samplingRate: rate), at: index, decidedAt: index)
        resume(at: index)
        return wentBackwards
    }

    /// Receives the acquisition time of a sample block's first new sample.
    ///
    /// - Returns: whether it ran backwards.
    mutating func takeStamp(_ stamp: Int64, forSample index: Int64) -> Bool {
        clock.take(stamp: stamp, forSample: index)
    }

    /// When a sample was acquired; 0 if unknown.
    func time(ofSample index: Int64) -> Int64 { clock.time(ofSample: index) }

    mutating func setRate(_ rate: Double, firstIndex: Int64) {
        if rate != samplingRate || resampler == nil { resampler = ResamplerStore.resampler(forRate: rate) }
        samplingRate = rate
        clock.restart(samplingRate: rate)
        recoverySamples = max(1, Int64((recoverySeconds * rate).rounded()))
        bridgeSamples = Int64((bridgedGapSeconds * rate).rounded())
        missedWeight = Float(1 / rate)
        clockPeriod = max(1, Int64((rate / 4).rounded()))
        setClock(firstIndex: firstIndex)
    }

    mutating func setClock(firstIndex: Int64) {
        // Multiples of the period, so that clock events do not depend on where sample blocks begin.
        nextClockAt = (firstIndex + clockPeriod - 1) / clockPeriod * clockPeriod
    }

    /// After a gap or a change of signal, the signal counts as usable until shown otherwise. A signal that was
    /// unusable before stays so until it has recovered; otherwise a lost message would end a lead-off.
    mutating func resume(at index: Int64) {
        if mode == .unusable {
            usableRun = 0
        } else {
            missing = 0
            startSegment(at: index)
        }
    }

    // MARK: Samples

    /// Defects found in the samples of a block.
    struct Defects {
        /// Not a number, infinite or beyond `maximumMillivolts`.
        var invalid = 0
        /// Spikes that were discarded.
        var spikes = 0
    }

    /// - Parameter range: the limits of the source's converter, in mV; nil if unknown.
    mutating func take(
        _ samples: UnsafeBufferPointer<Float>, firstIndex: Int64, leadOff: Bool, range: ClosedRange<Float>? = nil
    ) -> Defects {
        if judgesQuality { conditionMonitor.setRange(range) }
        var defects = Defects()
        var index = firstIndex
        for sample in samples {
            // The comparison is false for NaN.
            let valid = abs(sample) <= Self.maximumMillivolts
            if !valid { defects.invalid += 1 }
            if valid, !leadOff {
                if mode == .unusable { recover(at: index) }
                if mode != .unusable { defects.spikes += takeUsable(sample, at: index) }
            } else {
                takeUnusable(leadOff ? .leadOff : .invalidSamples, at: index)
            }
            if index == nextClockAt {
                nextClockAt = index + clockPeriod
                pulses.expectedHeight = pacing.expectedHeight(at: index, samplingRate: samplingRate)
                add(
                    .clock(
                        WaveformEvidence(
                            ventricularProbability: swing == nil ? nil : rhythmRule.largestRecentProbability,
                            noiseProbability: rhythmRule.largestRecentNoise,
                            swing: swing, pacingPulses: earlierPulses + pacing.count)), at: index, decidedAt: index)
            }
            index += 1
        }
        return defects
    }

    /// - Returns: how many samples were discarded.
    @inline(__always)
    mutating func takeUsable(_ sample: Float, at index: Int64) -> Int {
        if missing > 0 { bridge(to: sample, at: index) }
        missedShare -= missedWeight * missedShare
        lastUsable = sample
        if let ready = pulses.stepAtOnce(sample) { return passSpikes(ready, at: index) }
        // Through a copy, since the closure changes this value, too.
        var filter = pulses
        var count = 0
        let pulse = filter.step(sample) { count += passSpikes($0, at: index) }
        pulses = filter
        if let pulse, !isPacing(pulse.height, at: index - Int64(pulse.samplesAgo)) { count += pulse.sampleCount }
        return count
    }

    /// Records that `count` samples from `index` on were not observed.
    mutating func miss(_ count: Int64, from index: Int64, isGap: Bool) {
        if missing == 0 {
            missingSince = index
            missingIsGap = isGap
        }
        missing += count
        missedShare = 1 - (1 - missedShare) * powf(1 - missedWeight, Float(min(count, 1_000_000)))
        unobservedSeconds += Double(count) / samplingRate
    }

    /// Waits out a short interruption; a longer one ends the segment.
    mutating func takeUnusable(_ cause: SignalCondition, at index: Int64) {
        miss(1, from: index, isGap: false)
        if missing <= bridgeSamples, missedShare <= Self.unusableShare { return }
        usableRun = 0
        // After one long interruption the signal only has to stay usable for `recoverySeconds`.
        if missing > bridgeSamples { missedShare = min(missedShare, Self.usableShare) }
        let since = mode == .unusable ? index : missingSince
        if mode != .unusable {
            endSegment(decidedAt: index, cause: .poorSignal, observable: false)
            mode = .unusable
        }
        setCondition(cause, since: since, decidedAt: index)
    }

    mutating func recover(at index: Int64) {
        missing = 0
        missedShare -= missedWeight * missedShare
        usableRun += 1
        guard usableRun >= recoverySamples, missedShare <= Self.usableShare else { return }
        setCondition(.good, since: index, decidedAt: index)
        startSegment(at: index)
    }

    /// Fills in for unobserved samples with a straight line, in which no beat can be found, so that time advances.
    mutating func bridge(to sample: Float, at index: Int64) {
        releaseSpikes(at: index)
        // A segment that begins with unusable samples has no earlier value to continue from.
        if missingSince <= resamplerOrigin { lastUsable = sample }
        let perSample = InternalSampling.rate / samplingRate
        let first = Int64((Double(missingSince - resamplerOrigin) * perSample).rounded(.down)) - detectorOrigin
        let count = Int64((Double(missing) * perSample).rounded(.up)) + 1
        bridged.add(first: first, count: count, isMissing: missingIsGap)
        spikeIndex += missing
        for step in 1...missing {
            pass(lastUsable + (sample - lastUsable) * Float(step) / Float(missing + 1), at: index)
        }
        missing = 0
    }

    mutating func releaseSpikes(at index: Int64) {
        var pulseFilter = pulses
        pulseFilter.flush { _ = passSpikes($0, at: index) }
        pulses = pulseFilter
        var filter = spikes
        filter.flush { pass($0, at: index) }
        spikes = filter
    }

    /// Removes spikes that are no pulses by themselves, but that may be one upon a QRS complex.
    ///
    /// - Returns: how many samples were discarded.
    @inline(__always)
    mutating func passSpikes(_ sample: Float, at index: Int64) -> Int {
        var filter = spikes
        let count = filter.step(sample) { pass($0, at: index) }
        spikes = filter
        defer { spikeIndex += 1 }
        return count > 0 && isPacing(filter.lastHeight, at: spikeIndex - Int64(count)) ? 0 : count
    }

    /// Whether a pulse of this height at this sample is a pacemaker's.
    mutating func isPacing(_ height: Float, at index: Int64) -> Bool {
        guard pacing.add(at: max(0, index), height: height, samplingRate: samplingRate) else { return false }
        pulses.expectedHeight = pacing.expectedHeight(at: index, samplingRate: samplingRate)
        return true
    }

    @inline(__always)
    mutating func pass(_ sample: Float, at index: Int64) {
        if mode == .watching, condition != .flatLine { unobservedSeconds += 1 / samplingRate }
        resampler?.push(sample)
        while let value = resampler?.next() { step(value, decidedAt: index) }
    }

    /// Processes one sample at 360 Hz.
    mutating func step(_ sample: Float, decidedAt index: Int64) {
        resampled += 1
        let millivolts = judgesQuality ? humFilter.step(sample) : sample
        if judgesQuality,
            let change = conditionMonitor.step(millivolts, leadOff: false, noiseRatio: detector.noiseRatio)
        {
            follow(change, decidedAt: index)
        }
        guard mode == .detecting else { return }
        history.append(millivolts)
        if let detection = detector.step(millivolts) { enqueue(detection) }
        rhythmSamples += 1
        if let estimate = ventricularRhythm.step(millivolts) { follow(estimate, decidedAt: index) }
        if history.endIndex >= nextWindowAt { finishWindow(decidedAt: index) }
    }

    mutating func follow(_ estimate: VentricularRhythmDetector.Estimate, decidedAt index: Int64) {
        swing = estimate.swing
        if isOneOfSeveral {
            return add(
                .rhythmEstimate(estimate), at: sourceIndex(of: detectorOrigin + estimate.sampleIndex - rhythmStart),
                decidedAt: index)
        }
        guard let change = rhythmRule.step(estimate) else { return }
        let since = sourceIndex(of: detectorOrigin + change.sinceIndex - rhythmStart)
        add(
            .ventricularRhythm(change.finding, confidence: change.confidence), at: max(0, min(since, index)),
            decidedAt: index)
    }

    /// Restarts detection of ventricular rhythms; after a short interruption, what was seen before still counts.
    mutating func restartVentricularRhythm(at index: Int64) {
        let missing = max(0, Int64(Double(index - detectionEndedAt) * InternalSampling.rate / samplingRate))
        ventricularRhythm.interrupt(missing: missing)
        rhythmSamples += missing
        rhythmStart = rhythmSamples
        swing = nil
        let before = rhythmRule.finding
        if rhythmRule.interrupt(missing: missing) {
            if before != .none {
                add(.ventricularRhythm(before, confidence: rhythmRule.confidence), at: index, decidedAt: index)
            }
        } else if before != .none {
            add(.ventricularRhythm(.none, confidence: 0), at: index, decidedAt: index)
        }
    }

    mutating func follow(_ change: SignalConditionMonitor.Change, decidedAt index: Int64) {
        let since = sourceIndex(of: change.sinceIndex)
        switch change.condition {
        case .flatLine, .saturation, .leadOff, .invalidSamples:
            if mode == .detecting {
                endDetection(decidedAt: index, cause: .poorSignal, observable: change.condition == .flatLine)
                mode = .watching
            }
            setCondition(change.condition, since: since, decidedAt: index)
        case .good, .noisy:
            setCondition(change.condition, since: since, decidedAt: index)
            if mode == .watching { startDetection(at: index) }
        }
    }
}
