import EC57
import ECGATKGAN
import ECGEvaluation
import ECGMonitor
import ECGSignal
import ToolSupport

/// An event of a record as one line of JSON, for scorers that must know when a thing was said, not only of what.
///
/// Samples are those of the annotation file beside it, seconds count from the record's start.
struct EventRecord: Encodable {
    var record: String
    /// beat, alert, suspicion or status.
    var kind: String
    /// What the event is about: an R peak, the onset of an alert's condition, its change or end.
    var sample_index: Int64
    var seconds: Double
    /// The sample whose arrival decided it: before it, nothing was said.
    var decided_at: Int64
    var decided_at_seconds: Double
    var beat: BeatFields?
    var alert: AlertFields?
    var suspicion: SuspicionFields?
    var status: StatusFields?

    struct BeatFields: Encodable {
        /// N, S, V or F; absent where the beat was not classified.
        var beat_class: String?
        var not_classified_because: String?
        var rr_interval_seconds: Double?
        var amplitude_millivolts: Double
        var attack_suspicion: Double
    }

    struct AlertFields: Encodable {
        /// As a display names it: "ventricular tachycardia".
        var kind: String
        /// started, updated or ended.
        var phase: String
        var priority: String
        /// Which alert of this kind: the phases of one have the same number.
        var number: UInt32
        var onset_sample_index: Int64
        var duration_seconds: Double
        var heart_rate: Double?
        var beat_count: Int
        var ended_because: String?
        var text: String
    }

    struct SuspicionFields: Encodable {
        /// perturbation or replay.
        var cause: String
        var active: Bool
        var score: Double
        var beats_considered: Int
        var first_sample_index: Int64
        var last_sample_index: Int64
    }

    struct StatusFields: Encodable {
        var condition: String
        var state: String
        var heart_rate: Double?
        var first_missing_sample_index: Int64?
        var missing_sample_count: Int64?
    }

    /// - Parameter samplingRate: samples a second of the event's positions.
    init(_ event: MonitorEvent, record: String, samplingRate: Double) {
        func seconds(_ index: Int64) -> Double { (Double(index) / samplingRate).rounded(decimals: 6) }
        self.record = record
        kind = ""
        sample_index = event.sampleIndex
        self.seconds = seconds(event.sampleIndex)
        decided_at = event.decidedAtSampleIndex
        decided_at_seconds = seconds(event.decidedAtSampleIndex)
        switch event.kind {
        case .beat(let found):
            kind = "beat"
            beat = BeatFields(
                beat_class: found.beatClass.map { String(EC57Class($0).letter) },
                not_classified_because: found.notClassifiedBecause.map { "\($0)" },
                rr_interval_seconds: found.rrIntervalSeconds?.rounded(decimals: 6),
                amplitude_millivolts: Double(found.amplitudeMillivolts).rounded(decimals: 4),
                attack_suspicion: Double(found.attackSuspicion).rounded(decimals: 4))
        case .alert(let found):
            kind = "alert"
            alert = AlertFields(
                kind: found.kind.name, phase: "\(found.phase)", priority: "\(found.priority)", number: found.number,
                onset_sample_index: found.onsetSampleIndex,
                duration_seconds: found.durationSeconds.rounded(decimals: 3),
                heart_rate: found.heartRate?.rounded(decimals: 1), beat_count: found.beatCount,
                ended_because: found.endedBecause.map { "\($0)" }, text: found.text)
        case .suspicion(let found):
            kind = "suspicion"
            suspicion = SuspicionFields(
                cause: "\(found.cause)", active: found.active, score: Double(found.score).rounded(decimals: 4),
                beats_considered: found.beatsConsidered, first_sample_index: found.firstSampleIndex,
                last_sample_index: found.lastSampleIndex)
        case .status(let found):
            kind = "status"
            status = StatusFields(
                condition: "\(found.condition)", state: "\(found.state)",
                heart_rate: found.heartRate?.rounded(decimals: 1),
                first_missing_sample_index: found.gap?.firstMissingSampleIndex,
                missing_sample_count: found.gap?.missingSampleCount)
        }
    }
}
