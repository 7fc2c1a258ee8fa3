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

    @OptionGroup var reports: DatabaseReportOptions

    func validate() throws {
        guard copiesEvery >= 1 else { throw ValidationError("--copies-every must be 1 or more, not \(copiesEvery)") }
    }

    func run() async throws {
        let every = copiesEvery
        try await reports.show(databases, text: \.text) { database, name in
            let names = Array(try database.records().enumerated())
            let records = try await RecordBatch.map(names, jobs: reports.jobs) { number, record in
                try SameHeartbeatEvaluation().beats(of: record, in: database, hasCopies: number % every == 0)
            }
            return SameHeartbeatReport(database: name, records: records)
        }
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
