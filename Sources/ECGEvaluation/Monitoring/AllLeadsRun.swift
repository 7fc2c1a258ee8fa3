import ECGClassification
import ECGMonitor
import ECGReplay
import ToolSupport
import WFDB

/// Runs all ECG leads of a record through one patient's pipeline together.
enum AllLeadsRun {
    /// The events, with sample indices of the first ECG lead.
    ///
    /// - Parameters:
    ///   - name: the record's name, with its folders below the database's.
    ///   - classifier: classifies the beats.
    static func events(
        of name: String, in database: RecordDatabase, classifier: BeatClassifier
    ) throws -> [MonitorEvent] {
        let place = RecordPath(name, in: database.directory)
        let source = try RecordSource(place.name, in: place.directory, strict: database.strict).withTrueBaseline()
        let signals = try RecordLead.indices(RecordLead.all, in: source.header, path: "\(database.directory)/\(name)")
        var reader = try LeadReader(source, signals: signals, name: name)
        var feed = try MonitorFeed(
            samplingRate: reader.samplingRate, leads: reader.names, name: name, classifier: classifier)
        var events: [MonitorEvent] = []
        while let piece = try reader.next() {
            try feed.take(piece.millivolts, at: piece.firstSampleIndex, events: &events)
        }
        feed.finish(events: &events)
        let last = max(0, feed.nextIndex - 1)
        for index in events.indices {
            events[index].sampleIndex = min(max(0, events[index].sampleIndex), last)
            events[index].decidedAtSampleIndex = min(max(0, events[index].decidedAtSampleIndex), last)
        }
        return events
    }
}
