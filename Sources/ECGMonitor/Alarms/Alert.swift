/// One phase in the life of an alert. Events with the same session, kind and number belong to one alert: started, any
/// number of updates, ended.
public struct Alert: Sendable, Equatable {
    public var kind: AlertKind
    public var phase: AlertPhase
    public var priority: AlertPriority
    /// 1, 2, 3 ...: counts alerts of this kind in this session. Wall-clock alerts (`basis`) are numbered separately.
    public var number: UInt32
    /// What the alert is based on.
    public var basis: AlertBasis
    /// Why it ended; set in the phase `ended` only.
    public var endedBecause: AlertEnd?
    /// Where the condition began, the same in all phases; source rate.
    public var onsetSampleIndex: Int64
    /// Seconds of signal from the onset to the decision.
    public var durationSeconds: Double
    /// Its beats per minute, for a run of beats the rate of that run; `nil` if not applicable or unknown.
    public var heartRate: Double?
    /// Number of its beats so far, for example the V beats of a run; 0 if not applicable.
    public var beatCount: Int
    /// One line of English for a display, including the figures.
    public var text: String
    /// Why it was updated; set in the phase `updated` only.
    public var change: AlertChange?
    /// Who acknowledged it; nil if nobody has yet.
    public var acknowledgedBy: String?
    /// Its condition has ended, and it remains until it is acknowledged.
    public var isLatched = false
    /// The pause currently in effect for the stream's alarms.
    public var paused: AlarmPause.Kind?

    public init(
        kind: AlertKind, phase: AlertPhase, priority: AlertPriority, number: UInt32, basis: AlertBasis = .samples,
        endedBecause: AlertEnd? = nil, onsetSampleIndex: Int64, durationSeconds: Double, heartRate: Double?,
        beatCount: Int, text: String, change: AlertChange? = nil
    ) {
        self.kind = kind
        self.phase = phase
        self.priority = priority
        self.number = number
        self.basis = basis
        self.endedBecause = endedBecause
        self.onsetSampleIndex = onsetSampleIndex
        self.durationSeconds = durationSeconds
        self.heartRate = heartRate
        self.beatCount = beatCount
        self.text = text
        self.change = change
    }
}

/// Kinds of alerts. Docs/alarms.md has their definitions, limits and sources; the limits are set in
/// `MonitorConfiguration`.
public enum AlertKind: UInt8, Sendable, CaseIterable, Codable {
    case asystole
    case pause
    case bradycardia
    case tachycardia
    case singleVentricularBeat
    case ventricularCouplet
    case ventricularRun
    case ventricularTachycardia
    case bigeminy
    case trigeminy
    case supraventricularRun
    case leadOff
    case signalLost
    case attackSuspected
    case noisySignal
    case ventricularFibrillation
    case extremeBradycardia
    case extremeTachycardia
    case idioventricularRhythm
    case rOnT
    case frequentVentricularBeats
    case supraventricularTachycardia
    case atrialFibrillation
    case leadNotUsable
    case signalChanged
    case replaySuspected
    case clockDisagrees

    /// Name as shown on a display: "ventricular tachycardia".
    public var name: String {
        switch self {
        case .asystole: "asystole"
        case .pause: "pause"
        case .bradycardia: "bradycardia"
        case .tachycardia: "tachycardia"
        case .singleVentricularBeat: "ventricular ectopic beat"
        case .ventricularCouplet: "ventricular couplet"
        case .ventricularRun: "ventricular run"
        case .ventricularTachycardia: "ventricular tachycardia"
        case .bigeminy: "ventricular bigeminy"
        case .trigeminy: "ventricular trigeminy"
        case .supraventricularRun: "supraventricular run"
        case .leadOff: "lead off"
        case .signalLost: "signal lost"
        case .attackSuspected: "attack suspected"
        case .noisySignal: "noisy signal"
        case .ventricularFibrillation: "ventricular flutter or fibrillation"
        case .extremeBradycardia: "extreme bradycardia"
        case .extremeTachycardia: "extreme tachycardia"
        case .idioventricularRhythm: "accelerated idioventricular rhythm"
        case .rOnT: "R on T"
        case .frequentVentricularBeats: "frequent ventricular ectopic beats"
        case .supraventricularTachycardia: "supraventricular tachycardia"
        case .atrialFibrillation: "irregular rhythm suggesting atrial fibrillation"
        case .leadNotUsable: "lead not usable"
        case .signalChanged: "signal changed"
        case .replaySuspected: "replay suspected"
        case .clockDisagrees: "clock disagrees"
        }
    }

    /// How urgent it is, in the terms of IEC 60601-1-8 (6.1.2): high if death or irreversible injury can occur
    /// immediately, medium if promptly, low if discomfort or minor injury can occur with delay; `technical` if it
    /// concerns the equipment or the signal rather than the patient.
    public var priority: AlertPriority {
        switch self {
        case .asystole, .ventricularTachycardia, .ventricularFibrillation, .extremeBradycardia, .extremeTachycardia:
            .high
        case .pause, .bradycardia, .tachycardia, .ventricularRun, .idioventricularRhythm, .supraventricularTachycardia,
            .atrialFibrillation:
            .medium
        case .singleVentricularBeat, .ventricularCouplet, .bigeminy, .trigeminy, .supraventricularRun, .rOnT,
            .frequentVentricularBeats:
            .low
        case .leadOff, .signalLost, .attackSuspected, .noisySignal, .leadNotUsable, .signalChanged, .replaySuspected,
            .clockDisagrees:
            .technical
        }
    }

    /// No configuration can switch it off: it concerns what kills within minutes, or reports that nothing is being
    /// monitored.
    public var cannotBeSwitchedOff: Bool {
        switch self {
        case .asystole, .ventricularTachycardia, .ventricularFibrillation, .leadOff, .signalLost: true
        default: false
        }
    }
}

public enum AlertPhase: UInt8, Sendable, CaseIterable {
    case started
    case updated
    case ended
}

/// Priorities as named in IEC 60601-1-8, and a separate one for alerts about the equipment or the signal.
public enum AlertPriority: UInt8, Sendable, CaseIterable, Codable {
    case technical
    case low
    case medium
    case high
}

/// What an alert is based on.
public enum AlertBasis: UInt8, Sendable, CaseIterable {
    /// The samples: the same samples give the same alert.
    case samples
    /// The clock of whoever is waiting for samples that do not arrive (`PatientMonitor.reportSignalLost`).
    case wallClock
}

/// Why an alert ended.
public enum AlertEnd: UInt8, Sendable, CaseIterable {
    /// Its condition ended.
    case cleared
    /// A graver alert of the same chain replaced it: asystole for pause, ventricular tachycardia for a run of V
    /// beats.
    case shadowed
    /// The signal was interrupted for so long that nothing can be said about the alert any more. The patient is not
    /// known to be well.
    case signalInterrupted
    /// The session or the input ended. The patient is not known to be well.
    case sessionEnded
    /// It was latched after its condition ended, and someone has now acknowledged it.
    case acknowledged
    /// A new configuration switched its kind off.
    case switchedOff
}

/// Why an alert was updated.
public enum AlertChange: UInt8, Sendable, CaseIterable {
    /// It continues with new figures.
    case figures
    /// Someone acknowledged it.
    case acknowledged
    /// Its condition has ended; it is latched until someone acknowledges it.
    case conditionOver
    /// The condition of a latched alert has returned.
    case conditionBack
    /// It was acknowledged some time ago, and its condition persists.
    case reminder
}
