import ArgumentParser
import ECGEvaluation
import ToolSupport

/// How often a replay is noticed.
struct EvaluateReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Play ECG back in loops: the share noticed within a minute, and false suspicions per day.",
        discussion: """
            Each record is monitored untouched, which gives the false suspicions. In records of four \
            minutes and more, loops of 10, 30 and 60 s then follow upon the first minutes: as recorded, with noise, requantised \
            and resampled. A loop is noticed if a replay is suspected while it runs, for 60 s.

            Example:
              ecgmon evaluate replay
            """)

    @Option(
        help: ArgumentHelp(
            "Folders of records, or names of some in ECGMON_DATABASES, separated by commas.", valueName: "dirs"))
    var databases = "mitdb,svdb,qtdb,vfdb,cudb,challenge2015,challenge2017,ludb,nstdb"

    @Option(help: ArgumentHelp("Only these records, separated by commas.", valueName: "names"))
    var records: String?

    @Option(help: ArgumentHelp("Try loops in every n-th record.", valueName: "n"))
    var loopsEvery = 4

    @OptionGroup var reports: DatabaseReportOptions

    func validate() throws {
        guard loopsEvery >= 1 else { throw ValidationError("--loops-every must be 1 or more, not \(loopsEvery)") }
    }

    func run() async throws {
        let wanted = records.map { Set($0.split(separator: ",").map(String.init)) }
        let every = loopsEvery
        try await reports.show(databases, text: \.text) { database, name in
            let names = try database.records().filter { wanted?.contains($0) ?? true }
            let outcomes = try await RecordBatch.map(Array(names.enumerated()), jobs: reports.jobs) { number, record in
                try ReplayEvaluation().outcome(of: record, in: database, triesLoops: number % every == 0)
            }
            return ReplayReport(database: name, outcomes: outcomes)
        }
    }
}

extension ReplayReport {
    var text: String {
        var lines = [
            "\(database): \(records) records, \(fixed(hours, 1)) h, suspected \(suspected) times "
                + "(\(fixed(suspected_per_day, 2)) a day)"
        ]
        lines += suspicions.map { "  \($0)" }
        guard !loops.isEmpty else { return lines.joined(separator: "\n") }
        var table = TextTable(["played back", "loop s", "noticed", "%", "median s"])
        for loop in loops {
            table.rows.append([
                loop.copy, fixed(loop.loop_seconds, 0), "\(loop.noticed) of \(loop.trials)",
                fixed(loop.noticed_pct, 1), loop.median_delay_seconds.map { fixed($0, 1) } ?? "",
            ])
        }
        return (lines + [table.text]).joined(separator: "\n")
    }
}
