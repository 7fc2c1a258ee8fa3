import Logging
import Synchronization

/// A piece of metadata.
typealias LogField = (key: String, value: String)

/// How an event becomes an entry of the log.
protocol LogFormat {
    /// - Parameter at: the event, for where in the code it comes from; nil: from the log itself.
    static func entry(_ level: Logger.Level, _ message: String, _ metadata: [LogField], at: LogEvent?) -> LogEntry
}

extension LogFormat {
    /// The entry that says how many were dropped.
    static func report(dropped count: UInt64) -> LogEntry {
        entry(.warning, "log entries were dropped because nobody read them in time", [("count", "\(count)")], at: nil)
    }
}

/// Puts each event into the log writer's queue, in the given format.
struct QueuedLogHandler<Format: LogFormat>: LogHandler {
    let writer: LogWriter
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level {
        get { LogLevel.current }
        set { _ = newValue }
    }

    init(_ format: Format.Type, writer: LogWriter) {
        self.writer = writer
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = LogFields.sorted(metadata, event.metadata)
        writer.put(Format.entry(event.level, "\(event.message)", fields, at: event))
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

/// Metadata as text.
enum LogFields {
    static func sorted(_ a: Logger.Metadata, _ b: Logger.Metadata?) -> [LogField] {
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
