internal import ECGATKGAN
public import ECGMonitor
internal import ECGSignal
public import ECGWire

extension WireEvent {
    /// An event in wire format. Its id depends only on what the samples determine.
    ///
    /// - Parameters:
    ///   - stream: name of the stream.
    ///   - sequence: the event's number on its topic.
    public init(_ event: MonitorEvent, stream: String, sequence: UInt64) {
        self.init()
        schemaVersion = SampleBlockLimits.schemaVersion
        self.stream = stream
        session = event.session
        self.sequence = sequence
        sampleIndex = event.sampleIndex
        decidedAtSampleIndex = event.decidedAtSampleIndex
        acquisitionTimeNs = event.acquisitionTimeNanoseconds
        id = "\(stream)/\(event.session)/\(event.kind.topic.rawValue)/\(event.sampleIndex)\(event.idSuffix)"
        payload =
            switch event.kind {
            case .beat(let beat): .beat(WireBeat(beat))
            case .alert(let alert): .alert(WireAlert(alert))
            case .suspicion(let suspicion): .suspicion(WireSuspicion(suspicion))
            case .status(let status): .status(WireStatus(status))
            }
    }

    /// Samples for a display, as received.
    /// - Parameter range: which of the block's samples to include.
    public init(waveformOf block: SampleBlock, _ range: Range<Int>, stream: String, sequence: UInt64) {
        self.init()
        schemaVersion = SampleBlockLimits.schemaVersion
        self.stream = stream
        session = block.session
        self.sequence = sequence
        sampleIndex = block.firstSampleIndex + Int64(range.lowerBound)
        decidedAtSampleIndex = block.firstSampleIndex + Int64(range.upperBound) - 1
        if block.acquisitionTimeNanoseconds > 0 {
            let offset = Int64((Double(range.lowerBound) / block.samplingRate * 1e9).rounded())
            acquisitionTimeNs = block.acquisitionTimeNanoseconds + offset
        }
        id = "\(stream)/\(block.session)/\(Topic.Kind.waveform.rawValue)/\(sampleIndex)"
        var waveform = WireWaveform()
        waveform.samplingRate = block.samplingRate
        waveform.lead = block.lead
        waveform.millivolts = Array(block.millivolts[range])
        waveform.furtherLeads = block.furtherLeads.map { lead in
            var further = WireWaveform.Lead()
            further.name = lead.lead
            further.millivolts = Array(lead.millivolts[range])
            return further
        }
        payload = .waveform(waveform)
    }
}

extension WireEvent {
    /// The kind of topic it is published on; nil if it has no payload.
    public var topicKind: Topic.Kind? {
        switch payload {
        case .beat: .beat
        case .alert: .alert
        case .suspicion: .suspicion
        case .status: .status
        case .waveform: .waveform
        case nil: nil
        }
    }
}

extension MonitorEvent.Kind {
    /// The kind of topic it is published on.
    public var topic: Topic.Kind {
        switch self {
        case .beat: .beat
        case .alert: .alert
        case .suspicion: .suspicion
        case .status: .status
        }
    }
}

extension MonitorEvent {
    /// Distinguishes ids that share kind and sample index.
    fileprivate var idSuffix: String {
        switch kind {
        case .beat: ""
        case .alert(let alert):
            "/\(decidedAtSampleIndex)/\(alert.kind.contractName)/\(alert.number)/\(alert.phase.contractName)"
                + (alert.basis == .wallClock ? "/clock" : "")
                + (alert.change.map { $0 == .figures ? "" : "/\($0.contractName)" } ?? "")
        case .suspicion(let suspicion):
            (suspicion.cause == .replay ? "/replay" : "") + (suspicion.active ? "/raised" : "/withdrawn")
        case .status(let status):
            "/\(decidedAtSampleIndex)/"
                + (status.gap != nil ? "gap" : "\(status.state.contractName)/\(status.condition.contractName)")
                + (status.pauseChange > 0 ? "/pause-\(status.pauseChange)" : "")
                + (status.leadChange > 0 ? "/leads-\(status.leadChange)" : "")
        }
    }
}

extension WireBeat {
    fileprivate init(_ beat: Beat) {
        self.init()
        beatClass =
            switch beat.beatClass {
            case .normal: .normal
            case .supraventricular: .supraventricular
            case .ventricular: .ventricular
            case .fusion: .fusion
            case nil: .unspecified
            }
        notClassifiedBecause =
            switch beat.notClassifiedBecause {
            case .gapAtEdge: .gap
            case .endOfSignal: .endOfSignal
            case .poorSignal: .poorSignal
            case .flatWindow: .flatWindow
            case nil: .unspecified
            }
        if beat.beatClass != nil {
            probabilities.normal = beat.probabilities[Int(BeatClass.normal.rawValue)]
            probabilities.supraventricular = beat.probabilities[Int(BeatClass.supraventricular.rawValue)]
            probabilities.ventricular = beat.probabilities[Int(BeatClass.ventricular.rawValue)]
            probabilities.fusion = beat.probabilities[Int(BeatClass.fusion.rawValue)]
        }
        attackSuspicion = beat.attackSuspicion
        rrIntervalSeconds = beat.rrIntervalSeconds ?? 0
        amplitudeMillivolts = beat.amplitudeMillivolts
        foundBySearchBack = beat.foundBySearchBack
        lead = beat.lead ?? ""
        ventricularPacing = beat.pacing.ventricular
        atrialPacing = beat.pacing.atrial
    }
}

