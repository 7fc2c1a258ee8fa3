/// One phase in the life of an alert. Events with the same session, kind and number are one alert: started, any number
/// of updates, ended.
public struct Alert: Sendable, Equatable {
    public var kind: AlertKind
    public var phase: AlertPhase
    public var priority: AlertPriority
    /// 1, 2, 3 ...: which alert of this kind in this session. Alerts of the wall clock (`basis`) are counted apart.
    public var number: UInt32
    /// What the alert rests on.
    public var basis: AlertBasis
    /// Why it is over; set in the phase `ended` only.
    public var endedBecause: AlertEnd?
    /// Where the condition began, the same in all phases; source rate.
    public var onsetSampleIndex: Int64
    /// Seconds of signal from the onset to the decision.
    public var durationSeconds: Double
    /// Beats a minute that belong to it, of a run the run's own; `nil`: does not apply, or unknown.
    public var heartRate: Double?
    /// Beats that it is made of so far, the V beats of a run for example; 0: does not apply.
    public var beatCount: Int
    /// One line of English for a display, the figures included.
    public var text: String
    /// Why there is an update; set in the phase `updated` only.
    public var change: AlertChange?
    /// Who has acknowledged it; nil: nobody yet.
    public var acknowledgedBy: String?
    /// Its condition is over, and it stays until it is acknowledged.
    public var isLatched = false
    /// The pause that holds for the stream's alarms at the moment.
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

/// Kinds of alerts. Their definitions, limits and sources are in Docs/alarms.md; the limits are
/// `MonitorConfiguration`'s.
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

    /// As a display writes it: "ventricular tachycardia".
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
        }
    }

    /// How urgent it is, in the words of IEC 60601-1-8 (6.1.2): high where death or irreversible injury can come at
    /// once, medium where it can come promptly, low where discomfort or minor injury can come with delay; `technical`
    /// for what concerns the equipment or the signal rather than the patient.
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
        case .leadOff, .signalLost, .attackSuspected, .noisySignal: .technical
        }
    }

    /// No configuration can switch it off: what kills within minutes, and what says that nothing is being watched.
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

/// Priorities as IEC 60601-1-8 names them, and apart from them what is about the equipment or the signal.
public enum AlertPriority: UInt8, Sendable, CaseIterable, Codable {
    case technical
    case low
    case medium
    case high
}

/// What an alert rests on.
public enum AlertBasis: UInt8, Sendable, CaseIterable {
    /// The samples: the same samples give the same alert.
    case samples
    /// The clock of whoever waits for samples that do not come (`PatientMonitor.reportSignalLost`).
    case wallClock
}

/// Why an alert is over.
public enum AlertEnd: UInt8, Sendable, CaseIterable {
    /// Its condition is over.
    case cleared
    /// A graver alert of the same chain took its place: asystole for pause, ventricular tachycardia for a run.
    case shadowed
    /// The signal was interrupted for so long that nothing can be said of it any more. The patient is not known to be
    /// well.
    case signalInterrupted
    /// The session or the input ended. The patient is not known to be well.
    case sessionEnded
    /// It was latched, its condition long over, and somebody has acknowledged it.
    case acknowledged
    /// A new configuration has switched its kind off.
    case switchedOff
}

/// Why an alert is updated.
public enum AlertChange: UInt8, Sendable, CaseIterable {
    /// It goes on with other figures.
    case figures
    /// Somebody has acknowledged it.
    case acknowledged
    /// Its condition is over; it is latched until somebody acknowledges it.
    case conditionOver
    /// The condition of a latched alert is back.
    case conditionBack
    /// It was acknowledged some time ago, and its condition still holds.
    case reminder
}
