import EC57
public import ECGMonitor
import ECGSignal
import ToolSupport
public import WFDB

/// The monitor's events as WFDB annotations.
///
/// Beats as N, S, V, F, and Q where not classified; ventricular rhythms as `+` with the databases' own words; all other
/// alerts and suspicions as notes; changes of the signal's condition as `~`.
public struct EventAnnotations: Sendable {
    /// The annotation files' extension.
    public static let annotator = "ecgmon"

    private var annotations: [Annotation] = []
    private var rhythms: [AlertKind] = []
    private var condition = SignalCondition.good

    public init() {}

    /// All of them, in the order of time.
    public static func annotations(of events: [MonitorEvent], samplingRate: Double) -> AnnotationSet {
        var signalEvents = EventAnnotations()
        for event in events { signalEvents.add(event) }
        return signalEvents.set(samplingRate: samplingRate)
    }

    /// What has been added, in the order of time.
    public func set(samplingRate: Double) -> AnnotationSet {
        var set = AnnotationSet(annotations, samplingRate: samplingRate)
        set.sortByTime()
        return set
    }

    /// Adds an event, in the order of decision.
    public mutating func add(_ event: MonitorEvent) {
        switch event.kind {
        case .beat(let beat):
            mark(event, AnnotationCode(symbol: EC57Class(beat.beatClass).letter) ?? .unclassifiable)
        case .alert(let alert):
            switch (alert.phase, Self.rhythmText(alert.kind)) {
            case (.started, let text?):
                rhythms.append(alert.kind)
                // It takes the place of what was said of the time since its onset before it was known.
                annotations.removeAll { $0.code == .rhythm && $0.sampleIndex >= event.sampleIndex }
                mark(event, .rhythm, text)
            case (.ended, .some):
                rhythms.removeAll { $0 == alert.kind }
                mark(event, .rhythm, rhythms.last.flatMap(Self.rhythmText) ?? "(N")
            case (.started, nil): mark(event, .note, "\(alert.kind.name) begins: \(alert.text)")
            case (.ended, nil): mark(event, .note, "\(alert.kind.name) ends")
            case (.updated, _): break
            }
        case .suspicion(let suspicion):
            let score = fixed(Double(suspicion.score), 2)
            mark(
                event, .note,
                suspicion.active ? "attack suspected, score \(score)" : "attack suspicion withdrawn")
        case .status(let status):
            if let gap = status.gap { mark(event, .note, "gap of \(gap.missingSampleCount) samples") }
            if status.condition != condition {
                condition = status.condition
                mark(event, .signalQuality, "\(condition)")
            }
        }
    }

    private mutating func mark(_ event: MonitorEvent, _ code: AnnotationCode, _ text: String = "") {
        // Notes at sample 0 are the file's own definitions, and readers drop them.
        let index = code == .note ? max(1, event.sampleIndex) : event.sampleIndex
        annotations.append(Annotation(sampleIndex: index, code: code, text: text))
    }

    /// The rhythm's word in the MIT-BIH databases, nil for what they do not annotate as a rhythm.
    private static func rhythmText(_ kind: AlertKind) -> String? {
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
