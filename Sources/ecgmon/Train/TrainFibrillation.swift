import ArgumentParser
import ECGATKGAN
import ECGEvaluation
import ECGMonitor
import FoundationEssentials
import ToolSupport

/// `ecgmon fibrillation`: trains the model of the atrial fibrillation rule.
struct TrainFibrillation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fibrillation",
        abstract: "Train the model that tells atrial fibrillation from RR intervals and P waves.",
        discussion: """
            The records go through the monitor as in the daemon. After each beat the atrial fibrillation rule's features \
            of the last 30 s become a row. A folder with a REFERENCE.csv (challenge of 2017) gives each record's class; \
            elsewhere the rhythm annotations count, and records without any are taken for other rhythms.

            Prints the weights as Swift source, in the form of AtrialFibrillationWeights.swift. Example:
              ecgmon fibrillation --output Sources/ECGMonitor/Rules/AtrialFibrillationWeights.swift
            """)

    @Option(
        help: ArgumentHelp(
            "Folders of annotated records, or their names in the folder ECGMON_DATABASES.", valueName: "list"))
    var records = "challenge2017,mitdb,svdb,qtdb,vfdb,nstdb"
    @Option(help: ArgumentHelp("Weights of the beat classifier instead of the shipped ones.", valueName: "file"))
    var model: String?
    @Option(name: .shortAndLong, help: "The Swift file to write instead of standard output.")
    var output: String?
    @Option(help: ArgumentHelp("Also write all rows, one a line, separated by commas.", valueName: "file"))
    var rows: String?
    @Option(help: ArgumentHelp("Records worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func run() async throws {
        let loaded = try LoadedModel.chosen(model)
        let classifier = loaded.classifier
        var inputs: [(database: RecordDatabase, name: String, kind: String?)] = []
        for name in records.split(separator: ",") {
            let database = try RecordDatabase(String(name))
            let kinds = database.recordClasses()
            let names = kinds == nil ? try database.scoredRecords(nil) : try database.records()
            inputs += names.map { name in (database, name, kinds.map { $0[name] ?? "~" }) }
        }
        let parts = try await RecordBatch.map(inputs, jobs: jobs) { input in
            try FibrillationRows(input.name, in: input.database, kind: input.kind, classifier: classifier)
        }
        if let rows { try Self.write(parts.map(\.text).joined(), to: rows) }
        guard parts.contains(where: { $0.labels.contains(.fibrillation) }),
            parts.contains(where: { $0.labels.contains(.other) })
        else {
            throw ToolError(
                "the records need rows of fibrillation and of other rhythms", nextStep: "Name more --records")
        }
        let training = FibrillationTraining(parts)
        let source = Self.source(training, records: records, number: inputs.count)
        if let output { try Self.write(source, to: output) } else { print(source, terminator: "") }
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw ToolError("\(path) cannot be written: \(WriteProblem.words(error))", nextStep: "Name another file")
        }
    }

    private static func source(_ training: FibrillationTraining, records: String, number: Int) -> String {
        func list(_ name: String, _ values: [Double]) -> String {
            let numbers = values.map { fixed($0, 5) }
            let half = (numbers.count + 1) / 2
            let lines = [numbers[..<half], numbers[half...]].map { "        \($0.joined(separator: ", "))" }
            return "    static let \(name): [Float] = [\n\(lines.joined(separator: ",\n")),\n    ]\n"
        }
        return """
            /// The coefficients of `AtrialFibrillationModel`, in the order of `AtrialFibrillationFeatures.names`.
            ///
            /// Trained on channel 0 of \(number) records: \(records),
            /// \(training.counts.fibrillation) rows of atrial fibrillation and \(training.counts.other) of other rhythms, one after each beat.
            /// Results on these records are not results on unseen ECG. Written by `ecgmon fibrillation`.
            enum AtrialFibrillationWeights {
            \(list("mean", training.mean))\(list("scale", training.scale))\(list("linear", training.linear))\
            \(list("square", training.square))    static let bias: Float = \(fixed(training.bias, 5))
            }

            """
    }
}
