internal import ECGSignal
internal import StateCoding

/// Stage 1 of a stream of one lead or several. Streams of one lead pay nothing for the others.
struct SignalStage: Sendable, Codable, RangeChecked {
    private let recoverySeconds: Double
    private let bridgedGapSeconds: Double
    private let judgesQuality: Bool
    private var single: SignalProcessor
    /// One, or none: kept outside of the value.
    private var several: [SeveralLeads] = []
    private var session: UInt64 = 0

    init(_ configuration: MonitorConfiguration) {
        recoverySeconds = configuration.recoverySeconds
        bridgedGapSeconds = configuration.bridgedGapSeconds
        judgesQuality = configuration.judgesSignalQuality
        single = SignalProcessor(
            recoverySeconds: recoverySeconds, bridgedGapSeconds: bridgedGapSeconds, judgesQuality: judgesQuality)
    }

    var isInRange: Bool {
        several.count <= 1 && (several.isEmpty || single.signalEvents.isEmpty && single.windows.isEmpty)
            && (0...10).contains(recoverySeconds) && (0...2).contains(bridgedGapSeconds)
    }

    private var isSeveral: Bool { !several.isEmpty }

    // MARK: Output

    var signalEvents: [SignalEvent] { isSeveral ? several[0].signalEvents : single.signalEvents }
    /// Windows of the beats in `signalEvents`, 280 values each, scaled.
    var windows: [Float] { isSeveral ? several[0].windows : single.windows }

    mutating func removeSignalEventsAndWindows() {
        if isSeveral { several[0].removeSignalEventsAndWindows() } else { single.removeSignalEventsAndWindows() }
    }

    /// Heap memory of this stream, in bytes, without what it shares with other streams of the same rate.
    var heapBytes: Int { single.heapBytes + several.reduce(0) { $0 + $1.heapBytes } }

    /// When a sample was acquired; 0 if unknown.
    func time(ofSample index: Int64) -> Int64 {
        isSeveral ? several[0].time(ofSample: index) : single.time(ofSample: index)
    }

    // MARK: Start and end

    /// Begins a session with the leads of `block`.
    ///
    /// - Parameter stamp: acquisition time of the sample `firstIndex`.
    mutating func beginSession(_ block: SampleBlock, firstIndex: Int64, samplingRate: Double, stamp: Int64) {
        session = block.session
        let earlier = takePending()
        if block.furtherLeads.isEmpty {
            several = []
            single.beginSession(
                session, after: earlier, firstIndex: firstIndex, samplingRate: samplingRate, stamp: stamp)
        } else {
            replaceLeads(block)
            several[0].beginSession(
                session, after: earlier, firstIndex: firstIndex, samplingRate: samplingRate, stamp: stamp)
        }
    }

    /// Ends the session or the input after the sample before `index`.
    mutating func endSession(before index: Int64) {
        if isSeveral { several[0].endSession(before: index) } else { single.endSession(before: index) }
    }

    /// From `index` on, acquired at `stamp`, the samples have a different rate or come from the leads of `block`.
    ///
    /// - Returns: whether the timestamp ran backwards.
    mutating func changeSignal(to block: SampleBlock, samplingRate: Double, at index: Int64, stamp: Int64) -> Bool {
        if !isSeveral, block.furtherLeads.isEmpty {
            return single.changeSignal(samplingRate: samplingRate, at: index, stamp: stamp)
        }
        let unobserved = isSeveral ? several[0].unobservedSeconds : single.unobservedSeconds
        let wentBackwards = takeStamp(stamp, forSample: index)
        let earlier = isSeveral ? several[0].handOver(at: index) : single.handOver(at: index)
        if block.furtherLeads.isEmpty {
            several = []
            single.takeOver(earlier, at: index, samplingRate: samplingRate, stamp: stamp, unobserved: unobserved)
        } else {
            replaceLeads(block)
            several[0].takeOver(
                session, earlier, at: index, samplingRate: samplingRate, stamp: stamp, unobserved: unobserved)
        }
        return wentBackwards
    }

    private mutating func replaceLeads(_ block: SampleBlock) {
        let processor = SignalProcessor(
            recoverySeconds: recoverySeconds, bridgedGapSeconds: bridgedGapSeconds, judgesQuality: judgesQuality,
            isOneOfSeveral: true)
        several = [SeveralLeads(names: [block.lead] + block.furtherLeads.map(\.lead), processor: processor)]
    }

    private mutating func takePending() -> PendingSignal {
        isSeveral
            ? PendingSignal(signalEvents: several[0].signalEvents, windows: several[0].windows) : single.takePending()
    }

    /// Skips `count` missing samples from `index` on; `stamp` is the acquisition time of the first sample after them.
    ///
    /// - Returns: whether the timestamp ran backwards.
    mutating func skip(gap count: Int64, from index: Int64, stamp: Int64) -> Bool {
        isSeveral
            ? several[0].skip(gap: count, from: index, stamp: stamp)
            : single.skip(gap: count, from: index, stamp: stamp)
    }

    /// Receives the acquisition time of a sample block's first new sample.
    ///
    /// - Returns: whether it ran backwards.
    mutating func takeStamp(_ stamp: Int64, forSample index: Int64) -> Bool {
        isSeveral
            ? several[0].takeStamp(stamp, forSample: index) : single.takeStamp(stamp, forSample: index)
    }

    /// Takes a block's samples from the one numbered `skipped` on, whose index is `firstIndex`.
    mutating func take(_ block: SampleBlock, skipping skipped: Int, firstIndex: Int64) -> SignalProcessor.Defects {
        if isSeveral { return several[0].take(block, skipping: skipped, firstIndex: firstIndex) }
        return block.millivolts.withUnsafeBufferPointer { samples in
            single.take(
                UnsafeBufferPointer(rebasing: samples[skipped...]), firstIndex: firstIndex, leadOff: block.leadOff,
                range: block.range)
        }
    }
}
