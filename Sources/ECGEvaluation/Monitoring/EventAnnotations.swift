import EC57
public import ECGMonitor
import ECGSignal
import ToolSupport
public import WFDB

/// The monitor's events as WFDB annotations.
///
/// Beats as N, S, V, F, or Q if not classified; ventricular rhythms as `+` with the databases' own labels, the gravest if
/// several alerts are on; all other alerts and suspicions as notes; changes in signal quality as `~`.
public struct EventAnnotations: Sendable {
    /// The extension of the annotation files.
    public static let annotator = "ecgmon"

    private var annotations: [Annotation] = []
    private var rhythms: [AlertKind] = []
    private var condition = SignalCondition.good

    public init() {}

    /// All annotations, in time order.
    public static func annotations(of events: [MonitorEvent], samplingRate: Double) -> AnnotationSet {
        var signalEvents = EventAnnotations()
        for event in events { signalEvents.add(event) }
        return signalEvents.set(samplingRate: samplingRate)
    }

    /// The annotations added so far, in time order.
    public func set(samplingRate: Double) -> AnnotationSet {
        var set = AnnotationSet(annotations, samplingRate: samplingRate)
        set.sortByTime()
        return set
    }

    /// Adds an event; events must arrive in the order in which they were decided.
    public mutating func add(_ event: MonitorEvent) {
        switch event.kind {
        case .beat(let beat):
            mark(event, AnnotationCode(symbol: EC57Class(beat.beatClass).letter) ?? .unclassifiable)
        case .alert(let alert):
            switch (alert.phase, Self.rhythmText(alert.kind)) {
            case (.started, let text?):
                rhythms.append(alert.kind)
                guard gravest == alert.kind else { return }
                // Replaces what was reported between its onset and its detection.
                annotations.removeAll { $0.code == .rhythm && $0.sampleIndex >= event.sampleIndex }
                mark(event, .rhythm, text)
            case (.ended, .some):
                let wasShown = gravest == alert.kind
                rhythms.removeAll { $0 == alert.kind }
                if wasShown { mark(event, .rhythm, gravest.flatMap(Self.rhythmText) ?? "(N") }
            case (.started, nil): mark(event, .note, "\(alert.kind.name) begins: \(alert.text)")
            case (.ended, nil): mark(event, .note, "\(alert.kind.name) ends")
            case (.updated, _): break
            }
        case .suspicion(let suspicion):
            let score = fixed(Double(suspicion.score), 2)
            let subject = suspicion.cause == .replay ? "replay" : "attack"
            mark(
                event, .note,
                suspicion.active ? "\(subject) suspected, score \(score)" : "\(subject) suspicion withdrawn")
        case .status(let status):
            if let gap = status.gap { mark(event, .note, "gap of \(gap.missingSampleCount) samples") }
            if status.condition != condition {
                condition = status.condition
                mark(event, .signalQuality, "\(condition)")
            }
        }
    }

    /// The gravest of the rhythms whose alerts are on; of two that are equally grave, the one that began later.
    private var gravest: AlertKind? {
        rhythms.reversed().min { Self.grade($0) < Self.grade($1) }
    }

    /// 0: the gravest.
    private static func grade(_ kind: AlertKind) -> Int {
        let order: [AlertKind] = [.ventricularFibrillation, .ventricularTachycardia, .idioventricularRhythm]
        return order.firstIndex(of: kind) ?? order.count
    }

    private mutating func mark(_ event: MonitorEvent, _ code: AnnotationCode, _ text: String = "") {
        // Notes at sample 0 are the file's own definitions, and readers drop them.
        let index = code == .note ? max(1, event.sampleIndex) : event.sampleIndex
        annotations.append(Annotation(sampleIndex: index, code: code, text: text))
    }

    /// The rhythm's label in the MIT-BIH databases; nil if they do not annotate it as a rhythm.
    static func rhythmText(_ kind: AlertKind) -> String? {
        switch kind {
        case .bigeminy: "(B"
        case .trigeminy: "(T"
        case .ventricularTachycardia: "(VT"
        case .supraventricularRun, .supraventricularTachycardia: "(SVTA"
        case .ventricularFibrillation: "(VFL"
        case .idioventricularRhythm: "(IVR"
        case .atrialFibrillation: "(AFIB"
        default: nil
        }
    }
}
