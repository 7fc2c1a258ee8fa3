public import EC57
public import ECGATKGAN
import ECGLimits
public import ECGMonitor
import ECGReplay
public import ToolSupport
public import WFDB

/// A whole record through one patient's pipeline, as the daemon would run it.
public enum MonitorRun {
    /// Samples a segment; the events do not depend on it.
    private static let segmentLength = 3_600

    /// The events of channel 0, with sample indices in frames of the record.
    public static func events(
        of record: Record, name: String, classifier: BeatClassifier, configuration: MonitorConfiguration = .init()
    ) throws(ToolError) -> [MonitorEvent] {
        try run(record, name: name, classifier: classifier, configuration: configuration, observing: false).events
    }

    /// The events, and the beats as the join is given them, where they are observed; sample indices in frames of the
    /// record.
    ///
    /// - Parameters:
    ///   - channel: number of the record's signal.
    ///   - reversed: the electrodes are exchanged: every sample has the other sign.
    public static func run(
        _ record: Record, name: String, channel: Int = 0, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init(),
        reversed: Bool = false, observing: Bool
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        let input = try RecordChannel(record, name: name, channel: channel)
        var (events, observed) = try run(
            millivolts: reversed ? input.millivolts.map { -$0 } : input.millivolts, samplingRate: input.samplingRate,
            lead: input.lead, name: name, classifier: classifier, configuration: configuration, observing: observing)
        for index in events.indices {
            events[index].sampleIndex = input.frame(ofSample: Double(events[index].sampleIndex))
            events[index].decidedAtSampleIndex = input.frame(ofSample: Double(events[index].decidedAtSampleIndex))
        }
        for index in observed.indices {
            observed[index].sampleIndex = input.frame(ofSample: Double(observed[index].sampleIndex))
            observed[index].samplingRate = record.samplingRate
            observed[index].decidedAtSampleIndex = input.frame(ofSample: Double(observed[index].decidedAtSampleIndex))
        }
        return (events, observed)
    }

    /// The events of samples in millivolts.
    ///
    /// - Parameter name: of the record, for messages.
    public static func events(
        millivolts: [Float], samplingRate: Double, lead: String, name: String, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init()
    ) throws(ToolError) -> [MonitorEvent] {
        try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: lead, name: name, classifier: classifier,
            configuration: configuration, observing: false
        ).events
    }

    /// The beats of samples in millivolts, as the join is given them.
    public static func observed(
        millivolts: [Float], samplingRate: Double, name: String, classifier: BeatClassifier
    ) throws(ToolError) -> [ObservedBeat] {
        try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: "", name: name, classifier: classifier,
            configuration: .init(), observing: true
        ).observed
    }

    private static func run(
        millivolts: [Float], samplingRate: Double, lead: String, name: String, classifier: BeatClassifier,
        configuration: MonitorConfiguration, observing: Bool
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        guard SignalLimits.samplingRates.contains(samplingRate) else {
            let range = SignalLimits.samplingRates
            throw ToolError(
                "record \(name) has \(samplingRate) samples a second",
                nextStep: "The monitor takes \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        let (events, observed) = try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: lead, classifier: classifier,
            workspace: classifier.makeWorkspace(), configuration: configuration, observing: observing,
            refusal: ("record \(name) was refused by the monitor", "Give another record"))
        return (events, observed)
    }

    /// The events of a lead in memory.
    ///
    /// - Parameters:
    ///   - workspace: made by this classifier, in use by no other thread.
    ///   - refusal: the error's problem, before the cause, and its next step, where the monitor does not take the samples.
    static func events(
        of material: ReplayMaterial, classifier: BeatClassifier, workspace: BeatClassifier.Workspace,
        configuration: MonitorConfiguration = .init(), refusal: (problem: String, nextStep: String)
    ) throws(ToolError) -> [MonitorEvent] {
        try run(
            millivolts: material.millivolts, samplingRate: material.samplingRate, lead: material.lead,
            classifier: classifier, workspace: workspace, configuration: configuration, observing: false,
            refusal: refusal
        ).events
    }

    private static func run(
        millivolts: [Float], samplingRate: Double, lead: String, classifier: BeatClassifier,
        workspace: BeatClassifier.Workspace, configuration: MonitorConfiguration, observing: Bool,
        refusal: (problem: String, nextStep: String)
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        var monitor = PatientMonitor(configuration: configuration)
        if observing { monitor.observeBeats() }
        var events: [MonitorEvent] = []
        do {
            for start in stride(from: 0, to: millivolts.count, by: segmentLength) {
                let end = min(start + segmentLength, millivolts.count)
                let segment = SampleBlock(
                    session: 1, firstSampleIndex: Int64(start), samplingRate: samplingRate,
                    acquisitionTimeNanoseconds: 0, lead: lead, millivolts: Array(millivolts[start..<end]))
                _ = try monitor.process(segment, classifier: classifier, workspace: workspace, events: &events)
            }
        } catch {
            throw ToolError("\(refusal.problem): \(error.cause)", nextStep: refusal.nextStep)
        }
        monitor.finish(classifier: classifier, workspace: workspace, events: &events)
        return (events, monitor.takeObservedBeats())
    }

    /// The beats among the events.
    public static func beats(_ events: [MonitorEvent]) -> [EC57Beat] {
        events.compactMap { event in
            guard case .beat(let beat) = event.kind else { return nil }
            return EC57Beat(
                sampleIndex: event.sampleIndex, beatClass: EC57Class(beat.beatClass),
                decidedAtSampleIndex: event.decidedAtSampleIndex)
        }
    }
}
