import ArgumentParser
import EC57
import ECGATKGAN
import ECGEvaluation
import ECGMonitor
import MonitorWire
import NeuralNetwork
import ToolSupport
import WFDB

/// The guard of a change that must change no event.
struct EvaluateDigest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest",
        abstract: "Print SHA-256 digests of all events of whole records, to compare two versions of the monitor.",
        discussion: """
            Channel 0 of every record goes through the whole monitor. The digest of the ids shows whether the \
            decisions are the same; that of the bodies, whether every figure is. Bodies may differ in their last bits \
            between processors with and without AVX2: the kernel is named, and ECGMON_KERNEL=plain chooses the plain \
            one.

            Example: ecgmon evaluate digest --database mitdb,svdb
            """)

    @Option(
        help: ArgumentHelp(
            "Folders of records, or names of some in the folder ECGMON_DATABASES, separated by commas.",
            valueName: "dirs"))
    var database = "mitdb,svdb"

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    @Flag(help: "Also print a line for every record.")
    var perRecord = false

    @Flag(help: "Print JSON.")
    var json = false

    struct Row: Encodable, Sendable {
        var name: String
        var events: Int
        var ids_sha256: String
        var bodies_sha256: String

        init(_ name: String, _ digest: EventDigest) {
            self.name = name
            events = digest.events
            ids_sha256 = digest.ids
            bodies_sha256 = digest.bodies
        }
    }

    struct Report: Encodable {
        var evaluation = "digest"
        var kernel: String
        var model: LoadedModel.Identity
        var channel = 0
        var databases: [Row]
        var records: [Row]

        var text: String {
            let rows = (records + databases).map {
                "\($0.name): \($0.events) events\n  ids    \($0.ids_sha256)\n  bodies \($0.bodies_sha256)"
            }
            return (["model \(model.name), SHA-256 \(model.sha256); kernel \(kernel)"] + rows).joined(separator: "\n")
        }
    }

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        var (databases, records): ([Row], [Row]) = ([], [])
        for name in database.split(separator: ",").map(String.init) {
            let folder = try RecordDatabase(name)
            let names = try folder.records()
            let digests = try await RecordBatch.map(names, jobs: jobs) { record in
                let events = try MonitorRun.events(
                    of: folder.record(record), name: record, classifier: loaded.classifier)
                return try EventDigest(of: events, stream: record)
            }
            databases.append(Row(name, EventDigest(of: digests)))
            records += zip(names, digests).map { Row("\(name)/\($0)", $1) }
        }
        let report = Report(
            kernel: NetworkKernel.inUse.rawValue, model: loaded.identity, databases: databases,
            records: perRecord ? records : [])
        try ReportOutput.show(report, json: json, text: report.text)
    }
}
