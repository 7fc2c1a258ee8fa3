import ArgumentParser
import EC57
import ECGATKGAN
import ECGEvaluation
import FoundationEssentials
import ToolSupport
import WFDB

/// The pipeline offline: what the daemon would have said of a record, as a WFDB annotation file.
struct AnnotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "annotate",
        abstract: "Run records through the monitor and write its events as WFDB annotations.",
        discussion: """
            Writes DIR/RECORD.ecgmon at the record's own rate: N S V F by class, Q for a beat that was not classified, `+` for \
            a ventricular or supraventricular rhythm, notes for other alerts and for the suspicion of an attack, `~` for the \
            signal's condition. Channel 0 is used. Any EC57 tool can score the files against the reference annotations.
            """)

    @Argument(help: "Records: a path such as data/100, or a name to look up in --database.")
    var records: [String] = []

    @Flag(help: "Every record of the database.")
    var all = false

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Folder for the annotation files; it is made if absent.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Records worked on at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        guard all != !records.isEmpty else {
            throw ValidationError(
                all ? "--all takes every record: leave the names out" : "no record is named; give one, or --all")
        }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
    }

    func run() async throws {
        let paths: [String]
        if all {
            let folder = try RecordDatabase(database)
            paths = try folder.records().map { "\(folder.directory)/\($0)" }
        } else {
            paths = try records.map { name throws(ToolError) in try path(of: name) }
        }
        let stems = paths.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        if let twice = Dictionary(grouping: stems, by: { $0 }).first(where: { $1.count > 1 })?.key {
            throw ToolError(
                "two of the records are called \(twice); their annotations would have one file",
                nextStep: "Annotate them one by one, each into a folder of its own")
        }
        let model = try LoadedModel.chosen(model)
        try AnnotationOutput.makeFolder(output)
        let output = output
        let lines = try await RecordBatch.map(paths, jobs: jobs) { path in
            let name = path.split(separator: "/").last.map(String.init) ?? path
            let record = try RecordDatabase(recordPath: path).record(name)
            let events = try MonitorRun.events(of: record, name: name, classifier: model.classifier)
            let set = EventAnnotations.annotations(of: events, samplingRate: record.samplingRate)
            try AnnotationOutput.write(set, record: name, annotator: EventAnnotations.annotator, to: output)
            return Self.summary(name, set)
        }
        for line in lines { print(line) }
        print("\(lines.count) \(lines.count == 1 ? "file" : "files") in \(output), model \(model.classifier.sha256)")
    }

    /// Record, beats by class, other annotations.
    private static func summary(_ name: String, _ set: AnnotationSet) -> String {
        var counts = [Int](repeating: 0, count: EC57Class.allCases.count)
        for annotation in set.annotations {
            if let beatClass = EC57Class(annotation.code) { counts[beatClass.rawValue] += 1 }
        }
        let beats = counts.reduce(0, +)
        let classes = EC57Class.allCases.filter { counts[$0.rawValue] > 0 }.map {
            "\($0.letter) \(counts[$0.rawValue])"
        }
        return "\(name).\(EventAnnotations.annotator): \(beats) beats (\(classes.joined(separator: ", "))), "
            + "\(set.annotations.count - beats) other annotations"
    }

    /// The path of a record, without extension.
    private func path(of name: String) throws(ToolError) -> String {
        var name = name
        for ending in [".hea", ".dat", ".atr"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
        if name.contains("/") || FileManager.default.fileExists(atPath: name + ".hea") { return name }
        return "\(try RecordDatabase(database).directory)/\(name)"
    }
}
