import ECGATKGAN
import ECGMonitor

/// One patient's pipeline, given the samples of a record in order.
struct MonitorFeed {
    /// Samples a segment; the events do not depend on it.
    private static let segmentLength = 3_600

    private let samplingRate: Double
    private let lead: String
    private let name: String
    private let classifier: BeatClassifier
    private let workspace: BeatClassifier.Workspace
    private let longestJump: Double
    private var monitor: PatientMonitor
    private var session: UInt64 = 1
    /// Index after the last sample that was taken.
    private(set) var nextIndex: Int64 = 0

    /// - Parameters:
    ///   - name: of the record, for messages.
    ///   - observing: whether the beats are kept for ``takeObservedBeats()``.
    init(
        samplingRate: Double, lead: String, name: String, classifier: BeatClassifier,
        configuration: MonitorConfiguration = .init(), observing: Bool = false
    ) throws(ToolError) {
        guard MonitorConfiguration.supportedSamplingRates.contains(samplingRate) else {
            let range = MonitorConfiguration.supportedSamplingRates
            throw ToolError(
                "record \(name) has \(samplingRate) samples a second",
                nextStep: "The monitor takes \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        self.samplingRate = samplingRate
        self.lead = lead
        self.name = name
        self.classifier = classifier
        workspace = classifier.makeWorkspace()
        longestJump = configuration.maximumIndexJumpSeconds * samplingRate
        monitor = PatientMonitor(configuration: configuration)
        if observing { monitor.observeBeats() }
    }

    /// Takes consecutive samples in millivolts; a first index past the end of those before is a gap.
    mutating func take(
        _ millivolts: ArraySlice<Float>, at first: Int64, events: inout [MonitorEvent]
    ) throws(ToolError) {
        // After hours without samples the monitor begins anew, as it does for a source that comes back.
        if Double(first - nextIndex) > longestJump { session += 1 }
        nextIndex = first
        do {
            for start in stride(from: millivolts.startIndex, to: millivolts.endIndex, by: Self.segmentLength) {
                let end = min(start + Self.segmentLength, millivolts.endIndex)
                let segment = SampleBlock(
                    session: session, firstSampleIndex: nextIndex, samplingRate: samplingRate,
                    acquisitionTimeNanoseconds: 0, lead: lead, millivolts: Array(millivolts[start..<end]))
                _ = try monitor.process(segment, classifier: classifier, workspace: workspace, events: &events)
                nextIndex += Int64(end - start)
            }
        } catch {
            throw ToolError(
                "record \(name) was refused by the monitor: \(error.cause)", nextStep: "Give another record")
        }
    }

    /// The events that the end of the record brings.
    mutating func finish(events: inout [MonitorEvent]) {
        monitor.finish(classifier: classifier, workspace: workspace, events: &events)
    }

    mutating func takeObservedBeats() -> [ObservedBeat] { monitor.takeObservedBeats() }
}
