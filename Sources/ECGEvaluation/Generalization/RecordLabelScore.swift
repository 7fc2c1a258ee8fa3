import ECGMonitor
import FoundationEssentials

/// The alarm at 5:00 of the records of the challenge of 2015: was the bedside monitor right, and does this one agree?
struct BedsideAlarmScore: Sendable {
    /// Counts of one kind of alarm.
    struct Counts: Sendable, Equatable {
        var trueTold = 0
        var trueMissed = 0
        var falseTold = 0
        var falseSuppressed = 0

        static func += (total: inout Counts, other: Counts) {
            total.trueTold += other.trueTold
            total.trueMissed += other.trueMissed
            total.falseTold += other.falseTold
            total.falseSuppressed += other.falseSuppressed
        }
    }

    /// When the alarm sounded, in s of the record.
    static let soundedAt = 300.0
    /// The monitor must have the same alarm on at some time in this span.
    static let span = TimeSpan(start: soundedAt - 12, end: soundedAt + 2)
    /// The kinds by their names in `ALARMS`, with the labels of the alarms that say the same or graver.
    private static let labels: [String: Set<String>] = [
        "Asystole": [MarkedAlarms.label(.asystole), "(ASYS"],
        "Bradycardia": [MarkedAlarms.label(.extremeBradycardia)],
        "Tachycardia": MarkedAlarms.lethal.union([
            MarkedAlarms.label(.extremeTachycardia), MarkedAlarms.label(.supraventricularTachycardia),
        ]),
        "Ventricular_Flutter_Fib": [MarkedAlarms.label(.ventricularFibrillation), "(VF"],
        "Ventricular_Tachycardia": MarkedAlarms.lethal,
    ]

    /// By kind, as `ALARMS` names it.
    private(set) var kinds: [String: Counts] = [:]

    init() {}

    /// - Parameter reference: nil if the record's alarm is not known; then nothing is scored.
    init(_ alarms: MarkedAlarms, reference: (kind: String, isTrue: Bool)?) {
        guard let reference, let same = Self.labels[reference.kind] else { return }
        let isTold = alarms.isOn(same, in: Self.span)
        var counts = Counts()
        switch (reference.isTrue, isTold) {
        case (true, true): counts.trueTold = 1
        case (true, false): counts.trueMissed = 1
        case (false, true): counts.falseTold = 1
        case (false, false): counts.falseSuppressed = 1
        }
        kinds[reference.kind] = counts
    }

    static func += (total: inout BedsideAlarmScore, record: BedsideAlarmScore) {
        for (kind, counts) in record.kinds { total.kinds[kind, default: Counts()] += counts }
    }

    /// The counts of all kinds together.
    var all: Counts { kinds.values.reduce(into: Counts()) { $0 += $1 } }
}

/// The alarms of the records of the challenge of 2017 by the class of the record: N normal, A atrial fibrillation, O
/// other rhythm, ~ noise.
struct RecordClassScore: Sendable {
    /// Records of one class, and how many of them have which alarm.
    struct Counts: Sendable {
        var records = 0
        var hours = 0.0
        var asystole = 0
        var ventricularTachycardia = 0
        var ventricularFibrillation = 0
        var atrialFibrillation = 0
        var alarms = FalseAlarms()
    }

    static let classes = ["N", "A", "O", "~"]
    /// The class of records that are too noisy to judge.
    static let noise = "~"

    private(set) var classes: [String: Counts] = [:]

    init() {}

    /// - Parameter recordClass: nil if it is not known; then nothing is scored.
    init(_ alarms: MarkedAlarms, recordClass: String?, seconds: Double) {
        guard let recordClass, Self.classes.contains(recordClass) else { return }
        func has(_ kind: AlertKind) -> Int { alarms[MarkedAlarms.label(kind)].isEmpty ? 0 : 1 }
        var counts = Counts(
            records: 1, hours: seconds / 3600, asystole: has(.asystole),
            ventricularTachycardia: has(.ventricularTachycardia),
            ventricularFibrillation: has(.ventricularFibrillation), atrialFibrillation: has(.atrialFibrillation))
        for (label, spans) in alarms.spans {
            for _ in spans { counts.alarms.add(label: label) }
        }
        classes[recordClass] = counts
    }

    static func += (total: inout RecordClassScore, record: RecordClassScore) {
        for (name, counts) in record.classes { total.classes[name, default: Counts()] += counts }
    }

    /// The classes N, A and O together: there is a rhythm in all of these records.
    var judged: Counts {
        classes.reduce(into: Counts()) { total, entry in
            if entry.key != Self.noise { total += entry.value }
        }
    }
}

extension RecordClassScore.Counts {
    fileprivate static func += (total: inout Self, other: Self) {
        total.records += other.records
        total.hours += other.hours
        total.asystole += other.asystole
        total.ventricularTachycardia += other.ventricularTachycardia
        total.ventricularFibrillation += other.ventricularFibrillation
        total.atrialFibrillation += other.atrialFibrillation
        total.alarms += other.alarms
    }
}

/// The files of the challenges that say what a record is.
enum RecordLabels {
    /// Kind and truth of the alarm of each record: lines such as `a103l,Asystole,0`. Other lines are passed over.
    static func bedsideAlarms(in directory: String) -> [String: (kind: String, isTrue: Bool)] {
        lines(directory + "/ALARMS").reduce(into: [:]) { alarms, fields in
            guard fields.count >= 3, fields[2] == "0" || fields[2] == "1" else { return }
            alarms[fields[0]] = (fields[1], fields[2] == "1")
        }
    }

    /// Class of each record: lines such as `A00001,N`. Other lines are passed over.
    static func recordClasses(in directory: String) -> [String: String] {
        lines(directory + "/REFERENCE.csv").reduce(into: [:]) { classes, fields in
            if fields.count >= 2 { classes[fields[0]] = fields[1] }
        }
    }

    private static func lines(_ path: String) -> [[String]] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map { field in
                String(field.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
            }
        }
    }
}
