public import ECGATKGAN
public import ECGClassification
internal import ECGSignal
internal import StateCoding

/// Processes one patient's ECG from samples to alerts: a value without clock, socket or file. Time is the sample
/// index, and events are a function of the samples alone, however they were divided into blocks and whatever else the
/// process does.
///
/// It works in two stages so that the beats of many patients can be classified in one batch:
///
///     let receipt = try monitor.append(segment)                     // stage 1: up to the beats' windows
///     classifier.classify(windows of many monitors, into: answers)
///     monitor.resolve(itsAnswers, events: &events)                   // stage 2: classes, rhythm, suspicion, alerts
///
/// `process` does both for one stream. Each `append` that accepted samples must soon be followed by a `resolve`, even
/// if no window is pending: it produces the alerts that need no beat, such as asystole.
///
/// The state of a stream is small: see `memoryFootprint`. Nothing is allocated per sample; each beat's window and
/// each quarter of a second of signal are appended to arrays that keep their capacity.
///
/// `Codable` is synthesized by the compiler, so `snapshot` cannot omit a field.
public struct PatientMonitor: Sendable, Codable {
    public private(set) var configuration: MonitorConfiguration
    private var order = BlockOrder()
    @Uncoded private var reorderBuffer = ReorderBuffer()
    /// Stage 1; tests read its signal events to give beats their true class.
    private(set) var processor: SignalStage
    private var analyzer: ArrhythmiaAnalyzer
    private var silence = SilenceAlert()

    /// - Parameter configuration: limits that pass `MonitorConfiguration.validate`.
    public init(configuration: MonitorConfiguration = MonitorConfiguration()) {
        self.configuration = configuration
        processor = SignalStage(configuration)
        analyzer = ArrhythmiaAnalyzer(configuration)
    }

    /// The session being monitored; nil before the first sample block.
    public var session: UInt64? { order.hasStarted ? order.session : nil }

    /// Index of the next expected sample.
    public var nextSampleIndex: Int64 { order.nextIndex }

    // MARK: Stage 1

    /// Receives a sample block: drops duplicate samples, buffers samples that arrived early, reports gaps, detects
    /// beats and extracts their windows.
    ///
    /// A block that arrives early stays in the reorder buffer until the missing samples before it have arrived, or
    /// until the buffer extends more than `MonitorConfiguration.reorderSeconds` beyond the next expected sample: then
    /// the first hole is a gap and the samples after it are processed. Blocks reordered within that window therefore
    /// give the same events as in their correct order.
    ///
    /// A larger session number ends the current session, including its buffered samples, and begins the new one. A
    /// different sampling rate or other leads within a session restarts detection rather than being rejected: a bedside
    /// monitor that switches its filter or electrode must not go blind.
    ///
    /// - Parameter passing: called with each block that is processed, whether this one or a buffered one, in sample
    ///   order, and with the number of duplicate samples at its start.
    /// - Throws: why the whole block was rejected. Nothing has changed in that case.
    public mutating func append(
        _ block: SampleBlock, passing: (_ block: SampleBlock, _ skipped: Int) -> Void = { _, _ in }
    ) throws(BlockRejection) -> BlockReceipt {
        try order.check(block, limits: configuration)
        var receipt = BlockReceipt()
        if order.samplesMissing(before: block) > 0 {
            receipt.duplicateSamplesDropped = reorderBuffer.insert(block)
        } else {
            if order.endsSession(block) { release(all: true, &receipt, passing) }
            pass(block, &receipt, passing)
            if !reorderBuffer.isEmpty { receipt.reorderedSamples = releaseConnected(&receipt, passing) }
        }
        if !reorderBuffer.isEmpty { release(all: false, &receipt, passing) }
        receipt.bufferedSamples = reorderBuffer.sampleCount
        receipt.nextSampleIndex = order.nextIndex
        return receipt
    }

    /// Releases the reorder buffer without further waiting: the samples missing before it are a gap. For a source
    /// that has fallen silent; call `resolve` afterwards.
    public mutating func releaseReordered(
        passing: (_ block: SampleBlock, _ skipped: Int) -> Void = { _, _ in }
    ) -> BlockReceipt {
        var receipt = BlockReceipt()
        release(all: true, &receipt, passing)
        receipt.nextSampleIndex = order.nextIndex
        return receipt
    }

    /// Number of samples in the reorder buffer.
    public var bufferedSampleCount: Int { reorderBuffer.sampleCount }

    /// Releases buffered samples that follow the last sample without a hole.
    ///
    /// - Returns: how many samples were released.
    private mutating func releaseConnected(
        _ receipt: inout BlockReceipt, _ passing: (_ block: SampleBlock, _ skipped: Int) -> Void
    ) -> Int {
        let before = receipt.acceptedSamples
        while let first = reorderBuffer.firstIndex, first <= order.nextIndex { pass(reorderBuffer.removeFirst(), &receipt, passing) }
        return receipt.acceptedSamples - before
    }

