import ArgumentParser
import ECGEvaluation
import ECGMonitor
import ToolSupport
import WFDB

/// What the evaluations of a detector or a stream have in common.
struct EvaluateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only these records, separated by commas.", valueName: "names"))
    var records: String?

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp("Score from this second on; EC57 allows five minutes for learning.", valueName: "seconds"))
    var start = 300.0

    @Flag(help: "Score whole records, like --from 0.")
    var whole = false

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Also write the beats found as annotation files into this folder.", valueName: "dir"))
    var output: String?

    @Option(help: "Lead, by name or number from 0 (default: the first signal that is an ECG by its name and unit).")
    var lead: String?

    @Flag(help: "Refuse, rather than warn about, files whose length, checksum or first value differs from the header.")
    var strict = false

    /// The database with the choice of the lead.
    func openDatabase() throws(ToolError) -> RecordDatabase {
        try RecordDatabase(database, lead: lead, strict: strict)
    }

    /// Seconds from the start that are not scored.
    var startSeconds: Double { whole ? 0 : start }

    /// Writes a record's events as annotations into the `output` folder, where there is one.
    func annotationWriter() throws(ToolError) -> @Sendable (Record, String, [MonitorEvent]) throws -> Void {
        guard let output else { return { _, _, _ in } }
        try AnnotationOutput.makeFolder(output)
        return { record, name, events in
            try AnnotationOutput.write(
                EventAnnotations.annotations(of: events, samplingRate: record.samplingRate), record: name,
                annotator: EventAnnotations.annotator, to: output)
        }
    }

    func validate() throws {
        guard start.isFinite, (0...1e6).contains(start) else {
            throw ValidationError("--from must be 0 or more seconds, not \(start)")
        }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
    }
}
