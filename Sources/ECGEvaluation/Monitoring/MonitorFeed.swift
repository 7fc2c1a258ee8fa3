public import ECGATKGAN
public import ECGClassification
import ECGLimits
public import ECGMonitor
public import ToolSupport

/// One patient's pipeline, fed with the samples of a record in order.
public struct MonitorFeed {
    /// Samples per block; the events do not depend on it.
    private static let blockLength = 3_600

    private let samplingRate: Double
    private let leads: [String]
    private let refusal: (problem: String, nextStep: String)
    private let classifier: BeatClassifier
    private let workspace: BeatClassifier.Workspace
    private let maximumJump: Double
    private var monitor: PatientMonitor
    private var session: UInt64 = 1
    /// Index after the last sample fed.
    public private(set) var nextIndex: Int64 = 0

    /// - Parameters:
    ///   - samplingRate: samples per second.
    ///   - leads: names of the leads, 1 ... 12; if there are several, all different and none empty.
    ///   - name: the record's name, for messages.
    ///   - classifier: classifies the beats.
    ///   - workspace: created by this classifier and not used by any other thread; nil: creates its own.
    ///   - configuration: the monitor's limits and alarms.
    ///   - observing: whether the beats are kept for ``takeObservedBeats()``.
    ///   - observingRhythm: whether the rhythm's features are kept for ``takeObservedRhythm()``.
    ///   - refusal: the problem (stated before the cause) and next step of the error thrown if the monitor rejects the
    ///     samples; nil: reports that the record was rejected.
    public init(
        samplingRate: Double, leads: [String], name: String, classifier: BeatClassifier,
        workspace: BeatClassifier.Workspace? = nil, configuration: MonitorConfiguration = .init(),
        observing: Bool = false, observingRhythm: Bool = false, refusal: (problem: String, nextStep: String)? = nil
    ) throws(ToolError) {
        guard SignalLimits.samplingRates.contains(samplingRate) else {
            let range = SignalLimits.samplingRates
            throw ToolError(
                "record \(name) has \(samplingRate) samples a second",
                nextStep: "The monitor takes \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        self.samplingRate = samplingRate
        self.leads = leads
        self.refusal = refusal ?? ("record \(name) was refused by the monitor", "Give another record")
        self.classifier = classifier
        self.workspace = workspace ?? classifier.makeWorkspace()
        maximumJump = configuration.maximumIndexJumpSeconds * samplingRate
        monitor = PatientMonitor(configuration: configuration)
        if observing { monitor.observeBeats() }
        if observingRhythm { monitor.observeRhythm() }
    }

    /// Feeds consecutive samples in millivolts; a first index beyond the end of the previous samples is a gap.
    public mutating func take(
        _ millivolts: ArraySlice<Float>, at first: Int64, events: inout [MonitorEvent]
    ) throws(ToolError) {
        try take([millivolts], at: first, events: &events)
    }

    /// Feeds consecutive samples of all leads, as many of each, in millivolts.
    public mutating func take(
        _ samples: [ArraySlice<Float>], at first: Int64, events: inout [MonitorEvent]
    ) throws(ToolError) {
        precondition(samples.count == leads.count, "samples of each lead")
        // After hours without samples the monitor starts anew, as it does for a source that reconnects.
        if Double(first - nextIndex) > maximumJump { session += 1 }
        nextIndex = first
        do {
            let count = samples[0].count
            for start in stride(from: 0, to: count, by: Self.blockLength) {
                let length = min(Self.blockLength, count - start)
                let parts = samples.map { Array($0.dropFirst(start).prefix(length)) }
                let further = zip(leads, parts).dropFirst().map { LeadSamples(lead: $0, millivolts: $1) }
                let block = SampleBlock(
                    session: session, firstSampleIndex: nextIndex, samplingRate: samplingRate,
                    acquisitionTimeNanoseconds: 0, lead: leads[0], millivolts: parts[0], furtherLeads: Array(further))
                _ = try monitor.process(block, classifier: classifier, workspace: workspace, events: &events)
                nextIndex += Int64(length)
            }
        } catch {
            throw ToolError("\(refusal.problem): \(error.cause)", nextStep: refusal.nextStep)
        }
    }

    /// The events produced by the end of the record.
    public mutating func finish(events: inout [MonitorEvent]) {
        monitor.finish(classifier: classifier, workspace: workspace, events: &events)
    }

    /// The beats observed since the last call.
    public mutating func takeObservedBeats() -> [ObservedBeat] { monitor.takeObservedBeats() }

    /// The features of the atrial fibrillation rule observed since the last call.
    public mutating func takeObservedRhythm() -> [ObservedRhythm] { monitor.takeObservedRhythm() }
}
