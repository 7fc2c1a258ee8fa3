internal import ECGATKGAN
public import ECGMonitor
internal import ECGSignal
public import ECGWire

/// What came over the wire, in the monitor's own terms: for whoever shows or counts what another process has found.
extension MonitorEvent {
    /// - Parameter wire: any; nil for a waveform, and where a value is not known here.
    ///
    /// What is not sent is left out: a beat's `agreement`, and how many changes of pause and leads there have been.
    public init?(_ wire: WireEvent) {
        let kind: Kind
        switch wire.payload {
        case .beat(let beat): kind = .beat(Beat(beat))
        case .alert(let alert):
            guard let alert = Alert(alert) else { return nil }
            kind = .alert(alert)
        case .suspicion(let suspicion):
            guard let suspicion = Suspicion(suspicion) else { return nil }
            kind = .suspicion(suspicion)
        case .status(let status):
            guard let status = Status(status) else { return nil }
            kind = .status(status)
        case .waveform, nil: return nil
        }
        self.init(
            session: wire.session, sampleIndex: wire.sampleIndex, decidedAtSampleIndex: wire.decidedAtSampleIndex,
            acquisitionTimeNanoseconds: wire.acquisitionTimeNs, kind: kind)
    }
}

extension Beat {
    fileprivate init(_ wire: WireBeat) {
        let beatClass: BeatClass? =
            switch wire.beatClass {
            case .normal: .normal
            case .supraventricular: .supraventricular
            case .ventricular: .ventricular
            case .fusion: .fusion
            default: nil
            }
        let cause: NotClassifiedCause? =
            switch wire.notClassifiedBecause {
            case .gap: .gapAtEdge
            case .endOfSignal: .endOfSignal
            case .poorSignal: .poorSignal
            case .flatWindow: .flatWindow
            default: nil
            }
        var probabilities = SIMD4<Float>.zero
        if beatClass != nil {
            probabilities[Int(BeatClass.normal.rawValue)] = wire.probabilities.normal
            probabilities[Int(BeatClass.supraventricular.rawValue)] = wire.probabilities.supraventricular
            probabilities[Int(BeatClass.ventricular.rawValue)] = wire.probabilities.ventricular
            probabilities[Int(BeatClass.fusion.rawValue)] = wire.probabilities.fusion
        }
        self.init(
            beatClass: beatClass, notClassifiedBecause: cause, probabilities: probabilities,
            attackSuspicion: wire.attackSuspicion,
            rrIntervalSeconds: wire.rrIntervalSeconds.isFinite && wire.rrIntervalSeconds > 0
                ? wire.rrIntervalSeconds : nil,
            amplitudeMillivolts: wire.amplitudeMillivolts, foundBySearchBack: wire.foundBySearchBack,
            lead: wire.lead.isEmpty ? nil : wire.lead,
            pacing: BeatPacing(ventricular: wire.ventricularPacing, atrial: wire.atrialPacing))
    }
}

extension Alert {
    /// - Parameter wire: any; nil where a value is not known here.
    public init?(_ wire: WireAlert) {
        guard let kind = AlertKind(wire.kind), let phase = AlertPhase(wire.phase),
            let priority = AlertPriority(wire.priority), let number = UInt32(exactly: wire.number),
            wire.durationSeconds.isFinite, wire.heartRate.isFinite
        else { return nil }
        let end: AlertEnd? =
            switch wire.endedBecause {
            case .cleared: .cleared
            case .shadowed: .shadowed
            case .signalInterrupted: .signalInterrupted
            case .sessionEnded: .sessionEnded
            case .acknowledged: .acknowledged
            case .switchedOff: .switchedOff
            default: nil
            }
        let change: AlertChange? =
            switch wire.change {
            case .figures: .figures
            case .acknowledged: .acknowledged
            case .conditionOver: .conditionOver
            case .conditionBack: .conditionBack
            case .reminder: .reminder
            default: nil
            }
        self.init(
            kind: kind, phase: phase, priority: priority, number: number,
            basis: wire.basis == .wallClock ? .wallClock : .samples, endedBecause: end,
            onsetSampleIndex: wire.onsetSampleIndex, durationSeconds: wire.durationSeconds,
            heartRate: wire.heartRate > 0 ? wire.heartRate : nil, beatCount: Int(wire.beatCount), text: wire.text,
            change: change)
        if wire.acknowledged { acknowledgedBy = wire.acknowledgedBy }
        isLatched = wire.latched
        paused = AlarmPause.Kind(wire.paused)
    }
}

extension AlertPhase {
    fileprivate init?(_ wire: WireAlertPhase) {
        switch wire {
        case .started: self = .started
        case .updated: self = .updated
        case .ended: self = .ended
        default: return nil
        }
    }
}

extension AlertPriority {
    fileprivate init?(_ wire: WireAlertPriority) {
        switch wire {
        case .technical: self = .technical
        case .low: self = .low
        case .medium: self = .medium
        case .high: self = .high
        default: return nil
        }
    }
}

extension AlarmPause {
    /// - Parameter wire: any; nil where its kind is not known here.
    public init?(_ wire: WireAlarmPause) {
        guard let kind = Kind(wire.kind), wire.remainingSeconds.isFinite else { return nil }
        self.init(kind: kind, remainingSeconds: wire.remainingSeconds, by: wire.by)
    }
}

extension AlarmPause.Kind {
    fileprivate init?(_ wire: WirePauseKind) {
        switch wire {
        case .audio: self = .audio
        case .alarm: self = .alarm
        default: return nil
        }
    }
}

extension Suspicion {
    fileprivate init?(_ wire: WireSuspicion) {
        let cause: SuspicionCause
        switch wire.cause {
        case .perturbation: cause = .perturbation
        case .replay: cause = .replay
        default: return nil
        }
        self.init(
            cause: cause, active: wire.active, score: wire.score, beatsConsidered: Int(wire.beatsConsidered),
            firstSampleIndex: wire.firstSampleIndex, lastSampleIndex: wire.lastSampleIndex)
    }
}

extension Status {
    fileprivate init?(_ wire: WireStatus) {
        let state: MonitorState
        switch wire.state {
        case .learning: state = .learning
        case .monitoring: state = .monitoring
        case .ended: state = .ended
        default: return nil
        }
        guard let condition = SignalCondition(wire.condition), wire.heartRate.isFinite else { return nil }
        var leads: [LeadStatus] = []
        for lead in wire.leads {
            guard let condition = SignalCondition(lead.condition) else { return nil }
            leads.append(
                LeadStatus(name: lead.name, condition: condition, isUsed: lead.used, isClassified: lead.classified))
        }
        self.init(
            condition: condition, conditionSinceSampleIndex: wire.conditionSinceSampleIndex, state: state,
            heartRate: wire.heartRate > 0 ? wire.heartRate : nil,
            gap: wire.hasGap
                ? Gap(
                    firstMissingSampleIndex: wire.gap.firstMissingSampleIndex,
                    missingSampleCount: wire.gap.missingSampleCount) : nil,
            pause: wire.hasPause ? AlarmPause(wire.pause) : nil, leads: leads,
            pacingPulses: Int64(clamping: wire.pacingPulses), isPaced: wire.paced)
    }
}

extension SignalCondition {
    fileprivate init?(_ wire: WireSignalCondition) {
        switch wire {
        case .good: self = .good
        case .leadOff: self = .leadOff
        case .flatLine: self = .flatLine
        case .saturation: self = .saturation
        case .invalidSamples: self = .invalidSamples
        case .noisy: self = .noisy
        default: return nil
        }
    }
}
