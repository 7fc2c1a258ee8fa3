import FoundationEssentials
import Glibc
import Logging
import Synchronization

/// One line for each event on standard error: time, level, message, `key=value` of the metadata.
struct StandardErrorLogHandler: LogHandler {
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
        writer.put(Self.entry(event.level, "\(event.message)", LogFields.sorted(metadata, event.metadata)))
    }

    /// The entry that says how many were dropped.
    static func report(dropped count: UInt64) -> LogEntry {
        entry(.warning, LogFields.droppedMessage, [("count", "\(count)")])
    }

    private static func entry(
        _ level: Logger.Level, _ message: String, _ fields: [(key: String, value: String)]
    ) -> LogEntry {
        let now = DaemonClock.utc()
        var seconds = time_t(now / 1_000_000_000)
        var calendar = tm()
        gmtime_r(&seconds, &calendar)
        var stamp = [CChar](repeating: 0, count: 32)
        strftime(&stamp, stamp.count, "%Y-%m-%dT%H:%M:%S", &calendar)
        let milliseconds = String(1000 + now / 1_000_000 % 1000).dropFirst()
        var line = stamp.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        line += ".\(milliseconds)Z \(level.rawValue) \(message)"
        for (key, value) in fields { line += " \(key)=\(LogFields.quoted(value))" }
        return .line(Array((LogFields.oneLine(line) + "\n").utf8))
    }
}

/// The level in force for every logger of the process; SIGHUP may change it.
enum LogLevel {
    private static let level = Mutex(Logger.Level.info)
    static var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

/// What both log handlers need to make text out of metadata.
enum LogFields {
    static let droppedMessage = "lines of the log were dropped: whoever reads it did not keep up"

    static func sorted(_ a: Logger.Metadata, _ b: Logger.Metadata?) -> [(key: String, value: String)] {
        a.merging(b ?? [:]) { $1 }.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 }
    }

    static func quoted(_ value: String) -> String {
        let plain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x7f }
        return plain ? value : "\"\(value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }

    /// Control characters would let what came from outside forge lines.
    static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || scalar.value == 0x7f {
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
