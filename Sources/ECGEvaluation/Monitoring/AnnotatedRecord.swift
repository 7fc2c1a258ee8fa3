public import ECGATKGAN
public import ECGMonitor
import ECGReplay
import ToolSupport
public import WFDB

/// Runs one record through the monitor piece by piece: a recording of days takes no more memory than its events.
///
/// Positions count the signal's own samples, which are finer than the record's frames if a frame holds several.
public struct AnnotatedRecord: Sendable {
    public let annotations: AnnotationSet
    public let warnings: [WFDBError]

    /// - Parameters:
    ///   - source: the record.
    ///   - signal: the signal's number in its header.
    ///   - name: the record's name, for messages.
    ///   - classifier: classifies the beats.
    ///   - handle: receives every event in the order in which they were decided.
    public init(
        _ source: RecordSource, signal: Int, name: String, classifier: BeatClassifier,
        events handle: (MonitorEvent, _ samplingRate: Double) throws -> Void
    ) throws {
        let reader = try SignalReader(source, signal: signal)
        let rate = reader.samplingRate
        var feed = try MonitorFeed(
            samplingRate: rate, lead: RecordLead.name(reader.signal), name: name, classifier: classifier)
        var signalEvents = EventAnnotations()
        var waiting: [MonitorEvent] = []
        func handleWaiting() throws {
            for var event in waiting {
                event.sampleIndex = min(max(0, event.sampleIndex), max(0, feed.nextIndex - 1))
                event.decidedAtSampleIndex = min(max(0, event.decidedAtSampleIndex), max(0, feed.nextIndex - 1))
                signalEvents.add(event)
                try handle(event, rate)
            }
            waiting.removeAll(keepingCapacity: true)
        }
        while let piece = try reader.next() {
            guard let millivolts = reader.signal.millivolts(piece.counts) else {
                throw ToolError("\(name) is not in a voltage", nextStep: "Choose an ECG lead with --lead")
            }
            // The events of a piece are held until the next one: none may lie beyond the end of the record.
            var found: [MonitorEvent] = []
            try feed.take(millivolts[...], at: piece.firstSampleIndex, events: &found)
            try handleWaiting()
            waiting = found
        }
        guard feed.nextIndex > 0 else {
            throw ToolError("\(name) holds no samples of this signal", nextStep: "Choose another with --lead")
        }
        feed.finish(events: &waiting)
        try handleWaiting()
        annotations = signalEvents.set(samplingRate: rate)
        warnings = reader.warnings
    }
}
