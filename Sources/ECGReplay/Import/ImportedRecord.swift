import FoundationEssentials
import Glibc
public import ToolSupport

/// A record in another format, as a WFDB record in a folder that lives as long as this object.
///
/// EDF, EDF+ and CSV are converted sample by sample, in constant memory; a WFDB record is left as it is. So every
/// command reads them through the same code.
public final class ImportedRecord {
    /// The path of the record without extension: the one given, or that of the converted one.
    public let path: String
    /// What the file does not say, or what was left out, in words.
    public private(set) var notes: [String] = []
    private let folder: String?

    /// How a CSV file is to be read, where it does not say so itself.
    public struct CSVOptions: Sendable {
        /// Samples per second; nil: from the column of times.
        public var samplingRate: Double?
        /// "uV", "mV" or "V"; nil: from the names of the columns, or else millivolts.
        public var unit: String?

        public init(samplingRate: Double? = nil, unit: String? = nil) {
            self.samplingRate = samplingRate
            self.unit = unit
        }
    }

    /// The formats that are recognised by the ending of the name.
    public static func isForeign(_ path: String) -> Bool {
        [".edf", ".csv", ".tsv"].contains { path.lowercased().hasSuffix($0) }
    }

    /// A foreign file's name without folder and extension.
    public static func name(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return isForeign(file) ? String(file.dropLast(4)) : file
    }

    /// - Throws: `ToolError` that names the file and, where there is one, the line or the byte.
    public init(_ path: String, csv: CSVOptions = CSVOptions()) throws(ToolError) {
        guard Self.isForeign(path) else {
            self.path = path
            folder = nil
            return
        }
        let parent = FileManager.default.temporaryDirectory.path()
        let folder = "\(parent)/ecgmon-import-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw ToolError("the folder \(folder) cannot be made", nextStep: "Set TMPDIR to a folder with room")
        }
        self.folder = folder
        self.path = "\(folder)/record"
        if path.lowercased().hasSuffix(".edf") {
            notes = try EDFConversion(path: path, folder: folder).run()
        } else {
            notes = try CSVConversion(path: path, folder: folder, options: csv).run()
        }
    }

    deinit {
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }
}
