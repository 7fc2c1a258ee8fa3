import Synchronization
import WFDB

/// What the user can do about a file that cannot be read.
enum RecordAdvice {
    /// - Parameters:
    ///   - directory: the folder of the file. Only of databases that `ecgmon data fetch` has brought can files be brought
    ///     again; all others are the user's own.
    ///   - strict: whether `--strict` was given.
    static func nextStep(_ error: WFDBError, in directory: String, strict: Bool) -> String {
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

    /// True for the folders that `ecgmon data fetch` makes among the databases.
    private static func isFetched(_ directory: String) -> Bool {
        PhysioNetDatabase.allCases.contains { directory == "\(RecordDatabase.root)/\($0.rawValue)" }
    }
}

/// What did not agree in a record but hindered nothing, said on standard error: of each kind some, lest thousands of
/// records with the same fault bury the rest.
enum RecordWarnings {
    static let mostOfAKind = 3
    private static let told = Mutex<[WFDBError.Code: Int]>([:])

    /// - Parameter warnings: of one record; of several of a kind the first stands for all.
    static func tell(_ warnings: [WFDBError]) {
        var codes: Set<WFDBError.Code> = []
        for warning in warnings where codes.insert(warning.code).inserted {
            let same = warnings.count { $0.code == warning.code }
            let number = told.withLock { told in
                told[warning.code, default: 0] += 1
                return told[warning.code] ?? 0
            }
            guard number <= mostOfAKind + 1 else { continue }
            let more = same > 1 ? " (and \(same - 1) more of this record)" : ""
            Terminal.note(
                number <= mostOfAKind
                    ? "Warning: \(printable("\(warning)"))\(more)" : "Warning: more records like that are not listed")
        }
    }
}
