import ECGATKGAN
import ECGMonitor
import WFDB

/// The model that a command works with, and what must be said of it beside every figure.
struct LoadedModel: Sendable {
    let classifier: BeatClassifier
    let path: String
    let card: ModelCard?

    /// - Parameter given: the user's choice; nil: the shipped model.
    init(_ given: String?) throws(ToolError) {
        path = try InstalledFiles.model(given)
        do {
            let model = try ModelFile.readContextualDiscriminator(from: path)
            classifier = BeatClassifier(
                model.network, contextual: model.contextual, name: model.card?.name ?? path, sha256: model.sha256)
            card = model.card
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)",
                nextStep: "Name another with --model, or train one with `ecgmon train`")
        }
    }

    /// Name, checksum and origin for a report.
    struct Identity: Encodable {
        var name: String
        var path: String
        var sha256: String
        var trained_on: String?
        var split: String?
    }

    var identity: Identity {
        Identity(
            name: classifier.name, path: path, sha256: classifier.sha256, trained_on: card?.data, split: card?.split)
    }
}

/// A whole record through one patient's pipeline, as the daemon would run it.
enum MonitorRun {
    /// The events of channel 0, with sample indices in frames of the record.
    static func events(
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
    static func run(
        _ record: Record, name: String, channel: Int = 0, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init(),
        reversed: Bool = false, observing: Bool
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        let input = try RecordChannel(record, name: name, channel: channel)
        var (events, observed) = try run(
            millivolts: reversed ? input.millivolts.map { -$0 } : input.millivolts, gaps: input.gaps,
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

    /// The events of samples in millivolts.
    ///
    /// - Parameter name: of the record, for messages.
    static func events(
        millivolts: [Float], samplingRate: Double, lead: String, name: String, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init()
    ) throws(ToolError) -> [MonitorEvent] {
        try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: lead, name: name, classifier: classifier,
            configuration: configuration, observing: false
        ).events
    }

    /// The beats of samples in millivolts, as the join is given them.
    static func observed(
        millivolts: [Float], samplingRate: Double, name: String, classifier: BeatClassifier
    ) throws(ToolError) -> [ObservedBeat] {
        try run(
            millivolts: millivolts, samplingRate: samplingRate, lead: "", name: name, classifier: classifier,
            configuration: .init(), observing: true
        ).observed
    }

    private static func run(
        millivolts: [Float], gaps: [Range<Int>] = [], samplingRate: Double, lead: String, name: String,
        classifier: BeatClassifier, configuration: MonitorConfiguration, observing: Bool
    ) throws(ToolError) -> (events: [MonitorEvent], observed: [ObservedBeat]) {
        var feed = try MonitorFeed(
            samplingRate: samplingRate, lead: lead, name: name, classifier: classifier, configuration: configuration,
            observing: observing)
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
    static func beats(_ events: [MonitorEvent]) -> [EC57Beat] {
        events.compactMap { event in
            guard case .beat(let beat) = event.kind else { return nil }
            return EC57Beat(
                sampleIndex: event.sampleIndex, beatClass: EC57Class(beat.beatClass),
                decidedAtSampleIndex: event.decidedAtSampleIndex)
        }
    }
}

extension EC57Class {
    /// A beat that was not classified is Q.
    init(_ beatClass: BeatClass?) {
        switch beatClass {
        case .normal: self = .normal
        case .supraventricular: self = .supraventricular
        case .ventricular: self = .ventricular
        case .fusion: self = .fusion
        case nil: self = .unclassifiable
        }
    }
}