extension WireAlert {
    public init(_ alert: Alert) {
        self.init()
        kind = WireAlertKind(alert.kind)
        phase =
            switch alert.phase {
            case .started: .started
            case .updated: .updated
            case .ended: .ended
            }
        priority =
            switch alert.priority {
            case .technical: .technical
            case .low: .low
            case .medium: .medium
            case .high: .high
            }
        basis =
            switch alert.basis {
            case .samples: .samples
            case .wallClock: .wallClock
            }
        endedBecause =
            switch alert.endedBecause {
            case .cleared: .cleared
            case .shadowed: .shadowed
            case .signalInterrupted: .signalInterrupted
            case .sessionEnded: .sessionEnded
            case .acknowledged: .acknowledged
            case .switchedOff: .switchedOff
            case nil: .unspecified
            }
        change =
            switch alert.change {
            case .figures: .figures
            case .acknowledged: .acknowledged
            case .conditionOver: .conditionOver
            case .conditionBack: .conditionBack
            case .reminder: .reminder
            case nil: .unspecified
            }
        acknowledged = alert.acknowledgedBy != nil
        acknowledgedBy = alert.acknowledgedBy ?? ""
        latched = alert.isLatched
        paused = WirePauseKind(alert.paused)
        number = UInt64(alert.number)
        onsetSampleIndex = alert.onsetSampleIndex
        heartRate = alert.heartRate ?? 0
        beatCount = UInt32(clamping: alert.beatCount)
        text = alert.text
        durationSeconds = alert.durationSeconds
    }
}

extension WireSuspicion {
    fileprivate init(_ suspicion: Suspicion) {
        self.init()
        cause =
            switch suspicion.cause {
            case .perturbation: .perturbation
            case .replay: .replay
            }
        active = suspicion.active
        score = suspicion.score
        beatsConsidered = UInt32(clamping: suspicion.beatsConsidered)
        firstSampleIndex = suspicion.firstSampleIndex
        lastSampleIndex = suspicion.lastSampleIndex
    }
}

extension WireStatus {
    fileprivate init(_ status: Status) {
        self.init()
        condition = WireSignalCondition(status.condition)
        conditionSinceSampleIndex = status.conditionSinceSampleIndex
        state =
            switch status.state {
            case .learning: .learning
            case .monitoring: .monitoring
            case .ended: .ended
            }
        heartRate = status.heartRate ?? 0
        pacingPulses = UInt64(clamping: status.pacingPulses)
        paced = status.isPaced
        if let gap = status.gap {
            self.gap.firstMissingSampleIndex = gap.firstMissingSampleIndex
            self.gap.missingSampleCount = gap.missingSampleCount
        }
        if let pause = status.pause { self.pause = WireAlarmPause(pause) }
        leads = status.leads.map { lead in
            var wire = WireStatus.Lead()
            wire.name = lead.name
            wire.condition = WireSignalCondition(lead.condition)
            wire.used = lead.isUsed
            wire.classified = lead.isClassified
            return wire
        }
    }
}

extension WireSignalCondition {
    fileprivate init(_ condition: SignalCondition) {
        self =
            switch condition {
            case .good: .good
            case .leadOff: .leadOff
            case .flatLine: .flatLine
            case .saturation: .saturation
            case .invalidSamples: .invalidSamples
            case .noisy: .noisy
            }
    }
}

extension WireAlertKind {
    public init(_ kind: AlertKind) {
        self =
            switch kind {
            case .asystole: .asystole
            case .pause: .pause
            case .bradycardia: .bradycardia
            case .tachycardia: .tachycardia
            case .singleVentricularBeat: .singleVentricularBeat
            case .ventricularCouplet: .ventricularCouplet
            case .ventricularRun: .ventricularRun
            case .ventricularTachycardia: .ventricularTachycardia
            case .bigeminy: .bigeminy
            case .trigeminy: .trigeminy
            case .supraventricularRun: .supraventricularRun
            case .leadOff: .leadOff
            case .signalLost: .signalLost
            case .attackSuspected: .attackSuspected
            case .noisySignal: .noisySignal
            case .ventricularFibrillation: .ventricularFibrillation
            case .extremeBradycardia: .extremeBradycardia
            case .extremeTachycardia: .extremeTachycardia
            case .idioventricularRhythm: .idioventricularRhythm
            case .rOnT: .rOnT
            case .frequentVentricularBeats: .frequentVentricularBeats
            case .supraventricularTachycardia: .supraventricularTachycardia
            case .atrialFibrillation: .atrialFibrillation
            case .leadNotUsable: .leadNotUsable
            case .signalChanged: .signalChanged
            case .replaySuspected: .replaySuspected
            case .clockDisagrees: .clockDisagrees
            }
    }
}

extension AlertKind {
    /// The kind that a subscriber refers to; nil if it is unknown.
    public init?(_ wire: WireAlertKind) {
        guard let kind = Self.allCases.first(where: { WireAlertKind($0) == wire }) else { return nil }
        self = kind
    }
}

extension WireAlarmPause {
    public init(_ pause: AlarmPause) {
        self.init()
        kind = WirePauseKind(pause.kind)
        remainingSeconds = pause.remainingSeconds
        by = pause.by
    }
}

extension WirePauseKind {
    public init(_ kind: AlarmPause.Kind?) {
        switch kind {
        case .audio: self = .audio
        case .alarm: self = .alarm
        case nil: self = .unspecified
        }
    }
}
