import Glibc
import Synchronization
import ToolSupport
public import WFDB

/// Reports harmless inconsistencies in records on standard error. The number per kind is limited, so that thousands of
/// records with the same fault do not bury the rest.
public enum RecordWarnings {
    private static let maximumOfAKind = 3
    private static let told = Mutex<[WFDBError.Code: Int]>([:])

    /// - Parameter warnings: the warnings of one record; of several of one kind only the first is shown.
    public static func report(_ warnings: [WFDBError]) {
        var codes: Set<WFDBError.Code> = []
        for warning in warnings where codes.insert(warning.code).inserted {
            let same = warnings.count { $0.code == warning.code }
            let number = told.withLock { told in
                told[warning.code, default: 0] += 1
                return told[warning.code] ?? 0
            }
            guard number <= maximumOfAKind + 1 else { continue }
            let more = same > 1 ? " (and \(same - 1) more of this record)" : ""
            note(
                number <= maximumOfAKind
                    ? "Warning: \(printable("\(warning)"))\(more)" : "Warning: more records like that are not listed")
        }
    }

    /// Writes a line to standard error.
    private static func note(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
