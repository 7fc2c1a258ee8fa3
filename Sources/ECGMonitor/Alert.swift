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

    public init(
        kind: AlertKind, phase: AlertPhase, priority: AlertPriority, number: UInt32, basis: AlertBasis = .samples,
        endedBecause: AlertEnd? = nil, onsetSampleIndex: Int64, durationSeconds: Double, heartRate: Double?,
        beatCount: Int, text: String
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
    }
}

/// Kinds of alerts. Their definitions, limits and sources are in Docs/alarms.md; the limits are `MonitorConfiguration`'s.
public enum AlertKind: UInt8, Sendable, CaseIterable {
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
        }
    }

    /// How urgent it is, in the words of IEC 60601-1-8 (6.1.2): high where death or irreversible injury can come at once,
    /// medium where it can come promptly, low where discomfort or minor injury can come with delay; `technical` for
    /// what concerns the equipment or the signal rather than the patient.
    public var priority: AlertPriority {
        switch self {
        case .asystole, .ventricularTachycardia: .high
        case .pause, .bradycardia, .tachycardia, .ventricularRun: .medium
        case .singleVentricularBeat, .ventricularCouplet, .bigeminy, .trigeminy, .supraventricularRun: .low
        case .leadOff, .signalLost, .attackSuspected, .noisySignal: .technical
        }
    }
}

public enum AlertPhase: UInt8, Sendable, CaseIterable {
    case started
    case updated
    case ended
}

/// Priorities as IEC 60601-1-8 names them, and apart from them what is about the equipment or the signal.
public enum AlertPriority: UInt8, Sendable, CaseIterable {
    case technical
    case low
    case medium
    case high
}

/// What an alert rests on.
public enum AlertBasis: UInt8, Sendable, CaseIterable {
    /// The samples: the same samples give the same alert.
    case samples
    /// The clock of whoever waits for samples that do not come (`PatientMonitor.markSignalLost`).
    case wallClock
}

/// Why an alert is over.
public enum AlertEnd: UInt8, Sendable, CaseIterable {
    /// Its condition is over.
    case cleared
    /// A graver alert of the same chain took its place: asystole for pause, ventricular tachycardia for a run.
    case shadowed
    /// The signal was interrupted for so long that nothing can be said of it any more. The patient is not known to be well.
    case signalInterrupted
    /// The session or the input ended. The patient is not known to be well.
    case sessionEnded
}
