import EC57
public import ECGATKGAN
public import ECGClassification
public import ECGMonitor
public import ToolSupport

/// The beats of a record as input to the contextual classifier, with their classes.
public enum ContextualBeats {
    /// A beat with its class.
    public struct LabelledBeat: Sendable {
        public var beat: ObservedBeat
        /// N if no reference beat matches the detection.
        public var beatClass: BeatClass
    }

    /// Excluded: paced and unclassifiable beats, ventricular flutter, and beats before `startSeconds`.
    public static func labelled(
        _ name: String, in database: RecordDatabase, channel: Int = 0, from startSeconds: Double,
        classifier: BeatClassifier
    ) throws(ToolError) -> [LabelledBeat] {
        let record = try database.record(name, channel: channel)
        let reference = try database.reference(name, for: record)
        // The beats do not depend on the contextual classifier, so running it would only cost time.
        var (events, observed) = try MonitorRun.run(
            record, name: name, classifier: classifier, observing: true)
        ObservedBeat.attachNext(&observed)
        let score = EC57Score(reference: reference, found: MonitorRun.beats(events), from: startSeconds)
        var beats: [LabelledBeat] = []
        for beat in observed {
            guard let matched = score.referenceClasses[beat.sampleIndex] else { continue }
            // A false detection is labelled N; a Q beat is excluded.
            guard let beatClass = matched.map({ BeatClass($0) }) ?? .normal else { continue }
            beats.append(LabelledBeat(beat: beat, beatClass: beatClass))
        }
        return beats
    }

    public static func samples(
        of name: String, in database: RecordDatabase, channel: Int, number: Int, classifier: BeatClassifier
    ) throws(ToolError) -> ContextualSamples {
        var samples = ContextualSamples()
        for labelled in try labelled(name, in: database, channel: channel, from: 0, classifier: classifier) {
            samples.append(
                window: labelled.beat.window, logits: labelled.beat.answer.logits, context: labelled.beat.context,
                label: labelled.beatClass, record: number)
        }
        return samples
    }

    /// Beats of a record of which only the class of the rhythm is known, all N: those of sinus rhythm whose signal is
    /// good, and those of atrial fibrillation that resemble the patient's others.
    ///
    /// - Parameter recordClass: N for sinus rhythm, A for atrial fibrillation; others give no beats.
    public static func samples(
        of name: String, in database: RecordDatabase, recordClass: String, number: Int, classifier: BeatClassifier
    ) throws(ToolError) -> ContextualSamples {
        var samples = ContextualSamples()
        guard ["N", "A"].contains(recordClass) else { return samples }
        let isSinus = recordClass == "N"
        let record = try database.record(name, channel: 0)
        var observed = try MonitorRun.run(record, name: name, classifier: classifier, observing: true).observed
        ObservedBeat.attachNext(&observed)
        for beat in observed where !(isSinus && beat.context.isNoisy) {
            samples.append(
                window: beat.window, logits: beat.answer.logits, context: beat.context, label: .normal, record: number,
                minimumSimilarity: isSinus ? -.infinity : leastAlike)
        }
        return samples
    }

    /// Minimum similarity of a beat of atrial fibrillation: others may be ventricular.
    private static let leastAlike: Float = 0.6
}
