import FoundationEssentials
import WFDB

/// A folder of WFDB records.
struct RecordDatabase: Sendable {
    let directory: String

    /// Where the databases lie unless said otherwise.
    static var root: String { ProcessInfo.processInfo.environment["ECGMON_DATABASES"] ?? "../shared/data" }

    private static let emptyAdvice = "Name another folder with --database"

    /// The lead to take, by name or number; nil: the first signal that is an ECG.
    var lead: String?
    /// Whether what does not agree in a file is an error.
    var strict = false

    /// - Parameter database: a folder of records, or the name of one ("mitdb") in the folder `ECGMON_DATABASES`.
    /// - Throws: `ToolError` where there is no such folder.
    init(_ database: String, lead: String? = nil, strict: Bool = false) throws(ToolError) {
        let candidates = [database, "\(Self.root)/\(database)"]
        guard let found = candidates.first(where: Self.isDirectory) else {
            throw ToolError(
                "there is no database folder \(database), nor \(candidates[1])",
                nextStep: PhysioNetDatabase(rawValue: database) == nil
                    ? "Name the folder with --database"
                    : "Bring it with `ecgmon data fetch`, or name its folder with --database")
        }
        directory = found
        self.lead = lead
        self.strict = strict
    }

    /// The record names, each with the folders below this one that lead to it: the folder's `RECORDS` file, or its
    /// headers where there is none.
    func records() throws(ToolError) -> [String] {
        let names = try RecordList.names(in: directory)
        guard !names.isEmpty else {
            throw ToolError("\(directory) holds no WFDB records", nextStep: Self.emptyAdvice)
        }
        return names
    }

    /// The records to score: those asked for, or all that have reference annotations.
    func scoredRecords(_ wanted: String?) throws(ToolError) -> [String] {
        if let wanted {
            let names = wanted.split { $0 == "," || $0.isWhitespace }.map(String.init)
            guard !names.isEmpty else {
                throw ToolError("no record names in “\(wanted)”", nextStep: "Write them as --records 100,101")
            }
            return names
        }
        let names = try records().filter { FileManager.default.fileExists(atPath: "\(directory)/\($0).atr") }
        guard !names.isEmpty else {
            throw ToolError("\(directory) holds no reference annotations (.atr)", nextStep: Self.emptyAdvice)
        }
        return names
    }

    /// The chosen lead of a record as a record of this signal alone, with a frame for every sample.
    /// - Parameters:
    ///   - name: of the record, with its folders below the database's.
    ///   - channel: the signal's number; nil: ``lead``.
    func record(_ name: String, channel: Int? = nil) throws(ToolError) -> Record {
        let place = RecordPath(name, in: directory)
        let record: Record
        do {
            let source = try RecordSource(place.name, in: place.directory, strict: strict).withTrueBaseline()
            let wanted = channel.map { "\($0)" } ?? lead
            record = try Record.read(
                source, signal: try RecordLead.index(wanted, in: source.header, path: "\(directory)/\(name)"))
        } catch let error as WFDBError {
            throw ToolError(
                "record \(name) cannot be read: \(error)",
                nextStep: RecordAdvice.nextStep(error, in: place.directory, strict: strict))
        } catch {
            throw error as? ToolError ?? ToolError("record \(name) cannot be read: \(error)", nextStep: "")
        }
        RecordWarnings.tell(record.warnings)
        return record
    }

    /// The reference beats, on the record's frames.
    func reference(_ name: String, for record: Record) throws(ToolError) -> EC57Reference {
        EC57Reference(
            annotations: try annotations(name, for: record), samplingRate: record.samplingRate,
            frameCount: record.frameCount)
    }

    /// The reference annotations, on the record's frames.
    func annotations(_ name: String, for record: Record) throws(ToolError) -> [Annotation] {
        let place = RecordPath(name, in: directory)
        do {
            var set = try AnnotationSet.read(place.name, annotator: "atr", in: place.directory, strict: strict)
            RecordWarnings.tell(set.warnings)
            let rate = set.samplingRate ?? record.annotationRate
            if rate != record.samplingRate {
                for index in set.annotations.indices {
                    let time = Double(set.annotations[index].sampleIndex) / rate
                    let frame = (time * record.samplingRate).rounded()
                    // Past any record's end: it is not scored, wherever exactly it lies.
                    set.annotations[index].sampleIndex = Int64(exactly: frame) ?? .max
                }
            }
            return set.annotations
        } catch {
            throw ToolError(
                "the reference of \(name) cannot be read: \(error)",
                nextStep: RecordAdvice.nextStep(error, in: place.directory, strict: strict))
        }
    }

    static func isDirectory(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }
}

/// The record splits of the mitdb in use for beat classification (de Chazal et al., IEEE Trans Biomed Eng 51, 2004):
/// patients of one set are not in the other, and the four paced records are in neither. 201 (DS1) and 202 (DS2) are one
/// subject.
enum RecordSplit {
    static let ds1 = [
        "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "201", "203", "205", "207",
        "208",
        "209", "215", "220", "223", "230",
    ]
    static let ds2 = [
        "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210", "212", "213", "214", "219", "221",
        "222",
        "228", "231", "232", "233", "234",
    ]
}

/// Records of a folder, by its name alone or as `FOLDER/DS1` and `FOLDER/DS2`, the splits of the mitdb.
struct RecordSelection: Sendable {
    let text: String
    let database: RecordDatabase
    let names: [String]

    init(_ text: String) throws(ToolError) {
        self.text = text
        let splits = [("/DS1", RecordSplit.ds1), ("/DS2", RecordSplit.ds2)]
        if let split = splits.first(where: { text.hasSuffix($0.0) }) {
            database = try RecordDatabase(String(text.dropLast(split.0.count)))
            names = split.1
        } else {
            database = try RecordDatabase(text)
            names = try database.scoredRecords(nil)
        }
    }

    /// Several, separated by commas.
    static func list(_ text: String) throws(ToolError) -> [RecordSelection] {
        var selections: [RecordSelection] = []
        for part in text.split(separator: ",") { selections.append(try RecordSelection(String(part))) }
        guard !selections.isEmpty else {
            throw ToolError("no records in “\(text)”", nextStep: "Write them as svdb,mitdb/DS1")
        }
        return selections
    }
}
