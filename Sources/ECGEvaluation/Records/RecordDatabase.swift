public import EC57
import FoundationEssentials
public import ToolSupport
public import WFDB

/// A folder of WFDB records.
public struct RecordDatabase: Sendable {
    /// The folder's path; empty for the current folder.
    public let directory: String

    /// Where the databases lie unless said otherwise.
    public static var root: String { ProcessInfo.processInfo.environment["ECGMON_DATABASES"] ?? "../shared/data" }

    /// - Parameter recordPath: a record's path; the database is the folder that it lies in.
    public init(recordPath path: String) {
        let slash = path.lastIndex(of: "/")
        directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ""
    }

    private static let fetchAdvice = "Bring it with `ecgmon data fetch`, or name its folder with --database"

    /// - Parameter database: a folder of records, or the name of one ("mitdb") in the folder `ECGMON_DATABASES`.
    /// - Throws: `ToolError` where there is no such folder.
    public init(_ database: String) throws(ToolError) {
        let candidates = [database, "\(Self.root)/\(database)"]
        guard let found = candidates.first(where: Self.isDirectory) else {
            throw ToolError("there is no database folder \(database), nor \(candidates[1])", nextStep: Self.fetchAdvice)
        }
        directory = found
    }

    /// The record names: the folder's `RECORDS` file, or its headers where there is none.
    public func records() throws(ToolError) -> [String] {
        var names: [String] = []
        if let list = try? String(contentsOfFile: directory + "/RECORDS", encoding: .utf8) {
            names = list.split(whereSeparator: \.isWhitespace).map(String.init)
        } else if let files = try? FileManager.default.contentsOfDirectory(atPath: directory) {
            names = files.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }.sorted()
        }
        guard !names.isEmpty else {
            throw ToolError("\(directory) holds no WFDB records", nextStep: Self.fetchAdvice)
        }
        return names
    }

    /// The records to score: those asked for, or all that have reference annotations.
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
            throw ToolError("\(directory) holds no reference annotations (.atr)", nextStep: Self.fetchAdvice)
        }
        return names
    }

    /// Reads a record.
    public func record(_ name: String) throws(ToolError) -> Record {
        do {
            return try Record.read(name, in: directory).withTrueBaseline()
        } catch {
            throw ToolError("record \(name) cannot be read: \(error)", nextStep: Self.advice(error))
        }
    }

    /// The reference beats, on the record's frames.
    public func reference(_ name: String, for record: Record) throws(ToolError) -> EC57Reference {
        EC57Reference(
            annotations: try annotations(name, for: record), samplingRate: record.samplingRate,
            frameCount: record.frameCount)
    }

    /// The reference annotations, on the record's frames.
    public func annotations(_ name: String, for record: Record) throws(ToolError) -> [Annotation] {
        do {
            var set = try AnnotationSet.read(name, annotator: "atr", in: directory)
            if let rate = set.samplingRate, rate != record.samplingRate {
                for index in set.annotations.indices {
                    let time = Double(set.annotations[index].sampleIndex) / rate
                    let frame = (time * record.samplingRate).rounded()
                    // Past any record's end: it is not scored, wherever exactly it lies.
                    set.annotations[index].sampleIndex = Int64(exactly: frame) ?? .max
                }
            }
            return set.annotations
        } catch {
            throw ToolError("the reference of \(name) cannot be read: \(error)", nextStep: Self.advice(error))
        }
    }

    private static func advice(_ error: WFDBError) -> String {
        switch error.code {
        case .cannotRead: "Check the name, or bring the database with `ecgmon data fetch`"
        case .truncated, .checksumMismatch, .initialValueMismatch, .malformedHeader, .malformedAnnotations:
            "The file is damaged: bring it again with `ecgmon data fetch`"
        default: "Convert the record to one that the message allows"
        }
    }

    /// Whether there is a folder at this path.
    public static func isDirectory(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }
}
