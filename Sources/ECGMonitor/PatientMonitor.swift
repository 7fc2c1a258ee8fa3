public import ECGATKGAN
internal import ECGSignal
internal import StateCoding

/// One patient's way from samples to alerts: a value without clock, socket or file. Time is the sample index, and the
/// events are a function of the samples alone, however they were cut into segments and whatever else the process does.
///
/// It works in two stages, so that the beats of many patients can be classified in one batch:
///
///     let receipt = try monitor.append(segment)                     // stage 1: up to the beats' windows
///     classifier.classify(windows of many monitors, into: answers)
///     monitor.resolve(itsAnswers, events: &events)                   // stage 2: classes, rhythm, suspicion, alerts
///
/// `process` does both for one stream. After each `append` that accepted samples there must be a `resolve` before long,
/// also where no window is pending: alerts that need no beat, asystole for one, come out of it.
///
/// The state of a stream is small: see `memoryFootprint`. Nothing is allocated for a sample; a beat's window and a
/// quarter of a second of signal each append to arrays that keep their capacity.
///
/// `Codable` by the compiler, so that `snapshot` forgets no field.
public struct PatientMonitor: Sendable, Codable {
    public private(set) var configuration: MonitorConfiguration
    private var order = BlockOrder()
    @Uncoded private var reorderBuffer = ReorderBuffer()
    /// Stage 1, whose marks tests read to give beats their true class.
    private(set) var processor: SignalProcessor
    private var analyzer: ArrhythmiaAnalyzer
    private var silence = SilenceAlert()

    /// - Parameter configuration: limits that pass `MonitorConfiguration.validate`.
    public init(configuration: MonitorConfiguration = MonitorConfiguration()) {
        self.configuration = configuration
        processor = SignalProcessor(
            recoverySeconds: configuration.recoverySeconds, bridgedGapSeconds: configuration.bridgedGapSeconds,
            judgesQuality: configuration.judgesSignalQuality)
        analyzer = ArrhythmiaAnalyzer(configuration)
    }

    /// The session whose samples are watched; nil before the first segment.
    public var session: UInt64? { order.hasStarted ? order.session : nil }

    /// Index of the sample expected next.
    public var nextSampleIndex: Int64 { order.nextIndex }

    // MARK: Stage 1

    /// Takes a segment: drops what came before, holds what lies ahead, reports what is missing, finds the beats and
    /// cuts out their windows.
    ///
    /// A segment that lies ahead is held until what is missing before it has come, or until what is held reaches
    /// further than `MonitorConfiguration.reorderSeconds` beyond the sample expected next: then the first hole is a gap
    /// and what comes after it goes on. So segments that change places within that window give the same events as in
    /// their right order.
    ///
    /// A larger session number ends the session that is watched, with what is held, and begins the new one. Another
    /// sampling rate or lead within a session starts detection afresh rather than being refused: a bedside that
    /// switches its filter or electrode must not go blind.
    ///
    /// - Parameter passing: called with each segment that goes on its way, this one or one that was held, in the order
    ///   of the samples, and with how many samples at its front had come before.
    /// - Throws: why the segment was refused as a whole. Nothing has changed then.
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

    /// What is held waits no longer: what is missing before it is a gap. For a source that has fallen silent; `resolve`
    /// comes after it.
    public mutating func releaseReordered(
        passing: (_ block: SampleBlock, _ skipped: Int) -> Void = { _, _ in }
    ) -> BlockReceipt {
        var receipt = BlockReceipt()
        release(all: true, &receipt, passing)
        receipt.nextSampleIndex = order.nextIndex
        return receipt
    }

    /// Samples that are held.
    public var bufferedSampleCount: Int { reorderBuffer.sampleCount }

    /// Lets go what follows without a hole upon the last sample.
    ///
    /// - Returns: how many samples that were.
    private mutating func releaseConnected(
        _ receipt: inout BlockReceipt, _ passing: (_ block: SampleBlock, _ skipped: Int) -> Void
    ) -> Int {
        let before = receipt.acceptedSamples
        while let first = reorderBuffer.firstIndex, first <= order.nextIndex { pass(reorderBuffer.removeFirst(), &receipt, passing) }
        return receipt.acceptedSamples - before
    }

    /// Lets go, beyond holes, what cannot wait any longer, or all.
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

