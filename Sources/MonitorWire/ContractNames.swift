public import ECGMonitor
public import ECGSignal

/// A value whose name is visible outside the daemon: in event ids, metric labels, the journal and the configuration
/// file.
///
/// These names are contracts with anyone who stores or matches them. They are spelled out here so that a case can be
/// renamed in Swift without changing what others see.
public protocol ContractNamed {
    var contractName: String { get }
}

extension AlertKind: ContractNamed {
    public var contractName: String {
        switch self {
        case .asystole: "asystole"
        case .pause: "pause"
        case .bradycardia: "bradycardia"
        case .tachycardia: "tachycardia"
        case .singleVentricularBeat: "singleVentricularBeat"
        case .ventricularCouplet: "ventricularCouplet"
        case .ventricularRun: "ventricularRun"
        case .ventricularTachycardia: "ventricularTachycardia"
        case .bigeminy: "bigeminy"
        case .trigeminy: "trigeminy"
        case .supraventricularRun: "supraventricularRun"
        case .leadOff: "leadOff"
        case .signalLost: "signalLost"
        case .attackSuspected: "attackSuspected"
        case .noisySignal: "noisySignal"
        case .ventricularFibrillation: "ventricularFibrillation"
        case .extremeBradycardia: "extremeBradycardia"
        case .extremeTachycardia: "extremeTachycardia"
        case .idioventricularRhythm: "idioventricularRhythm"
        case .rOnT: "rOnT"
        case .frequentVentricularBeats: "frequentVentricularBeats"
        case .supraventricularTachycardia: "supraventricularTachycardia"
        case .atrialFibrillation: "atrialFibrillation"
        case .leadNotUsable: "leadNotUsable"
        case .signalChanged: "signalChanged"
        case .replaySuspected: "replaySuspected"
        case .clockDisagrees: "clockDisagrees"
        }
    }
}

extension AlertPhase: ContractNamed {
    public var contractName: String {
        switch self {
        case .started: "started"
        case .updated: "updated"
        case .ended: "ended"
        }
    }
}

extension AlertPriority: ContractNamed {
    public var contractName: String {
        switch self {
        case .technical: "technical"
        case .low: "low"
        case .medium: "medium"
        case .high: "high"
        }
    }
}

extension AlertBasis: ContractNamed {
    public var contractName: String {
        switch self {
        case .samples: "samples"
        case .wallClock: "wallClock"
        }
    }
}

extension AlertChange: ContractNamed {
    public var contractName: String {
        switch self {
        case .figures: "figures"
        case .acknowledged: "acknowledged"
        case .conditionOver: "conditionOver"
        case .conditionBack: "conditionBack"
        case .reminder: "reminder"
        }
    }
}

extension MonitorState: ContractNamed {
    public var contractName: String {
        switch self {
        case .learning: "learning"
        case .monitoring: "monitoring"
        case .ended: "ended"
        }
    }
}

extension SignalCondition: ContractNamed {
    public var contractName: String {
        switch self {
        case .good: "good"
        case .leadOff: "leadOff"
        case .invalidSamples: "invalidSamples"
        case .saturation: "saturation"
        case .flatLine: "flatLine"
        case .noisy: "noisy"
        }
    }
}
