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

    /// A pulse this many seconds before R at most is a ventricular one (wide paced complexes have a late R), or up to
    /// `latePulseSeconds` after R. An atrial one comes up to `atrialPulseSeconds` before R.
    static let ventricularPulseSeconds = 0.16
    static let latePulseSeconds = 0.04
    static let atrialPulseSeconds = 0.35
    /// A detection within this time after a pulse, and smaller than this share of it, is no beat.
    static let residueSeconds = 0.045
    static let residueShare: Float = 0.08

    /// How samples are currently handled.
    private enum Mode: UInt8, Sendable, Codable {
        /// A segment is in progress.
        case detecting
        /// The signal is flat or saturated: it is watched until it recovers.
        case watching
        /// The electrode is off, or samples are invalid: nothing is analyzed until samples have been usable for a
        /// while.
        case unusable
    }

    private(set) var signalEvents: [SignalEvent] = []
    /// Windows of the beats in `signalEvents`, 280 values each, scaled.
    private(set) var windows: [Float] = []

    private let recoverySeconds: Double
    private let bridgedGapSeconds: Double
    private let judgesQuality: Bool
    /// Whether this is one lead of several, whose ventricular rhythms are judged together with the others'.
    private let isOneOfSeveral: Bool
    private var clock = AcquisitionClock()
    @SharedResampler private var resampler: Resampler? = nil
    private var humFilter = MainsHumFilter()
    private var conditionMonitor = SignalConditionMonitor()
    private var detector = PanTompkinsDetector()
    private var ventricularRhythm = VentricularRhythmDetector()
    private var rhythmRule = VentricularRhythmRule()
    /// 360-Hz samples counted by `ventricularRhythm` up to the detector's first sample, and since then.
    private var rhythmStart: Int64 = 0
    private var rhythmSamples: Int64 = 0
    /// Largest swing in the last 3 s, in mV, as of the latest row of rhythm features.
    private var swing: Float?
    private var history = SampleHistory(capacity: SignalProcessor.historyLength)
    /// Beats whose windows are not complete yet, in order of their R peaks.
    private var waiting: [QRSDetection] = []

    private var mode = Mode.unusable
    private var condition = SignalCondition.good
    private var samplingRate: Double = 0
    private var recoverySamples: Int64 = 0
    private var usableRun: Int64 = 0

    /// Longest interruption that is bridged, in samples at the source rate.
    private var bridgeSamples: Int64 = 0
    /// Samples missing or unusable since the last usable one, and the index of the first of them.
    private var missing: Int64 = 0
    private var missingSince: Int64 = 0
    private var missingIsGap = false
    private var lastUsable: Float = 0
    /// Running share of recent samples that were missed, 0 ... 1.
    private var missedShare: Float = 0
    private var missedWeight: Float = 0
    private var bridged = BridgedRanges()
    private var spikes = SpikeFilter()
    private var pulses = PacingPulseFilter()
    private var pacing = PacingEvidence()
    /// Pulses of the session that were a pacemaker's, without those that `pacing` counts.
    private var earlierPulses: Int64 = 0
    /// Index of the next sample that `spikes` takes, source rate.
    private var spikeIndex: Int64 = 0
    /// Unobserved seconds in the session so far.
    private(set) var unobservedSeconds: Double = 0
    private var detectionEndedAt: Int64 = 0
    /// Source index of the resampler's first input, and the 360-Hz index (counted from there) of the detector's first
    /// sample.
    private var resamplerOrigin: Int64 = 0
    private var detectorOrigin: Int64 = 0
    /// 360-Hz samples since `resamplerOrigin`.
    private var resampled: Int64 = 0
    /// Position 140 samples after the R peak of the first waiting beat, as counted by the detector.
    @FullRange private var nextWindowAt: Int64 = .max
    private var clockPeriod: Int64 = 90
    private var nextClockAt: Int64 = 0

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
            && rhythmStart >= 0 && rhythmSamples >= rhythmStart && (0...1).contains(missedShare) && (0...1).contains(missedWeight) && unobservedSeconds >= 0 && abs(lastUsable) <= Self.maximumMillivolts
            && (mode == .unusable || resampler?.isDrained ?? true) && history.capacity == Self.historyLength
    }

    // MARK: Input of stage 2

    mutating func removeSignalEventsAndWindows() {
        // A long sample block may have left a large capacity behind; ten thousand streams cannot each keep that.
        signalEvents.removeAll(keepingCapacity: signalEvents.capacity <= 64)
        windows.removeAll(keepingCapacity: windows.capacity <= 8 * BeatWindow.length)
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

    private mutating func begin(at index: Int64, samplingRate: Double, stamp: Int64) {
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

    private mutating func setRate(_ rate: Double, firstIndex: Int64) {
        if rate != samplingRate || resampler == nil { resampler = ResamplerStore.resampler(forRate: rate) }
        samplingRate = rate
        clock.restart(samplingRate: rate)
        recoverySamples = max(1, Int64((recoverySeconds * rate).rounded()))
        bridgeSamples = Int64((bridgedGapSeconds * rate).rounded())
        missedWeight = Float(1 / rate)
        clockPeriod = max(1, Int64((rate / 4).rounded()))
        setClock(firstIndex: firstIndex)
    }

    private mutating func setClock(firstIndex: Int64) {
        // Multiples of the period, so that clock events do not depend on where sample blocks begin.
        nextClockAt = (firstIndex + clockPeriod - 1) / clockPeriod * clockPeriod
    }

    /// After a gap or a change of signal, the signal counts as usable until shown otherwise. A signal that was
    /// unusable before stays so until it has recovered; otherwise a lost message would end a lead-off.
    private mutating func resume(at index: Int64) {
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
                            swing: swing, pacingPulses: earlierPulses + pacing.count)), at: index, decidedAt: index)
            }
            index += 1
        }
        return defects
    }

    /// - Returns: how many samples were discarded.
    @inline(__always)
    private mutating func takeUsable(_ sample: Float, at index: Int64) -> Int {
        if missing > 0 { bridge(to: sample, at: index) }
        missedShare -= missedWeight * missedShare
        lastUsable = sample
        var filter = pulses
        var count = 0
        let pulse = filter.step(sample) { count += passSpikes($0, at: index) }
        pulses = filter
        if let pulse, !isPacing(pulse.height, at: index - Int64(pulse.samplesAgo)) { count += pulse.sampleCount }
        return count
    }

    /// Records that `count` samples from `index` on were not observed.
    private mutating func miss(_ count: Int64, from index: Int64, isGap: Bool) {
        if missing == 0 {
            missingSince = index
            missingIsGap = isGap
        }
        missing += count
        missedShare = 1 - (1 - missedShare) * powf(1 - missedWeight, Float(min(count, 1_000_000)))
        unobservedSeconds += Double(count) / samplingRate
    }

    /// Waits out a short interruption; a longer one ends the segment.
    private mutating func takeUnusable(_ cause: SignalCondition, at index: Int64) {
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

    private mutating func recover(at index: Int64) {
        missing = 0
        missedShare -= missedWeight * missedShare
        usableRun += 1
        guard usableRun >= recoverySamples, missedShare <= Self.usableShare else { return }
        setCondition(.good, since: index, decidedAt: index)
        startSegment(at: index)
    }

    /// Fills in for unobserved samples with a straight line, in which no beat can be found, so that time advances.
    private mutating func bridge(to sample: Float, at index: Int64) {
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

    private mutating func releaseSpikes(at index: Int64) {
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
    private mutating func passSpikes(_ sample: Float, at index: Int64) -> Int {
        var filter = spikes
        let count = filter.step(sample) { pass($0, at: index) }
        spikes = filter
        defer { spikeIndex += 1 }
        return count > 0 && isPacing(filter.lastHeight, at: spikeIndex - Int64(count)) ? 0 : count
    }

    /// Whether a pulse of this height at this sample is a pacemaker's.
    private mutating func isPacing(_ height: Float, at index: Int64) -> Bool {
        guard pacing.add(at: max(0, index), height: height, samplingRate: samplingRate) else { return false }
        pulses.expectedHeight = pacing.expectedHeight(at: index, samplingRate: samplingRate)
        return true
    }

    /// Whether a detection is only what a removed pulse left behind: the overshoot of a low-pass filter is about 4 % of
    /// the pulse. A stimulated QRS complex has its R peak later.
    private func isPulseResidue(_ detection: QRSDetection) -> Bool {
        let index = sourceIndex(of: detectorOrigin + detection.rPeakIndex)
        let height = pacing.expectedHeight(at: index, samplingRate: samplingRate)
        guard height != 0, abs(detection.amplitude) < Self.residueShare * abs(height) else { return false }
        let (reach, early) = (Int64(Self.residueSeconds * samplingRate), Int64(0.01 * samplingRate))
        return pacing.hasPulse(in: index - reach...index + early)
    }

    /// What a pacemaker did before a beat.
    private func pacing(ofBeatAt index: Int64) -> BeatPacing {
        func samples(_ seconds: Double) -> Int64 { Int64((seconds * samplingRate).rounded()) }
        let ventricular = index - samples(Self.ventricularPulseSeconds)
        return BeatPacing(
            ventricular: pacing.hasPulse(in: ventricular...index + samples(Self.latePulseSeconds)),
            atrial: pacing.hasPulse(in: index - samples(Self.atrialPulseSeconds)...ventricular - 1))
    }

    @inline(__always)
    private mutating func pass(_ sample: Float, at index: Int64) {
        if mode == .watching, condition != .flatLine { unobservedSeconds += 1 / samplingRate }
        resampler?.push(sample)
        while let value = resampler?.next() { step(value, decidedAt: index) }
    }

    /// Processes one sample at 360 Hz.
    private mutating func step(_ sample: Float, decidedAt index: Int64) {
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
        if let row = ventricularRhythm.step(millivolts) { follow(row, decidedAt: index) }
        if history.endIndex >= nextWindowAt { finishWindow(decidedAt: index) }
    }

    private mutating func follow(_ row: VentricularRhythmDetector.Row, decidedAt index: Int64) {
        swing = row.swing
        if isOneOfSeveral {
            return add(
                .rhythmRow(row), at: sourceIndex(of: detectorOrigin + row.sampleIndex - rhythmStart), decidedAt: index)
        }
        guard let change = rhythmRule.step(row) else { return }
        let since = sourceIndex(of: detectorOrigin + change.sinceIndex - rhythmStart)
        add(
            .ventricularRhythm(change.finding, confidence: change.confidence), at: max(0, min(since, index)),
            decidedAt: index)
    }

    /// Restarts detection of ventricular rhythms; after a short interruption, what was seen before still counts.
    private mutating func restartVentricularRhythm(at index: Int64) {
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

    private mutating func follow(_ change: SignalConditionMonitor.Change, decidedAt index: Int64) {
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

    // MARK: Segments

    private mutating func startSegment(at index: Int64) {
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

    private mutating func startDetection(at index: Int64) {
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
    private mutating func endSegment(decidedAt index: Int64, cause: NotClassifiedCause, observable: Bool) {
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

    private mutating func endDetection(decidedAt index: Int64, cause: NotClassifiedCause, observable: Bool) {
        for detection in detector.flush() { enqueue(detection) }
        for detection in waiting { emit(detection, decidedAt: index, ifIncomplete: cause) }
        waiting.removeAll(keepingCapacity: true)
        nextWindowAt = .max
        detectionEndedAt = index
        swing = nil
        add(.segmentEnded(observable: observable), at: index, decidedAt: index)
    }

    // MARK: Beats

    private mutating func enqueue(_ detection: QRSDetection) {
        if isPulseResidue(detection) { return }
        waiting.append(detection)
        if waiting.count == 1 { nextWindowAt = detection.rPeakIndex + Int64(BeatWindow.samplesFromRPeak) }
    }

    private mutating func finishWindow(decidedAt index: Int64) {
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
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.swingReach * 2 + Self.swingRise) { samples in
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
    private static let swingReach = 29
    private static let swingRise = 14

    private func detectorIndex(of sampleIndex: Int64) -> Int64 {
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

    private mutating func emit(
        _ detection: QRSDetection, decidedAt index: Int64, ifIncomplete cause: NotClassifiedCause
    ) {
        var finding = BeatFinding(
            window: nil, notClassifiedBecause: nil, amplitude: detection.amplitude,
            foundBySearchBack: detection.foundBySearchBack, noiseRatio: detector.noiseRatio)
        let rPeak = detection.rPeakIndex
        finding.pacing = pacing(ofBeatAt: sourceIndex(of: detectorOrigin + rPeak))
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

    // MARK: Signal events

    private mutating func setCondition(_ new: SignalCondition, since: Int64, decidedAt: Int64) {
        guard new != condition else { return }
        condition = new
        add(.condition(new), at: since, decidedAt: decidedAt)
    }

    private mutating func add(_ content: SignalEvent.Content, at index: Int64, decidedAt: Int64) {
        signalEvents.append(
            SignalEvent(
                sampleIndex: index, decidedAt: decidedAt, time: clock.time(ofSample: index),
                unobservedSeconds: unobservedSeconds, content: content))
    }

    /// - Parameter index: at 360 Hz, counted from the resampler's first output.
    private func sourceIndex(of index: Int64) -> Int64 {
        guard let resampler else { return resamplerOrigin }
        return resamplerOrigin + Int64(resampler.inputIndex(ofOutput: index).rounded())
    }
}
