import ECGMonitor
import WFDB

/// The alarms of a record as its annotation file has them: by label, the spans from the mark that begins an alarm to
/// the one that ends it.
///
/// A `+` mark with `(VT`, `(VFL`, `(AFIB` ... changes the rhythm; a note says "KIND begins: ..." or "KIND ends". So
/// the scores are those that anyone gets from the files that `ecgmon annotate` writes. A span begins when the alarm's
/// condition began, not when it was decided.
struct MarkedAlarms: Sendable {
    /// By label, in the order in which they ended.
    private(set) var spans: [String: [TimeSpan]] = [:]

    /// - Parameters:
    ///   - marks: the monitor's annotations, in time order.
    ///   - seconds: length of the record.
    init(_ marks: [Annotation], samplingRate: Double, seconds: Double) {
        var rhythm: (label: String, start: Double)?
        var begun: [String: Double] = [:]
        for mark in marks {
            let time = Double(mark.sampleIndex) / samplingRate
            let text = mark.trimmedText
            if mark.code == .rhythm {
                if let rhythm { add(rhythm.label, rhythm.start, time) }
                rhythm = (text, time)
            } else if mark.code == .note {
                if let beginning = text.firstRange(of: " begins") {
                    let kind = String(text[..<beginning.lowerBound])
                    if begun[kind] == nil { begun[kind] = time }
                } else if text.hasSuffix(" ends") {
                    let kind = String(text.dropLast(5))
                    add(kind, begun.removeValue(forKey: kind) ?? 0, time)
                }
            }
        }
        if let rhythm { add(rhythm.label, rhythm.start, seconds) }
        for (kind, start) in begun.sorted(by: { $0.key < $1.key }) { add(kind, start, seconds) }
    }

    private mutating func add(_ label: String, _ start: Double, _ end: Double) {
        spans[label, default: []].append(TimeSpan(start: start, end: end))
    }

    /// The spans of an alert's label.
    subscript(label: String) -> [TimeSpan] { spans[label] ?? [] }

    /// Whether any of these alarms is on at some time within a span.
    func isOn(_ labels: Set<String>, in span: TimeSpan) -> Bool {
        labels.contains { self[$0].contains { $0.overlaps(span) } }
    }

    /// The label of an alert in the annotations.
    static func label(_ kind: AlertKind) -> String { EventAnnotations.rhythmText(kind) ?? kind.name }

    /// The labels of all alarms of high priority.
    static let high = Set(AlertKind.allCases.filter { $0.priority == .high }.map(label))
    /// The labels of ventricular tachycardia, flutter and fibrillation; `(VF` and `(VFIB` are the databases' own.
    static let lethal: Set<String> = [
        label(.ventricularTachycardia), label(.ventricularFibrillation), "(VF", "(VFIB",
    ]
}

extension Annotation {
    /// The text without the padding that some writers leave.
    var trimmedText: String {
        var text = Substring(text)
        while let last = text.last, last == "\0" || last.isWhitespace { text.removeLast() }
        while let first = text.first, first == "\0" || first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}

/// An annotated rhythm from its mark to the next one.
struct MarkedRhythm: Sendable {
    /// Such as "(VT"; what `[` begins is "(VF", what `]` begins "(N".
    var label: String
    var span: TimeSpan

    /// - Parameters:
    ///   - annotations: the reference's, in time order.
    ///   - seconds: length of the record.
    static func rhythms(_ annotations: [Annotation], samplingRate: Double, seconds: Double) -> [MarkedRhythm] {
        var result: [MarkedRhythm] = []
        for annotation in annotations {
            let label: String
            switch annotation.code {
            case .ventricularFlutterStart: label = "(VF"
            case .ventricularFlutterEnd: label = "(N"
            default:
                label = annotation.trimmedText
                guard label.hasPrefix("(") else { continue }
            }
            let time = Double(annotation.sampleIndex) / samplingRate
            if !result.isEmpty { result[result.count - 1].span.end = time }
            result.append(MarkedRhythm(label: label, span: TimeSpan(start: time, end: seconds)))
        }
        return result
    }
}
