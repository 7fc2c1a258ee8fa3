public import EC57
public import ECGATKGAN
public import ECGClassification
import ECGLimits
public import ECGMonitor
import ECGReplay
public import ToolSupport
public import WFDB

/// Runs a whole record through one patient's pipeline, as the daemon would.
public enum MonitorRun {
    /// The events of channel 0, with sample indices in frames of the record.
    ///
    /// - Parameter change: what becomes of the samples first.
    public static func events(
        of record: Record, name: String, classifier: BeatClassifier, configuration: MonitorConfiguration = .init(),
        changing change: (_ millivolts: [Float], _ samplingRate: Double) -> [Float] = { millivolts, _ in millivolts }
    ) throws(ToolError) -> [MonitorEvent] {
        try run(
            record, name: name, classifier: classifier, configuration: configuration, changing: change,
            observing: false
        ).events
    }

    /// The events and, if observed, the beats as input to the contextual classifier; sample indices in frames of the
    /// record.
    ///
    /// - Parameters:
    ///   - record: the record.
    ///   - name: its name, for messages.
    ///   - channel: number of the record's signal.
    ///   - classifier: classifies the beats.
    ///   - configuration: the monitor's limits and alarms.
    ///   - reversed: whether the electrodes are swapped, so that every sample has the opposite sign.
    ///   - change: what becomes of the samples first.
    ///   - observing: whether to return the beats as input to the contextual classifier.
    public static func run(
        _ record: Record, name: String, channel: Int = 0, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init(),
        reversed: Bool = false,
        changing change: (_ millivolts: [Float], _ samplingRate: Double) -> [Float] = { millivolts, _ in millivolts },
        observing: Bool
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        let input = try RecordChannel(record, name: name, channel: channel)
        let millivolts = change(input.millivolts, input.samplingRate)
        var (events, observed) = try run(
            millivolts: reversed ? millivolts.map { -$0 } : millivolts, gaps: input.gaps,
            samplingRate: input.samplingRate, lead: input.lead, name: name, classifier: classifier,
            configuration: configuration, observing: observing)
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

    /// The events for samples in millivolts.
    ///
    /// - Parameters:
    ///   - millivolts: the samples.
    ///   - samplingRate: samples per second.
    ///   - lead: the lead's name.
    ///   - name: the record's name, for messages.
    ///   - classifier: classifies the beats.
    ///   - configuration: the monitor's limits and alarms.
    public static func events(
        millivolts: [Float], samplingRate: Double, lead: String, name: String, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init()
    ) throws(ToolError) -> [MonitorEvent] {
        try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: lead, name: name, classifier: classifier,
            configuration: configuration, observing: false
        ).events
    }

    /// The beats for samples in millivolts, as input to the contextual classifier.
    public static func observed(
        millivolts: [Float], samplingRate: Double, name: String, classifier: BeatClassifier
    ) throws(ToolError) -> [ObservedBeat] {
        try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: "", name: name, classifier: classifier,
            configuration: .init(), observing: true
        ).observed
    }

    /// The events for a lead in memory.
    ///
    /// - Parameters:
    ///   - workspace: created by this classifier and not used by any other thread.
    ///   - refusal: the problem (stated before the cause) and next step of the error thrown if the monitor rejects the
    ///     samples.
    static func events(
        of material: ReplayMaterial, classifier: BeatClassifier, workspace: BeatClassifier.Workspace,
        configuration: MonitorConfiguration = .init(), refusal: (problem: String, nextStep: String)
    ) throws(ToolError) -> [MonitorEvent] {
        let feed = try MonitorFeed(
            samplingRate: material.samplingRate, leads: [material.lead], name: material.name, classifier: classifier,
            workspace: workspace, configuration: configuration, refusal: refusal)
        return try run(feed, millivolts: material.millivolts, gaps: material.gaps).events
    }

    private static func run(
        millivolts: [Float], gaps: [Range<Int>] = [], samplingRate: Double, lead: String, name: String,
        classifier: BeatClassifier, configuration: MonitorConfiguration, observing: Bool
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        let feed = try MonitorFeed(
            samplingRate: samplingRate, leads: [lead], name: name, classifier: classifier, configuration: configuration,
            observing: observing)
        return try run(feed, millivolts: millivolts, gaps: gaps)
    }

    private static func run(
        _ feed: MonitorFeed, millivolts: [Float], gaps: [Range<Int>]
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        var feed = feed
        var events: [MonitorEvent] = []
        var start = 0
        for gap in gaps + [millivolts.count..<millivolts.count] {
            if start < gap.lowerBound {
                try feed.take(millivolts[start..<gap.lowerBound], at: Int64(start), events: &events)
            }
            start = gap.upperBound
        }
        feed.finish(events: &events)
        return (events, feed.takeObservedBeats())
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
