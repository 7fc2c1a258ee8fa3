public import ECGATKGAN
public import ECGClassification
public import ECGMonitor
public import ToolSupport
import WFDB

/// What the atrial fibrillation rule knows at each beat of a record, with what the annotators say: the rows from which
/// its model is trained.
public struct FibrillationRows: Sendable {
    public enum Label: String, Sendable {
        case fibrillation = "A"
        case other = "N"
        /// Neither: two rhythms within the features' 30 s, atrial flutter, a lethal rhythm, or a record of noise.
        case excluded = "X"
    }

    public var database: String
    public var record: String
    /// Length of the record, in s.
    public var recordSeconds: Double
    public var rows: [ObservedRhythm] = []
    /// One for each row.
    public var labels: [Label] = []
}

extension FibrillationRows {
    /// Seconds before a beat that its features are from.
    private static let spanSeconds = 30.0
    private static let hidden: Set<String> = ["(AFL", "(AF", "(VF", "(VFIB", "(VFL", "(VT", "(NOISE", "(ASYS"]

    /// Runs a record's first channel through the monitor.
    ///
    /// - Parameter kind: the class of the whole record, as in the challenge of 2017 (A atrial fibrillation, N, O, ~);
    ///   nil: its rhythm annotations count.
    public init(
        _ name: String, in database: RecordDatabase, kind: String?, classifier: BeatClassifier
    ) throws(ToolError) {
        let record = try database.record(name)
        let input = try RecordChannel(record, name: name)
        let rhythm =
            kind == nil
            ? RhythmReference(
                annotations: try database.annotations(name, for: record), frameCount: Int64(record.frameCount))
            : nil
        self.init(database: "", record: name, recordSeconds: 0)
        self.database = String(database.directory.split(separator: "/").last ?? "")
        recordSeconds = Double(input.millivolts.count) / input.samplingRate
        var feed = try MonitorFeed(
            samplingRate: input.samplingRate, leads: [input.lead], name: name, classifier: classifier,
            observingRhythm: true)
        var events: [MonitorEvent] = []
        var start = 0
        for gap in input.gaps + [input.millivolts.count..<input.millivolts.count] {
            if start < gap.lowerBound {
                try feed.take(input.millivolts[start..<gap.lowerBound], at: Int64(start), events: &events)
            }
            start = gap.upperBound
        }
        feed.finish(events: &events)
        rows = feed.takeObservedRhythm()
        labels = rows.map { row in
            if let kind { return kind == "A" ? .fibrillation : kind == "~" ? .excluded : .other }
            let last = input.frame(ofSample: Double(row.sampleIndex))
            let first = last - Int64(Self.spanSeconds * record.samplingRate)
            let span = max(0, first)..<max(1, last)
            let names = (rhythm?.episodes ?? []).filter { $0.frames.overlaps(span) }.map(\.name)
            if !names.isEmpty, names.allSatisfy({ $0 == "(AFIB" }) { return .fibrillation }
            return names.contains { $0 == "(AFIB" || Self.hidden.contains($0) } ? .excluded : .other
        }
    }

    /// One line for each row: database, record, label, seconds of the beat, of the decision and behind the features,
    /// the features.
    public var text: String {
        zip(rows, labels).map { row, label in
            let times = [row.sampleIndex, row.decidedAtSampleIndex].map { fixed(Double($0) / row.samplingRate, 2) }
            let numbers = times + ([row.seconds] + row.features).map { fixed(Double($0), 5) }
            return "\(database),\(record),\(label.rawValue),\(numbers.joined(separator: ","))\n"
        }.joined()
    }
}
