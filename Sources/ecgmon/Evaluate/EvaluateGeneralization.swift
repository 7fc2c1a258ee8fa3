import ArgumentParser
import ECGEvaluation
import NeuralNetwork
import ToolSupport

/// The monitor on ECG of other devices, wards and patients.
struct EvaluateGeneralization: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generalization",
        abstract: "Score the whole monitor on every database at hand: beats, lethal rhythms, false alarms, delays.",
        discussion: """
            One lead of each record (--lead all: all of them together) goes through the same pipeline as in the \
            daemon; nothing knows the annotations. One table has a row for each database, and says what of it was in \
            view while the monitor was built: a figure on \
            ECG that was in view says how well something fits, not how well it does on a new patient. Smaller tables \
            follow, and the delays of beats and alarms.

            The databases are the folders in ECGMON_DATABASES. Each is scored as its references allow: vfdb, cudb, \
            challenge2015, challenge2017, cpsc2019, ludb, qtdb, mitdb, svdb, nstdb; other folders by their annotated \
            beats from 5:00. What each figure means: Docs/generalization.md.

            A full run takes minutes; --quick takes a few records of each database. Example:
              ecgmon evaluate generalization --databases vfdb,cudb
            """)

    @Option(
        help: ArgumentHelp(
            "Folders, or names of some in the folder ECGMON_DATABASES, separated by commas (default: all there).",
            valueName: "dirs"))
    var databases: String?

    @Flag(help: "Only a few records of each database.")
    var quick = false

    @Option(
        help: """
            Lead, by name or number from 0, or `all`, all ECG leads together (default: the first signal that is an ECG \
            by its name and unit).
            """)
    var lead: String?

    @Option(
        help: ArgumentHelp(
            """
            Networks of the ventricular rhythm detector that were each trained without some records, as JSON; each \
            record is judged by the one that has not seen it. Docs/signal.md has the form of the file.
            """, valueName: "file"))
    var heldOut: String?

    @Option(
        help: ArgumentHelp(
            """
            Score the records as other devices would have recorded them, too: \
            \(RecordedOtherwise.allCases.map(\.rawValue).joined(separator: ", ")), separated by commas, or all. Muscle \
            noise comes from nstdb.
            """, valueName: "changes"))
    var changed: String?

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Records worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print Markdown.")
    var markdown = false

    func validate() throws {
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
        guard !(json && markdown) else { throw ValidationError("choose one of --json and --markdown") }
        _ = try changes()
        guard changed == nil || (lead != "all" && !markdown) else {
            throw ValidationError("--changed goes neither with --lead all nor with --markdown")
        }
    }

    func run() async throws {
        BLAS.useOneThread()
        Interruption.install()
        let loaded = try LoadedModel.chosen(model)
        let found = GeneralizationEvaluation.foundDatabases()
        let names = databases.map { $0.split { $0 == "," || $0.isWhitespace }.map(String.init) } ?? found
        if databases == nil {
            let absent = ScoringProtocol.known.map(\.database).filter { !found.contains($0) }
            if !absent.isEmpty {
                Terminal.note("not in \(RecordDatabase.root), so left out: \(absent.joined(separator: ", "))")
            }
        }
        let evaluation = GeneralizationEvaluation(
            loaded, quick: quick, lead: lead,
            heldOut: try heldOut.map { path throws(ToolError) in try HeldOutNetworks(contentsOf: path) },
            runtime: .console(threads: jobs))
        if changed != nil {
            let report = try await evaluation.changed(names, try changes())
            return try ReportOutput.show(report, json: json, plot: drawing.plot, text: report.text)
        }
        let report = try await evaluation.report(names)
        for part in report.left_out {
            Terminal.note("\(part.database) left out\(part.records > 0 ? " in part" : ""): \(part.because)")
        }
        try ReportOutput.show(
            report, json: json, plot: drawing.plot, markdown: markdown ? report.markdown : nil, text: report.text)
    }

    private func changes() throws -> [RecordedOtherwise] {
        guard let changed, changed != "all" else { return changed == nil ? [] : RecordedOtherwise.allCases }
        return try changed.split(separator: ",").map { name in
            guard let change = RecordedOtherwise(rawValue: String(name)) else {
                throw ValidationError("--changed does not know \(name)")
            }
            return change
        }
    }
}
