import ArgumentParser
import EC57
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ECGReplay
import FoundationEssentials
import ToolSupport
import WFDB

/// The pipeline offline: what the daemon would have said of a record, as a WFDB annotation file.
struct AnnotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "annotate",
        abstract: "Run records through the monitor and write its events as WFDB annotations.",
        discussion: """
            Writes DIR/RECORD.ecgmon at the signal's own rate: N S V F by class, Q for a beat that was not classified, \
            `+` for a ventricular or supraventricular rhythm, notes for other alerts and for the suspicion of an \
            attack, `~` for the signal's condition. Any EC57 tool can score the files against the reference \
            annotations. Records of a database that are in subfolders go to the same subfolders of DIR.

            With --events, DIR/RECORD.events.jsonl has every event as a line of JSON: sample_index and seconds say \
            what it is about, decided_at (a sample) and decided_at_seconds when it was reported.

            A file that is shorter than its header says, or whose checksum or first value is another, is read as far \
            as it goes, with a warning; --strict refuses it.

            Examples:
              ecgmon annotate data/100 night.edf -o annotations
              ecgmon annotate --all --database mitdb -o annotations --events
            """)

    @Argument(help: "Records: a path such as data/100, an EDF+ or CSV file, or a name to look up in --database.")
    var records: [String] = []

    @Flag(help: "Every record of the database.")
    var all = false

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Folder for the annotation files; it is created if needed.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(
        help: """
            Lead, by name or number from 0, or all: every ECG lead together, as one patient's (default: the first signal \
            that is an ECG by its name and unit).
            """)
    var lead: String?

    @Flag(help: "Also write every event as a line of JSON next to the annotations, with the time of its decision.")
    var events = false

    @Flag(help: "Refuse, rather than warn about, files whose length, checksum or first value differs from the header.")
    var strict = false

    @OptionGroup var csv: CSVImportOptions

    @Option(help: ArgumentHelp("Records processed at a time (default: the number of cores).", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        guard all != !records.isEmpty else {
            throw ValidationError(
                all ? "--all takes every record: omit the names" : "no record was named; name one, or give --all")
        }
        guard (jobs ?? 1) >= 1 else { throw ValidationError("--jobs must be 1 or more, not \(jobs ?? 0)") }
    }

    func run() async throws {
        // What the files are called: the name, for a record of the database with the folders that lead to it.
        let names: [String]
        let paths: [String]
        var imported: [ImportedRecord] = []
        defer { withExtendedLifetime(imported) {} }
        if all {
            let folder = try RecordDatabase(database)
            names = try folder.records()
            paths = names.map { "\(folder.directory)/\($0)" }
        } else {
            var found: [(name: String, path: String)] = []
            for record in records {
                guard ImportedRecord.isForeign(record) else {
                    found.append(try find(record))
                    continue
                }
                imported.append(try csv.open(record))
                found.append((ImportedRecord.name(of: record), imported[imported.count - 1].path))
            }
            names = found.map(\.name)
            paths = found.map(\.path)
        }
        if let twice = Dictionary(grouping: names, by: { $0 }).first(where: { $1.count > 1 })?.key {
            throw ToolError(
                "two of the records are called \(twice); their annotations would go into the same file",
                nextStep: "Annotate them one by one, each into a folder of its own")
        }
        let model = try LoadedModel.chosen(model)
        try AnnotationOutput.makeFolder(output)
        let (output, lead, strict, writesEvents) = (output, lead, strict, events)
        let progress = ProgressLine(total: Double(paths.count))
        let lines = try await RecordBatch.map(Array(zip(names, paths)), jobs: jobs, showsProgress: false) { name, path in
            let record = RecordPath(path)
            let place = try AnnotationOutput.place(name, in: output)
            let annotated: AnnotatedRecord
            var done = 0.0
            progress.begin(name)
            do {
                let source = try RecordSource(record.name, in: record.directory, strict: strict).withTrueBaseline()
                let signals = try RecordLead.indices(lead, in: source.header, path: path)
                let events = writesEvents ? try EventFile(record: place.name, in: place.directory) : nil
                annotated = try AnnotatedRecord(
                    source, signals: signals, name: record.name, classifier: model.classifier,
                    progress: { share in
                        done += share
                        progress.advance(share)
                    },
                    events: { try events?.write($0, samplingRate: $1) })
                try events?.finish()
            } catch let error as WFDBError {
                throw ToolError(
                    "record \(record.name) cannot be read: \(error)",
                    nextStep: RecordAdvice.nextStep(error, in: record.directory, strict: strict))
            }
            RecordWarnings.report(annotated.warnings)
            try AnnotationOutput.write(
                annotated.annotations, record: name, annotator: EventAnnotations.annotator, to: output)
            progress.advance(1 - done)
            return Self.summary(name, annotated.annotations)
        }
        progress.end()
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

    /// A record's path without extension, and what its annotations are called.
    private func find(_ record: String) throws(ToolError) -> (name: String, path: String) {
        var stem = record
        for ending in [".hea", ".dat", ".atr"] where stem.hasSuffix(ending) { stem.removeLast(ending.count) }
        let isHere = FileManager.default.fileExists(atPath: stem + ".hea")
        if !isHere, !stem.hasPrefix("/"), !stem.split(separator: "/").contains("..") {
            // A path that leads nowhere is an error of its own; a bare name can only be the database's.
            let folder = stem.contains("/") ? try? RecordDatabase(database) : try RecordDatabase(database)
            if let folder,
                !stem.contains("/") || FileManager.default.fileExists(atPath: "\(folder.directory)/\(stem).hea")
            {
                return (stem, "\(folder.directory)/\(stem)")
            }
        }
        return (RecordPath(stem).name, stem)
    }
}
