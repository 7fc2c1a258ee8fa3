import EC57
public import ECGMonitor
import ECGSignal
import ToolSupport
public import WFDB

/// The monitor's events as WFDB annotations.
public enum EventAnnotations {
    /// The annotation files' extension.
    public static let annotator = "ecgmon"

    /// Beats as N, S, V, F, and Q where not classified; ventricular rhythms as `+` with the databases' own words; all
    /// other alerts and suspicions as notes; changes of the signal's condition as `~`. In the order of time.
    public static func annotations(of events: [MonitorEvent], samplingRate: Double) -> AnnotationSet {
        var set = AnnotationSet(samplingRate: samplingRate)
        var rhythms: [AlertKind] = []
        var condition = SignalCondition.good
        for event in events {
            func add(_ code: AnnotationCode, _ text: String = "") {
                set.annotations.append(Annotation(sampleIndex: event.sampleIndex, code: code, text: text))
            }
            switch event.kind {
            case .beat(let beat):
                add(AnnotationCode(symbol: EC57Class(beat.beatClass).letter) ?? .unclassifiable)
            case .alert(let alert):
                switch (alert.phase, rhythmText(alert.kind)) {
                case (.started, let text?):
                    rhythms.append(alert.kind)
                    add(.rhythm, text)
                case (.ended, .some):
                    rhythms.removeAll { $0 == alert.kind }
                    add(.rhythm, rhythms.last.flatMap(rhythmText) ?? "(N")
                case (.started, nil): add(.note, "\(alert.kind.name) begins: \(alert.text)")
                case (.ended, nil): add(.note, "\(alert.kind.name) ends")
                case (.updated, _): break
                }
            case .suspicion(let suspicion):
                let score = fixed(Double(suspicion.score), 2)
                add(.note, suspicion.active ? "attack suspected, score \(score)" : "attack suspicion withdrawn")
            case .status(let status):
                if let gap = status.gap { add(.note, "gap of \(gap.missingSampleCount) samples") }
                if status.condition != condition {
                    condition = status.condition
                    add(.signalQuality, "\(condition)")
                }
            }
        }
        set.sortByTime()
        return set
    }

    /// The rhythm's word in the MIT-BIH databases, nil for what they do not annotate as a rhythm.
    private static func rhythmText(_ kind: AlertKind) -> String? {
        switch kind {
        case .bigeminy: "(B"
        case .trigeminy: "(T"
        case .ventricularTachycardia, .ventricularRun: "(VT"
        case .supraventricularRun, .supraventricularTachycardia: "(SVTA"
        case .ventricularFibrillation: "(VFL"
        case .idioventricularRhythm: "(IVR"
        case .atrialFibrillation: "(AFIB"
        default: nil
        }
    }
}
