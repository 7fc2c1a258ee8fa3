import EC57
import ECGClassification
import ECGATKGAN
import ECGMonitor
import WFDB

/// What is scored of one record, or summed over many.
struct GeneralizationScore: Sendable {
    var hours = 0.0
    /// Of the whole stream; its delays are those of the classified beats.
    var beats = EC57Score()
    /// From R to the report of the QRS detector alone, ms.
    var detectionDelays: [Double] = []
    var lethal = LethalRhythmScore()
    var atrialFibrillation = RhythmScore.Duration()
    /// Against the annotated beats.
    var alerts = AlertScore()
    var bedside = BedsideAlarmScore()
    var classes = RecordClassScore()
    /// By label: alarms that began, seconds under them, and records that have any.
    var alarms: [String: (count: Int, seconds: Double, records: Int)] = [:]

    init() {}

    /// What the challenges' files say of a record.
    struct Labels: Sendable {
        var bedsideAlarm: (kind: String, isTrue: Bool)?
        var recordClass: String?
    }

    /// Runs one record through the monitor, and scores its events.
    ///
    /// - Parameter allLeads: all its leads together; otherwise the database's. The detector alone has the first.
    /// - Parameter change: of one lead's samples; the detector alone has them as they are.
    init(
        _ name: String, in database: RecordDatabase, as scoring: ScoringProtocol, labels: Labels,
        classifier: BeatClassifier, allLeads: Bool = false,
        changing change: (_ millivolts: [Float], _ samplingRate: Double) -> [Float] = { millivolts, _ in millivolts }
    ) throws {
        let record = try database.record(name)
        let seconds = Double(record.frameCount) / record.samplingRate
        let events =
            allLeads
            ? try AllLeadsRun.events(of: name, in: database, classifier: classifier)
            : try MonitorRun.events(of: record, name: name, classifier: classifier, changing: change)
        let marks = EventAnnotations.annotations(of: events, samplingRate: record.samplingRate).annotations
        let marked = MarkedAlarms(marks, samplingRate: record.samplingRate, seconds: seconds)
        hours = seconds / 3600
        count(marked, seconds: seconds)
        bedside = BedsideAlarmScore(marked, reference: labels.bedsideAlarm)
        classes = RecordClassScore(marked, recordClass: labels.recordClass, seconds: seconds)
        guard scoring.beats != nil || scoring.hasLethalRhythms else { return }
        let annotations = try database.annotations(name, for: record)
        if scoring.hasLethalRhythms {
            lethal = LethalRhythmScore(
                record: name, alarms: marked,
                alerts: TimedAlert.alerts(events, samplingRate: record.samplingRate, seconds: seconds),
                rhythms: MarkedRhythm.rhythms(
                    annotations, samplingRate: record.samplingRate, seconds: seconds),
                seconds: seconds)
        }
        if scoring.hasAtrialFibrillation {
            atrialFibrillation =
                RhythmScore(events: events, annotations: annotations, record: record)
                .atrialFibrillation
        }
        if let settings = scoring.beats {
            try scoreBeats(name, record, events, annotations, settings, classes: scoring.falseAlarms == .annotatedBeats)
        }
    }

    private mutating func count(_ marked: MarkedAlarms, seconds: Double) {
        let whole = TimeSpan(start: 0, end: seconds)
        for (label, spans) in marked.spans {
            alarms[label] = (spans.count, spans.united().covered(of: whole), 1)
        }
    }

    private mutating func scoreBeats(
        _ name: String, _ record: Record, _ events: [MonitorEvent], _ annotations: [Annotation],
        _ settings: ScoringProtocol.Beats, classes: Bool
    ) throws {
        let whole = EC57Reference(
            annotations: annotations, samplingRate: record.samplingRate, frameCount: record.frameCount)
        guard let scored = ScoredSpan(whole, settings) else { return }
        beats = scored.score(MonitorRun.beats(events))
        detectionDelays = scored.score(try DetectorRun.beats(of: record, name: name)).delays
        guard classes else { return }
        let known = whole.beats.map {
            ReferenceAlerts.Beat(sampleIndex: $0.sampleIndex, beatClass: BeatClass($0.beatClass))
        }
        let rate = record.samplingRate
        alerts = AlertScore(
            found: events,
            reference: ReferenceAlerts.events(
                ofBeats: known, samplingRate: rate, sampleCount: Int64(record.frameCount)),
            flutter: whole.flutter.map { Double($0.lowerBound) / rate...Double($0.upperBound) / rate },
            samplingRate: rate, seconds: Double(record.frameCount) / rate)
    }

    static func += (total: inout GeneralizationScore, record: GeneralizationScore) {
        total.hours += record.hours
        total.beats += record.beats
        total.detectionDelays += record.detectionDelays
        total.lethal += record.lethal
        total.atrialFibrillation += record.atrialFibrillation
        total.alerts += record.alerts
        total.bedside += record.bedside
        total.classes += record.classes
        total.alarms.merge(record.alarms) { ($0.count + $1.count, $0.seconds + $1.seconds, $0.records + $1.records) }
    }
}

/// The part of a record in which beats are scored.
struct ScoredSpan {
    private let reference: EC57Reference
    private let startSeconds: Double

    /// - Returns: nil for a record without annotated beats that is scored within their span.
    init?(_ reference: EC57Reference, _ settings: ScoringProtocol.Beats) {
        var reference = reference
        var start = settings.startSeconds
        if settings.withinSpan {
            guard let first = reference.beats.first, let last = reference.beats.last else { return nil }
            let window = Int64((EC57Score.matchWindowSeconds * reference.samplingRate).rounded(.toNearestOrEven))
            // Half a sample, so that the first beat is scored whatever the rounding.
            start = max(start, (Double(first.sampleIndex) + 0.5) / reference.samplingRate)
            // A beat found within the window after the last one may match it.
            reference.frameCount = min(reference.frameCount, last.sampleIndex + 1) + window
        }
        self.reference = reference
        startSeconds = start
    }

    func score(_ found: [EC57Beat]) -> EC57Score {
        EC57Score(reference: reference, found: found, from: startSeconds)
    }
}

extension RhythmScore.Duration {
    static func += (total: inout Self, other: Self) {
        total.right_min += other.right_min
        total.wrong_min += other.wrong_min
        total.missed_min += other.missed_min
        total.rest_min += other.rest_min
    }
}
