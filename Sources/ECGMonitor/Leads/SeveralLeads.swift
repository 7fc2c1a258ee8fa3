internal import ECGLimits
internal import ECGSignal
internal import StateCoding

/// Stage 1 of a stream of several leads: each lead has its own `SignalProcessor`, and `LeadFusion` makes one sequence
/// of signal events out of theirs.
struct SeveralLeads: Sendable, Codable, RangeChecked {
    private var leads: [SignalProcessor]
    private var fusion: LeadFusion
    private var samplingRate: Double = 0

    /// - Parameters:
    ///   - names: of the leads in the source's order, 2 ... 12.
    ///   - processor: stage 1 of one lead, fresh.
    init(names: [String], processor: SignalProcessor) {
        leads = Array(repeating: processor, count: names.count)
        fusion = LeadFusion(names: names)
    }

    var isInRange: Bool {
        leads.count == fusion.leadCount && (2...SignalLimits.maximumLeads).contains(leads.count)
            && MonitorConfiguration.supportedSamplingRates.contains(samplingRate)
    }

    var names: [String] { fusion.names }
    var signalEvents: [SignalEvent] { fusion.signalEvents }
    var windows: [Float] { fusion.windows }
    /// Unobserved seconds of the session so far.
    var unobservedSeconds: Double { fusion.unobserved }

    mutating func removeSignalEventsAndWindows() { fusion.removeSignalEventsAndWindows() }

    var heapBytes: Int {
        leads.reduce(MemoryLayout<SeveralLeads>.stride + leads.capacity * MemoryLayout<SignalProcessor>.stride) {
            $0 + $1.heapBytes
        } + fusion.heapBytes
    }

    func time(ofSample index: Int64) -> Int64 { leads[0].time(ofSample: index) }

    mutating func takeStamp(_ stamp: Int64, forSample index: Int64) -> Bool {
        var wentBackwards = false
        for lead in leads.indices where leads[lead].takeStamp(stamp, forSample: index) { wentBackwards = true }
        return wentBackwards
    }

    // MARK: Start and end

    /// - Parameters:
    ///   - earlier: pending signal events and windows of another stage 1, which come first.
    ///   - stamp: acquisition time of the sample `firstIndex`.
    mutating func beginSession(
        _ session: UInt64, after earlier: PendingSignal, firstIndex: Int64, samplingRate: Double, stamp: Int64
    ) {
        start(session, earlier, .sessionStarted(session), firstIndex, samplingRate, stamp, unobserved: 0)
    }

    /// Continues a session that another stage 1 has processed up to the sample before `index`.
    mutating func takeOver(
        _ session: UInt64, _ earlier: PendingSignal, at index: Int64, samplingRate: Double, stamp: Int64,
        unobserved: Double
    ) {
        start(
            session, earlier, .signalChanged(samplingRate: samplingRate), index, samplingRate, stamp,
            unobserved: unobserved)
    }

    private mutating func start(
        _ session: UInt64, _ earlier: PendingSignal, _ content: SignalEvent.Content, _ index: Int64, _ rate: Double,
        _ stamp: Int64, unobserved: Double
    ) {
        samplingRate = rate
        for lead in leads.indices {
            leads[lead].beginSession(session, firstIndex: index, samplingRate: rate, stamp: stamp)
        }
        fusion.begin(
            content, after: earlier, at: index, time: time(ofSample: index), samplingRate: rate, unobserved: unobserved)
    }

    /// Ends this stage 1's part of the session: what is from `index` on, another one processes.
    mutating func handOver(at index: Int64) -> PendingSignal {
        for lead in leads.indices { leads[lead].cut(at: index) }
        fusion.merge(&leads, upTo: index)
        return PendingSignal(signalEvents: fusion.signalEvents, windows: fusion.windows)
    }

    /// Ends the session or the input after the sample before `index`.
    mutating func endSession(before index: Int64) {
        for lead in leads.indices { leads[lead].endSession(before: index) }
        fusion.merge(&leads, upTo: index - 1)
        fusion.endSession(&leads, at: index - 1)
    }

    /// Skips `count` missing samples of all leads from `index` on.
    ///
    /// - Returns: whether the timestamp ran backwards.
    mutating func skip(gap count: Int64, from index: Int64, stamp: Int64) -> Bool {
        var wentBackwards = false
        for lead in leads.indices where leads[lead].skip(gap: count, from: index, stamp: stamp) { wentBackwards = true }
        return wentBackwards
    }

    // MARK: Samples

    /// Takes a block's samples from the one numbered `skipped` on, whose index is `firstIndex`.
    mutating func take(_ block: SampleBlock, skipping skipped: Int, firstIndex: Int64) -> SignalProcessor.Defects {
        var defects = SignalProcessor.Defects()
        // Quarter by quarter of a second: a beat that only some leads have shown is cut out of the history of another
        // one, which is short.
        let step = max(1, Int((samplingRate / 4).rounded()))
        var start = skipped
        while start < block.millivolts.count {
            let end = min(start + step, block.millivolts.count)
            let first = firstIndex + Int64(start - skipped)
            for lead in leads.indices {
                let further = lead == 0 ? nil : block.furtherLeads[lead - 1]
                let found = (further?.millivolts ?? block.millivolts).withUnsafeBufferPointer { samples in
                    leads[lead].take(
                        UnsafeBufferPointer(rebasing: samples[start..<end]), firstIndex: first,
                        leadOff: further?.leadOff ?? block.leadOff, range: further.map(\.range) ?? block.range)
                }
                defects.invalid += found.invalid
                defects.spikes += found.spikes
            }
            fusion.merge(&leads, upTo: first + Int64(end - start) - 1)
            start = end
        }
        return defects
    }
}

/// Signal events that stage 2 has not processed yet, and the windows of their beats.
struct PendingSignal {
    var signalEvents: [SignalEvent] = []
    /// 280 values for each.
    var windows: [Float] = []
}