    /// Releases samples beyond holes: those that cannot wait any longer, or all.
    private mutating func release(
        all: Bool, _ receipt: inout BlockReceipt, _ passing: (_ block: SampleBlock, _ skipped: Int) -> Void
    ) {
        while !reorderBuffer.isEmpty {
            let window = Int64((configuration.reorderSeconds * order.samplingRate).rounded())
            guard all || reorderBuffer.isOverfull(from: order.nextIndex, window: window) else { return }
            pass(reorderBuffer.removeFirst(), &receipt, passing)
            _ = releaseConnected(&receipt, passing)
        }
    }

    /// Passes a sample block on to be processed.
    private mutating func pass(
        _ block: SampleBlock, _ receipt: inout BlockReceipt,
        _ passing: (_ block: SampleBlock, _ skipped: Int) -> Void
    ) {
        let expected = order.nextIndex
        let admission = order.admit(block)
        receipt.duplicateSamplesDropped += admission.duplicates
        let accepted = block.millivolts.count - admission.duplicates
        guard accepted > 0 else { return }
        receipt.acceptedSamples += accepted
        if admission.sessionChanged { receipt.sessionChanged = true }
        if admission.signalChanged { receipt.signalChanged = true }

        let rate = order.samplingRate
        let first = block.firstSampleIndex + Int64(admission.duplicates)
        let stamp = AcquisitionClock.advance(
            block.acquisitionTimeNanoseconds, bySamples: Int64(admission.duplicates), 1e9 / rate)
        if admission.isFirst || admission.sessionChanged {
            if admission.sessionChanged { processor.endSession(before: expected) }
            processor.beginSession(block, firstIndex: first, samplingRate: rate, stamp: stamp)
        } else {
            if admission.gap > 0 {
                receipt.gaps.append(Gap(firstMissingSampleIndex: expected, missingSampleCount: admission.gap))
                if processor.skip(gap: admission.gap, from: expected, stamp: stamp) { receipt.timeWentBackwards = true }
            }
            if admission.signalChanged, processor.changeSignal(to: block, samplingRate: rate, at: first, stamp: stamp)
            {
                receipt.timeWentBackwards = true
            }
            if processor.takeStamp(stamp, forSample: first) { receipt.timeWentBackwards = true }
        }
        let defects = processor.take(block, skipping: admission.duplicates, firstIndex: first)
        receipt.invalidSamples += defects.invalid
        receipt.spikeSamples += defects.spikes
        silence.samplesCame()
        passing(block, admission.duplicates)
    }

    /// Ends the input: buffered samples are processed, beats that are still undecided or whose windows are incomplete
    /// become pending, and the session ends. A final `resolve` produces the events. Nothing may be appended afterwards.
    public mutating func endInput() {
        guard order.hasStarted else { return }
        _ = releaseReordered()
        processor.endSession(before: order.nextIndex)
    }

    /// Number of beats waiting to be classified.
    public var pendingWindowCount: Int { processor.windows.count / BeatWindow.length }

    /// Copies the windows of these beats, in order: `pendingWindowCount` x 280 values in [0,1].
    public func copyPendingWindows(to destination: UnsafeMutableBufferPointer<Float>) {
        precondition(destination.count >= processor.windows.count, "the destination holds pendingWindowCount windows")
        _ = destination.update(fromContentsOf: processor.windows)
    }

    /// Appends these windows to an array.
    ///
    /// Mutating only so that a monitor in a class is read in place: the compiler copies all of it for a method that
    /// does not mutate.
    ///
    /// - Returns: their number.
    public mutating func appendPendingWindows(to array: inout [Float]) -> Int {
        array.append(contentsOf: processor.windows)
        return processor.windows.count / BeatWindow.length
    }

    /// The session and the index of the next sample; mutating for the same reason.
    public mutating func progress() -> (session: UInt64, nextSampleIndex: Int64) {
        (session ?? 0, nextSampleIndex)
    }

    // MARK: Stage 2

    /// Decides all events up to the last sample.
    ///
    /// - Parameters:
    ///   - classifications: classification of each pending window on its own, in order.
    ///   - contextual: the contextual classifier, which combines each window's classification with rhythm and patient
    ///     context; if nil, the window's classification is final.
    ///   - gradient: of the loss of the network that classified the windows; if nil, no attack is suspected.
    ///   - events: the events are appended, in the order in which they were decided.
    public mutating func resolve(
        _ classifications: UnsafeBufferPointer<BeatClassification>, contextual: ContextualClassifier? = nil,
        gradient: LossGradient? = nil, events: inout [MonitorEvent]
    ) {
        precondition(classifications.count == pendingWindowCount, "one classification for each pending window")
        silence.endIfSamplesCame(events: &events)
        analyzer.process(
            processor.signalEvents, windows: processor.windows, classifications, contextual: contextual,
            gradient: gradient, events: &events)
        processor.removeSignalEventsAndWindows()
    }

