public import EC57
import ECGReplay
import FoundationEssentials
public import ToolSupport
public import WFDB

/// A folder of WFDB records.
public struct RecordDatabase: Sendable {
    /// The folder's path; empty for the current folder.
    public let directory: String

    /// The default location of the databases.
    public static var root: String { RecordAdvice.databaseRoot }

    private static let emptyAdvice = "Name another folder with --database"

    /// The lead to use, by name or number; nil: the first signal that is an ECG.
    public var lead: String?
    /// Whether inconsistencies in a file are errors.
    public var strict = false

    /// - Parameters:
    ///   - database: a folder of records, or the name of one ("mitdb") in the folder `ECGMON_DATABASES`.
    ///   - lead: the lead to use, by name or number; nil: the first signal that is an ECG.
    ///   - strict: whether inconsistencies in a file are errors.
    /// - Throws: `ToolError` if there is no such folder.
    public init(_ database: String, lead: String? = nil, strict: Bool = false) throws(ToolError) {
        let candidates = [database, "\(Self.root)/\(database)"]
        guard let found = candidates.first(where: Self.isDirectory) else {
            throw ToolError(
                "there is no database folder \(database), nor \(candidates[1])",
                nextStep: !RecordAdvice.fetchedDatabases.contains(database)
                    ? "Name the folder with --database"
                    : "Bring it with `ecgmon data fetch`, or name its folder with --database")
        }
        directory = found
        self.lead = lead
        self.strict = strict
    }

    /// The record names, each with the subfolders that lead to it: from the folder's `RECORDS` file, or from its
    /// headers if there is none.
    public func records() throws(ToolError) -> [String] {
        let names = try RecordList.names(in: directory)
        guard !names.isEmpty else {
            throw ToolError("\(directory) holds no WFDB records", nextStep: Self.emptyAdvice)
        }
        return names
    }

    /// The records to score: those requested, or all that have reference annotations.
    public func scoredRecords(_ wanted: String?) throws(ToolError) -> [String] {
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

    /// The chosen lead of a record, as a record with this signal alone and one frame per sample.
    /// - Parameters:
    ///   - name: the record's name, with its folders below the database's.
    ///   - channel: the signal's number; nil: ``lead``.
    public func record(_ name: String, channel: Int? = nil) throws(ToolError) -> Record {
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
        RecordWarnings.report(record.warnings)
        return record
    }

    /// The reference beats, in the record's frames.
    public func reference(_ name: String, for record: Record) throws(ToolError) -> EC57Reference {
        EC57Reference(
            annotations: try annotations(name, for: record), samplingRate: record.samplingRate,
            frameCount: record.frameCount)
    }

    /// The reference annotations, in the record's frames.
    public func annotations(_ name: String, for record: Record) throws(ToolError) -> [Annotation] {
        let place = RecordPath(name, in: directory)
        do {
            var set = try AnnotationSet.read(place.name, annotator: "atr", in: place.directory, strict: strict)
            RecordWarnings.report(set.warnings)
            let rate = set.samplingRate ?? record.annotationRate
            if rate != record.samplingRate {
                for index in set.annotations.indices {
                    let time = Double(set.annotations[index].sampleIndex) / rate
                    let frame = (time * record.samplingRate).rounded()
                    // Beyond the end of any record: it is not scored, so its exact position does not matter.
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

    /// The class of each record's rhythm from the folder's `REFERENCE.csv`, as in the challenge of 2017; nil if there is
    /// none.
    public func recordClasses() -> [String: String]? {
        let path = "\(directory)/REFERENCE.csv"
        return FileManager.default.fileExists(atPath: path) ? RecordLabels.recordClasses(in: directory) : nil
    }

    /// Whether there is a folder at this path.
    public static func isDirectory(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }
}
