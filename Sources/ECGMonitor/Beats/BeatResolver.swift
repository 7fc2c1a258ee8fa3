internal import ECGATKGAN
internal import ECGClassification
internal import ECGLimits
internal import ECGSignal
internal import StateCoding

/// A beat whose class is final, or that will never get one.
struct ResolvedBeat {
    /// The R peak, source rate.
    var sampleIndex: Int64
    /// When the R peak was acquired, in ns since 1970; 0 if unknown.
    var time: Int64
    var finding: BeatFinding
    /// nil if the beat was not classified.
    var classification: BeatClassification?
    /// RR interval to the previous R peak, in s; nil if unknown.
    var interval: Double?
}

/// Turns the network's classification of each window into the beat's class: the contextual classifier combines it
/// with the RR history and the patient's own beat templates. An ambiguous beat stays pending until the next beat is
/// known, or until no further beat can arrive in time.
struct BeatResolver: Sendable, Codable, RangeChecked {
    /// The patient's beat templates.
    private var templates = BeatTemplates()
    /// The lead that they belong to, and those of other leads in which beats have been classified.
    private var lead: UInt8 = 0
    private var otherLeads: [LeadTemplates] = []
    private var pending: PendingBeat?
    /// The contextual classifier's inputs, recorded for training or evaluation; nil if they are not recorded.
    @Uncoded var observed: [ObservedBeat]? = nil

    var isInRange: Bool { otherLeads.count < SignalLimits.maximumLeads }

    /// Whether a beat is pending.
    var isWaiting: Bool { pending != nil }

    /// Heap memory of the pending beat and of other leads' templates, in bytes.
    var heapBytes: Int {
        (pending?.features.capacity ?? 0) * MemoryLayout<Float>.stride
            + otherLeads.capacity * MemoryLayout<LeadTemplates>.stride
    }

    /// The signal was interrupted: the next beat is not adjacent to the last one.
    mutating func interrupt() { templates.interrupt() }

    /// Discards everything known about the patient's beats.
    mutating func forget() {
        templates = BeatTemplates()
        otherLeads = []
    }

    /// A beat looks different in another lead: each has its own templates, and the rhythm goes on.
    private mutating func change(to new: UInt8) {
        guard new != lead else { return }
        let before = templates
        if let place = otherLeads.firstIndex(where: { $0.lead == new }) {
            templates = otherLeads.remove(at: place).templates
        } else {
            templates = BeatTemplates()
        }
        templates.continueRhythm(of: before)
        otherLeads.append(LeadTemplates(lead: lead, templates: before))
        lead = new
    }

    /// Receives a beat with the network's classification of its window.
    ///
    /// - Parameters:
    ///   - answer: the window's classification; nil if the beat has no window.
    ///   - interval: RR interval to the previous R peak, in s; nil if unknown.
    ///   - isNoisy: whether the signal's condition is anything but good.
    /// - Returns: the beat, if its class is final; nil if it is pending.
    mutating func receive(
        _ finding: BeatFinding, _ answer: BeatClassification?, windows: [Float], classifier: ContextualClassifier?,
        interval: Double?, isNoisy: Bool, now: Moment
    ) -> ResolvedBeat? {
        func resolved(_ classification: BeatClassification?) -> ResolvedBeat {
            ResolvedBeat(
                sampleIndex: now.sampleIndex, time: now.time, finding: finding, classification: classification,
                interval: interval)
        }
        guard classifier != nil || observed != nil else { return resolved(answer) }
        change(to: finding.lead)
        guard let answer, let morphology = BeatMorphology(of: finding, in: windows) else {
            templates.addUnseen(interval: interval.map { Float($0) })
            return resolved(nil)
        }
        let context = BeatContext(
            templates: templates, interval: interval.map { Float($0) }, windowRange: finding.windowRange,
            isNoisy: isNoisy, foundBySearchBack: finding.foundBySearchBack)
        if observed != nil {
            observed?.append(
                ObservedBeat(
                    sampleIndex: now.sampleIndex, decidedAtSampleIndex: now.decidedAt, samplingRate: now.samplingRate,
                    window: Array(windows[finding.windowPlace]), answer: answer, context: context))
        }
        let features = ContextualFeatures.values(morphology, logits: answer.logits, context: context)
        templates.add(morphology, logits: answer.logits, interval: context.interval, features: features)
        guard let classifier else { return resolved(answer) }
        let first = classifier.first(answer, features: features)
        if first.isFinal { return resolved(first.classification) }
        let waiting = PendingContext(morphology: morphology, context: context)
        if now.seconds(from: now.sampleIndex, to: now.decidedAt) > ContextualClassifier.maximumWaitSeconds {
            // The search-back found this beat so late that there is nothing left to wait for.
            return resolved(
                classifier.second(
                    features + ContextualFeatures.nextValues(waiting, next: nil), suspicion: answer.attackSuspicion))
        }
        pending = PendingBeat(
            sampleIndex: now.sampleIndex, time: now.time, finding: finding, interval: interval,
            suspicion: answer.attackSuspicion, features: features, context: waiting)
        return nil
    }

    /// Resolves the pending beat if `event` brings what it is waiting for, or shows that nothing more can arrive.
    ///
    /// - Parameters:
    ///   - lastBeat: the R peak of this segment's last beat, source rate.
    ///   - now: the time of the event.
    mutating func release(
        before event: SignalEvent, windows: [Float], classifier: ContextualClassifier?, lastBeat: Int64?, now: Moment
    ) -> ResolvedBeat? {
        guard let pending else { return nil }
        let waited = now.seconds(from: pending.sampleIndex, to: event.decidedAt)
        let isLate = waited > ContextualClassifier.maximumWaitSeconds
        var next: NextBeat?
        switch event.content {
        case .beat(let finding):
            if !isLate, finding.lead == pending.finding.lead, let lastBeat,
                let morphology = BeatMorphology(of: finding, in: windows)
            {
                next = NextBeat(
                    morphology: morphology, interval: Float(now.seconds(from: lastBeat, to: event.sampleIndex)),
                    templates: templates)
            }
        case .clock: guard isLate else { return nil }
        case .condition, .ventricularRhythm, .rhythmEstimate, .leads, .leadConditions: return nil
        case .sessionStarted, .segmentStarted, .segmentEnded, .signalChanged, .gap, .sessionEnded: break
        }
        self.pending = nil
        let classification = classifier?.second(
            pending.features + ContextualFeatures.nextValues(pending.context, next: next), suspicion: pending.suspicion)
        return ResolvedBeat(
            sampleIndex: pending.sampleIndex, time: pending.time, finding: pending.finding,
            classification: classification, interval: pending.interval)
    }
}

/// The beat templates of one lead of several.
struct LeadTemplates: Sendable, Codable {
    var lead: UInt8
    var templates: BeatTemplates
}
