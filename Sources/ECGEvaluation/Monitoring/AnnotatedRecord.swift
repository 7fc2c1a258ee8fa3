public import ECGATKGAN
public import ECGClassification
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
    ///   - signals: numbers of the leads, at least one; all have the same number of samples a frame.
    ///   - name: the record's name, for messages.
    ///   - classifier: classifies the beats.
    ///   - progress: receives the share of the record that was worked through since the last call, 0 ... 1; not called
    ///     where the header does not say how long the record is.
    ///   - handle: receives every event in the order in which they were decided.
    public init(
        _ source: RecordSource, signals: [Int], name: String, classifier: BeatClassifier,
        progress: (_ share: Double) -> Void = { _ in },
        events handle: (MonitorEvent, _ samplingRate: Double) throws -> Void
    ) throws {
        let seconds = Double(source.header.frameCount ?? 0) / source.header.samplingRate
        var reader = try LeadReader(source, signals: signals, name: name)
        let rate = reader.samplingRate
        var feed = try MonitorFeed(samplingRate: rate, leads: reader.names, name: name, classifier: classifier)
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
            // The events of a piece are held until the next one: none may lie beyond the end of the record.
            var found: [MonitorEvent] = []
            try feed.take(piece.millivolts, at: piece.firstSampleIndex, events: &found)
            try handleWaiting()
            waiting = found
            if seconds > 0 { progress(Double(piece.millivolts[0].count) / rate / seconds) }
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
