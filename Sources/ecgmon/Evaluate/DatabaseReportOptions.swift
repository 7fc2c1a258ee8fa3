import ArgumentParser
import ECGEvaluation

/// What commands share that report on one database after another.
struct DatabaseReportOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
    }

    /// Prints each database's report as soon as it is there, or all of them as JSON in the end.
    ///
    /// - Parameters:
    ///   - databases: folders or names, separated by commas.
    ///   - text: of a report.
    ///   - report: makes the report on a database of this name.
    func show<Report: Encodable & Sendable>(
        _ databases: String, text: (Report) -> String,
        report: (RecordDatabase, _ name: String) async throws -> Report
    ) async throws {
        var reports: [Report] = []
        for name in databases.split(separator: ",").map(String.init) {
            reports.append(try await report(RecordDatabase(name), name))
            if !json, let last = reports.last { print(text(last) + "\n") }
        }
        let all = reports
        try ReportOutput.draw({ all.map(text).joined(separator: "\n\n") }, to: drawing.plot)
        if json { print(try ReportOutput.json(all)) }
    }
}