    /// Sends a segment on its way.
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
            processor.beginSession(block.session, firstIndex: first, samplingRate: rate, stamp: stamp)
        } else {
            if admission.gap > 0 {
                receipt.gaps.append(Gap(firstMissingSampleIndex: expected, missingSampleCount: admission.gap))
                if processor.skip(gap: admission.gap, from: expected, stamp: stamp) { receipt.timeWentBackwards = true }
            }
            if admission.signalChanged, processor.changeSignal(samplingRate: rate, at: first, stamp: stamp) {
                receipt.timeWentBackwards = true
            }
            if processor.takeStamp(stamp, forSample: first) { receipt.timeWentBackwards = true }
        }
        let defects = block.millivolts.withUnsafeBufferPointer { samples in
            processor.take(
                UnsafeBufferPointer(rebasing: samples[admission.duplicates...]), firstIndex: first,
                leadOff: block.leadOff, range: block.range)
        }
        receipt.invalidSamples += defects.invalid
        receipt.spikeSamples += defects.spikes
        silence.samplesCame()
        passing(block, admission.duplicates)
    }

    /// The input is over: what is held goes on, beats that are still undecided or wait for their window become pending,
    /// and the session ends. A last `resolve` brings the events. Nothing may be appended afterwards.
    public mutating func endInput() {
        guard order.hasStarted else { return }
        _ = releaseReordered()
        processor.endSession(before: order.nextIndex)
    }

    /// Beats that wait for their class.
    public var pendingWindowCount: Int { processor.windows.count / BeatWindow.length }

    /// Copies the windows of these beats, in their order: `pendingWindowCount` x 280 values in [0,1].
    public func copyPendingWindows(to destination: UnsafeMutableBufferPointer<Float>) {
        precondition(destination.count >= processor.windows.count, "the destination holds pendingWindowCount windows")
        _ = destination.update(fromContentsOf: processor.windows)
    }

    // MARK: Stage 2

    /// Decides all events up to the last sample.
    ///
    /// - Parameters:
    ///   - classifications: of the pending windows, in their order, each for itself.
    ///   - join: makes of them the beats' classes, in the light of the rhythm and of the patient's own beats; nil: they
    ///     are.
    ///   - events: the events are appended, in the order in which they were decided.
    public mutating func resolve(
        _ classifications: UnsafeBufferPointer<BeatClassification>, contextual: ContextualClassifier? = nil,
        events: inout [MonitorEvent]
    ) {
        precondition(classifications.count == pendingWindowCount, "one classification for each pending window")
        silence.endIfSamplesCame(events: &events)
        analyzer.process(processor.signalEvents, windows: processor.windows, classifications, contextual: contextual, events: &events)
        processor.removeSignalEventsAndWindows()
    }

    // MARK: What is not samples

    /// Does what a person decided. It takes effect after the last sample: with the same samples up to there and the
    /// same command the same events come, however the samples were cut.
    ///
    /// - Parameters:
    ///   - command: checked here; one that is not right changes nothing.
    ///   - events: what it changes is appended.
    /// - Returns: what became of it; nil before the first sample.
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

    /// Puts other limits into force after the last sample, for a stream that goes on: alerts whose kind is switched off
    /// now end, the others follow the new limits from the next beat on. `recoverySeconds` and the suspicion's settings
    /// stay as they were.
    ///
    /// - Parameters:
    ///   - new: limits that pass `MonitorConfiguration.validate`.
    ///   - events: what it changes is appended.
    /// - Precondition: everything appended has been resolved.
    public mutating func configure(_ new: MonitorConfiguration, events: inout [MonitorEvent]) {
        precondition(processor.signalEvents.isEmpty, "resolve comes before other limits")
        putIntoForce(new, events: &events)
    }

    /// The same, before what waits to be resolved.
    mutating func putIntoForce(_ new: MonitorConfiguration, events: inout [MonitorEvent]) {
        configuration = new
        let last = order.hasStarted ? order.nextIndex - 1 : 0
        analyzer.configure(new, at: last, time: order.hasStarted ? processor.time(ofSample: last) : 0, events: &events)
    }

    mutating func restoreLimits() { analyzer.restoreLimits(configuration) }

    /// Keeps, from here on, what the join is given of each beat, until it is taken.
    public mutating func observeBeats() { analyzer.beats.observed = analyzer.beats.observed ?? [] }

    /// The beats resolved since the last call, if they are observed.
    public mutating func takeObservedBeats() -> [ObservedBeat] {
        guard let observed = analyzer.beats.observed else { return [] }
        analyzer.beats.observed = []
        return observed
    }

    // MARK: The wall clock

    /// Whoever waits for samples has waited too long: the alert `signalLost` starts, with the basis `wallClock`. The
    /// first `resolve` after new samples ends it.
    ///
    /// Whoever says so has let go what is held (`releaseReordered`), and resolved it.
    ///
    /// This is not a function of the samples, and nothing else depends on it: alerts of this basis have their own
    /// numbers.
    ///
    /// - Parameters:
    ///   - seconds: how long nothing came, for the text.
    ///   - events: the event is appended; none if the alert is active already or no sample ever came.
    public mutating func reportSignalLost(forSeconds seconds: Double, events: inout [MonitorEvent]) {
        guard order.hasStarted else { return }
        let last = order.nextIndex - 1
        silence.start(
            session: order.session, lastIndex: last, time: processor.time(ofSample: last), samplingRate: order.samplingRate,
            seconds: seconds, events: &events)
    }

    // MARK: Memory

    /// Bytes that this stream holds: the value itself and its own heap storage. Filter tables that all streams of a
    /// rate share are left out.
    public var memoryFootprint: Int {
        MemoryLayout<PatientMonitor>.size + processor.heapBytes + reorderBuffer.heapBytes + analyzer.heapBytes
    }
}