    // MARK: Input other than samples

    /// Applies an operator's command. It takes effect after the last sample: the same samples up to there and the
    /// same command produce the same events, however the samples were divided into blocks.
    ///
    /// - Parameters:
    ///   - command: validated here; an invalid one changes nothing.
    ///   - events: resulting events are appended.
    /// - Returns: the outcome; nil before the first sample.
    /// - Precondition: everything appended has been resolved.
    public mutating func apply(_ command: AlarmCommand, events: inout [MonitorEvent]) -> AlarmCommandOutcome? {
        precondition(processor.signalEvents.isEmpty, "resolve comes before a command")
        guard order.hasStarted else { return nil }
        let last = order.nextIndex - 1
        var outcome = analyzer.apply(
            command, at: last, time: processor.time(ofSample: last), policy: configuration.alarms, events: &events)
        if let lost = silence.apply(command, outcome.result, events: &events) {
            outcome.alerts.append(lost.alert)
            if lost.isAcknowledged {
                outcome.acknowledged += 1
                outcome.result = .done
            }
        }
        return outcome
    }

    /// Applies new limits after the last sample of a running stream: alerts whose kind is switched off end now; the
    /// others follow the new limits from the next beat on. `recoverySeconds` and the suspicion's settings do not
    /// change.
    ///
    /// - Parameters:
    ///   - new: limits that pass `MonitorConfiguration.validate`.
    ///   - events: resulting events are appended.
    /// - Precondition: everything appended has been resolved.
    public mutating func configure(_ new: MonitorConfiguration, events: inout [MonitorEvent]) {
        precondition(processor.signalEvents.isEmpty, "resolve comes before other limits")
        putIntoForce(new, events: &events)
    }

    /// The same, applied before what is waiting to be resolved.
    mutating func putIntoForce(_ new: MonitorConfiguration, events: inout [MonitorEvent]) {
        configuration = new
        let last = order.hasStarted ? order.nextIndex - 1 : 0
        analyzer.configure(new, at: last, time: order.hasStarted ? processor.time(ofSample: last) : 0, events: &events)
    }

    mutating func restoreLimits() { analyzer.restoreLimits(configuration) }

    /// From here on, records the contextual classifier's input for each beat until it is taken.
    public mutating func observeBeats() { analyzer.beats.observed = analyzer.beats.observed ?? [] }

    /// The beats resolved since the last call, if they are being observed.
    public mutating func takeObservedBeats() -> [ObservedBeat] {
        guard let observed = analyzer.beats.observed else { return [] }
        analyzer.beats.observed = []
        return observed
    }

    /// From here on, records the features of the atrial fibrillation rule for each beat until they are taken.
    public mutating func observeRhythm() {
        analyzer.atrialFibrillation.observed = analyzer.atrialFibrillation.observed ?? []
    }

    /// The features recorded since the last call, if they are being recorded.
    public mutating func takeObservedRhythm() -> [ObservedRhythm] {
        guard let observed = analyzer.atrialFibrillation.observed else { return [] }
        analyzer.atrialFibrillation.observed = []
        return observed
    }

    // MARK: The wall clock

    /// Reports that no samples have arrived for too long by the caller's clock: the alert `signalLost` starts, with
    /// the basis `wallClock`. The first `resolve` after new samples ends it.
    ///
    /// Before calling this, release the reorder buffer (`releaseReordered`) and resolve the result.
    ///
    /// This is not a function of the samples, and nothing else depends on it: alerts with this basis have their own
    /// numbers.
    ///
    /// - Parameters:
    ///   - seconds: how long nothing has arrived, for the text.
    ///   - events: the event is appended; none if the alert is already active or no sample ever arrived.
    public mutating func reportSignalLost(forSeconds seconds: Double, events: inout [MonitorEvent]) {
        guard order.hasStarted else { return }
        let last = order.nextIndex - 1
        silence.start(
            session: order.session, lastIndex: last, time: processor.time(ofSample: last), samplingRate: order.samplingRate,
            seconds: seconds, events: &events)
    }

    // MARK: Memory

    /// Bytes used by this stream: the value itself and its own heap storage, without the filter tables shared by all
    /// streams of the same rate.
    public var memoryFootprint: Int {
        MemoryLayout<PatientMonitor>.size + processor.heapBytes + reorderBuffer.heapBytes + analyzer.heapBytes
    }
}
