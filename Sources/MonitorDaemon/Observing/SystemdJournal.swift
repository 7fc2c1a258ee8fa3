import CSystemd
import FoundationEssentials
import Glibc
import Logging

/// Structured entries in systemd's journal by its native protocol: `MESSAGE`, `PRIORITY`, and a field
/// `ECGMON_<KEY>` for each piece of metadata (`journalctl ECGMON_STREAM=bed-7`).
enum SystemdJournal: LogFormat {
    static func entry(_ level: Logger.Level, _ message: String, _ metadata: [LogField], at: LogEvent?) -> LogEntry {
        var text = message
        for (key, value) in metadata { text += " \(key)=\(LogFields.quoted(value))" }
        var fields = [
            "MESSAGE=\(LogFields.oneLine(text))", "PRIORITY=\(priority(level))", "SYSLOG_IDENTIFIER=ecgmond",
        ]
        if let at { fields += ["CODE_FILE=\(at.file)", "CODE_LINE=\(at.line)", "CODE_FUNC=\(at.function)"] }
        for (key, value) in metadata { fields.append("ECGMON_\(fieldName(key))=\(value)") }
        return .fields(fields)
    }

    /// Syslog priorities; what swift-log calls notice is one, trace and debug are the same to the journal.
    static func priority(_ level: Logger.Level) -> Int32 {
        switch level {
        case .trace, .debug: LOG_DEBUG
        case .info: LOG_INFO
        case .notice: LOG_NOTICE
        case .warning: LOG_WARNING
        case .error: LOG_ERR
        case .critical: LOG_CRIT
        }
    }

    /// The journal takes A-Z, 0-9 and underscore.
    static func fieldName(_ key: String) -> String {
        String(
            key.uppercased().unicodeScalars.map { scalar in
                ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "_"
            })
    }

    /// Blocks while the journal's service does not read.
    /// - Returns: false if the journal does not take it.
    static func send(_ fields: [String]) -> Bool {
        var bytes: [UInt8] = []
        var ranges: [Range<Int>] = []
        for field in fields {
            let start = bytes.count
            bytes.append(contentsOf: field.utf8)
            ranges.append(start..<bytes.count)
        }
        return bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return false }
            let vectors = ranges.map { iovec(iov_base: base + $0.lowerBound, iov_len: $0.count) }
            return sd_journal_sendv(vectors, Int32(vectors.count)) >= 0
        }
    }

    /// Whether standard error is the journal, by the rule of systemd.exec(5): `JOURNAL_STREAM` holds
    /// the device and inode numbers of the stream.
    static var isStandardError: Bool {
        guard let text = getenv("JOURNAL_STREAM").map({ String(cString: $0) }) else { return false }
        let numbers = text.split(separator: ":").compactMap { UInt64($0) }
        var status = stat()
        guard numbers.count == 2, fstat(STDERR_FILENO, &status) == 0 else { return false }
        return UInt64(status.st_dev) == numbers[0] && UInt64(status.st_ino) == numbers[1]
    }
}
