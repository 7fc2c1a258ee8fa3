import CSystemd
import FoundationEssentials
import Glibc
import Logging

/// Structured entries in systemd's journal by its native protocol: `MESSAGE`, `PRIORITY`, and a field
/// `ECGMON_<KEY>` for each piece of metadata (`journalctl ECGMON_STREAM=bed-7`).
struct JournalLogHandler: LogHandler {
    let label: String
    let writer: LogWriter
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level {
        get { LogLevel.current }
        set { _ = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let extra = LogFields.sorted(metadata, event.metadata)
        var message = "\(event.message)"
        for (key, value) in extra { message += " \(key)=\(LogFields.quoted(value))" }
        var fields = [
            "MESSAGE=\(LogFields.oneLine(message))", "PRIORITY=\(Self.priority(event.level))",
            "SYSLOG_IDENTIFIER=ecgmond", "CODE_FILE=\(event.file)", "CODE_LINE=\(event.line)",
            "CODE_FUNC=\(event.function)",
        ]
        for (key, value) in extra { fields.append("ECGMON_\(Self.fieldName(key))=\(value)") }
        writer.put(.fields(fields))
    }

    /// The entry that says how many were dropped.
    static func report(dropped count: UInt64) -> LogEntry {
        .fields([
            "MESSAGE=\(LogFields.droppedMessage) count=\(count)", "PRIORITY=\(LOG_WARNING)",
            "SYSLOG_IDENTIFIER=ecgmond", "ECGMON_COUNT=\(count)",
        ])
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

    /// Whether standard error is connected to the journal, by the rule of systemd.exec(5): `JOURNAL_STREAM` holds
    /// the device and inode numbers of the stream.
    static var isStandardErrorTheJournal: Bool {
        guard let text = getenv("JOURNAL_STREAM").map({ String(cString: $0) }) else { return false }
        let numbers = text.split(separator: ":").compactMap { UInt64($0) }
        var status = stat()
        guard numbers.count == 2, fstat(STDERR_FILENO, &status) == 0 else { return false }
        return UInt64(status.st_dev) == numbers[0] && UInt64(status.st_ino) == numbers[1]
    }
}
