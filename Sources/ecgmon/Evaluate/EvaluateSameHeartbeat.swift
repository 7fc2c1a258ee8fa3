import ArgumentParser
import ECGEvaluation
import ToolSupport

/// How often a stream that is copied to another is noticed.
struct EvaluateSameHeartbeat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "same-heartbeat",
        abstract: "Send ECG as two streams: the share that is noticed within a minute, and false pairs.",
        discussion: """
            All records of a database are streams of one ward that begin together; two that seem to have the same \
            heartbeat are a false pair. Beside some records of two minutes and more, a copy is sent as another \
            stream, two seconds later: as recorded, with noise, requantised and resampled.

            Example:
              ecgmon evaluate same-heartbeat
            """)

    @Option(
        help: ArgumentHelp(
            "Folders of records, or names of some in ECGMON_DATABASES, separated by commas.", valueName: "dirs"))
    var databases = "mitdb,svdb,qtdb,vfdb,cudb,challenge2015,challenge2017"

    @Option(help: ArgumentHelp("Copy every n-th record.", valueName: "n"))
    var copiesEvery = 4

    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard copiesEvery >= 1 else { throw ValidationError("--copies-every must be 1 or more, not \(copiesEvery)") }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
    }

    func run() async throws {
        var reports: [SameHeartbeatReport] = []
        for name in databases.split(separator: ",").map(String.init) {
            let database = try RecordDatabase(name)
            let names = try database.records()
            let every = copiesEvery
            let records = try await RecordBatch.map(Array(names.enumerated()), jobs: jobs) { number, record in
                try SameHeartbeatEvaluation().beats(of: record, in: database, hasCopies: number % every == 0)
            }
            let report = SameHeartbeatReport(database: name, records: records)
            reports.append(report)
            if !json { print(report.text + "\n") }
        }
        let all = reports
        try ReportOutput.draw({ all.map(\.text).joined(separator: "\n\n") }, to: drawing.plot)
        if json { print(try ReportOutput.json(reports)) }
    }
}

extension SameHeartbeatReport {
    var text: String {
        var lines = ["\(database): \(records) records, \(fixed(hours, 1)) h, \(false_pairs.count) false pairs"]
        lines += false_pairs.map { "  \($0)" }
        guard !copies.isEmpty else { return lines.joined(separator: "\n") }
        var table = TextTable(["copy", "noticed within 60 s", "at all", "median s"])
        for copy in copies {
            table.rows.append([
                copy.copy, "\(copy.noticed_within_60_s) of \(copy.trials)", "\(copy.noticed_at_all)",
                copy.median_delay_seconds.map { fixed($0, 1) } ?? "",
            ])
        }
        return (lines + [table.text]).joined(separator: "\n")
    }
}
