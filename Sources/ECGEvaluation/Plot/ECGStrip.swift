import EC57
public import ECGClassification
public import ECGATKGAN
public import ECGMonitor
import ECGReplay
public import ToolSupport
import WFDB

/// A stretch of a record's ECG with the reference annotations and what the monitor said of it.
public struct ECGStrip: Sendable {
    /// A beat, or a reference beat.
    public struct Beat: Sendable, Equatable {
        /// Of the R peak, in s of the record.
        public var seconds: Double
        /// The class, N S V F or Q; of a reference beat the annotation's own symbol.
        public var letter: Character
    }

    /// A reference annotation that lasts.
    public struct Mark: Sendable, Equatable {
        public var label: String
        /// In s of the record; both ends may lie outside of the stretch.
        public var start: Double
        public var end: Double
        /// Whether it names a lethal rhythm.
        public var isLethal: Bool
    }

    /// The longest stretch, s.
    public static let maximumSeconds = 120.0

    public var title: String
    public var lead: String
    public var start: Double
    public var end: Double
    public var samplingRate: Double
    /// From `start` on, in mV; NaN for invalid samples.
    public var millivolts: [Float]
    public var beats: [Beat]
    public var alerts: [TimedAlert]
    /// nil if the record has no beat annotations at all.
    public var referenceBeats: [Beat]?
    /// nil if the record has no annotations that last.
    public var referenceMarks: [Mark]?

    /// Runs the whole record through the monitor, so that it has learned the patient when the stretch begins.
    ///
    /// - Parameters:
    ///   - database: the record's folder, with the choice of the lead.
    ///   - start: in s of the record.
    ///   - end: in s; what lies beyond the record is cut off.
    /// - Throws: `ToolError` if the record cannot be read, or nothing of it lies in the stretch.
    public init(
        _ name: String, in database: RecordDatabase, from start: Double, to end: Double, classifier: BeatClassifier
    ) throws(ToolError) {
        let record = try database.record(name)
        let input = try RecordChannel(record, name: name)
        let rate = record.samplingRate
        let seconds = Double(record.frameCount) / rate
        let first = Int((max(0, start) * rate).rounded())
        let last = min(input.millivolts.count, Int((end * rate).rounded()))
        guard end - start <= Self.maximumSeconds else {
            throw ToolError(
                "a plot of \(fixed(end - start, 0)) s is too long",
                nextStep: "Take \(fixed(Self.maximumSeconds, 0)) s at most, with --from and --to")
        }
        guard first < last else {
            throw ToolError(
                "nothing of record \(name) lies between \(ClockTime(seconds: start)) and \(ClockTime(seconds: end))",
                nextStep: "It lasts \(ClockTime(seconds: seconds)): choose with --from and --to")
        }
        title = "\(database.directory.split(separator: "/").last.map { "\($0)/" } ?? "")\(name)"
        lead = input.lead
        self.start = Double(first) / rate
        self.end = Double(last) / rate
        samplingRate = rate
        millivolts = Array(input.millivolts[first..<last])
        let span = self.start..<self.end
        let events = try MonitorRun.events(of: record, name: name, classifier: classifier)
        beats = MonitorRun.beats(events).map {
            Beat(seconds: Double($0.sampleIndex) / rate, letter: $0.beatClass.letter)
        }.filter { span.contains($0.seconds) }
        alerts = TimedAlert.alerts(events, samplingRate: rate, seconds: seconds).filter {
            $0.onset < span.upperBound && ($0.cleared ?? $0.end) > span.lowerBound
        }
        try readReference(name, record, in: database, seconds: seconds)
    }

    private mutating func readReference(
        _ name: String, _ record: Record, in database: RecordDatabase, seconds: Double
    ) throws(ToolError) {
        if let reference = try? database.annotations(name, for: record) {
            let beats = reference.filter(\.code.isBeat)
            let span = start..<end
            if !beats.isEmpty {
                referenceBeats = beats.map {
                    Beat(seconds: Double($0.sampleIndex) / record.samplingRate, letter: $0.code.symbol)
                }.filter { span.contains($0.seconds) }
            }
            let rhythms = MarkedRhythm.rhythms(reference, samplingRate: record.samplingRate, seconds: seconds)
            if !rhythms.isEmpty {
                referenceMarks = rhythms.map {
                    Mark(
                        label: Self.name($0.label), start: $0.span.start, end: $0.span.end,
                        isLethal: LethalRhythmScore.isLethal($0.label))
                }
            }
        }
        if let alarm = RecordLabels.bedsideAlarms(in: database.directory)[name] {
            let kind = alarm.kind.split(separator: "_").joined(separator: " ")
            let span = BedsideAlarmScore.span
            referenceMarks = [
                Mark(
                    label: "bedside alarm at 5:00: \(kind), \(alarm.isTrue ? "true" : "false")", start: span.start,
                    end: span.end, isLethal: alarm.isTrue)
            ]
        }
        if let recordClass = RecordLabels.recordClasses(in: database.directory)[name] {
            let names = ["N": "normal", "A": "atrial fibrillation", "O": "other rhythm", "~": "noise"]
            referenceMarks = [
                Mark(
                    label: "whole record: \(names[recordClass] ?? recordClass)", start: 0, end: .infinity,
                    isLethal: false)
            ]
        }
        referenceMarks = referenceMarks?.filter { $0.end > start && $0.start < end }
    }

    /// A rhythm's label without the bracket of the annotation files.
    private static func name(_ label: String) -> String { label.hasPrefix("(") ? String(label.dropFirst()) : label }
}
