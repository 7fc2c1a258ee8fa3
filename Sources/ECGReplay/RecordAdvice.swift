import FoundationEssentials
public import WFDB

/// Advice to the user about a file that cannot be read.
public enum RecordAdvice {
    /// - Parameters:
    ///   - directory: the folder of the file. Only files of databases downloaded by `ecgmon data fetch` can be
    ///     downloaded again; all others are the user's own.
    ///   - strict: whether `--strict` was given.
    public static func nextStep(_ error: WFDBError, in directory: String, strict: Bool) -> String {
        switch error.code {
        case .cannotRead:
            return isFetched(directory)
                ? "Check the name, or bring the database with `ecgmon data fetch`" : "Check the name and the folder"
        case .truncated, .checksumMismatch, .initialValueMismatch, .inconsistentRecord:
            if strict, !error.file.hasSuffix(".hea") {
                return "Without --strict what can be read is read, with a warning"
            }
        case .unsupportedFormat, .tooLarge, .notAVoltage, .multipleSegments, .outOfRange, .invalidName:
            return "Convert the record to one that the message allows"
        case .malformedHeader, .malformedAnnotations, .cannotWrite: break
        }
        if isFetched(directory) { return "The file is damaged: bring it again with `ecgmon data fetch`" }
        switch error.code {
        case _ where error.file.hasSuffix(".hea"): return "Correct the header"
        case .malformedAnnotations: return "Have the annotations written anew by the program that made them"
        default: return "The file is cut, or the header is another's: compare its size with the header"
        }
    }

    /// The default folder of the databases.
    public static var databaseRoot: String {
        ProcessInfo.processInfo.environment["ECGMON_DATABASES"] ?? "../shared/data"
    }

    /// The databases that `ecgmon data fetch` downloads.
    public static let fetchedDatabases = ["mitdb", "svdb", "nstdb"]

    /// True for the folders that `ecgmon data fetch` creates among the databases.
    private static func isFetched(_ directory: String) -> Bool {
        fetchedDatabases.contains { directory == "\(databaseRoot)/\($0)" }
    }
}
