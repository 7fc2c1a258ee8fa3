import FoundationEssentials
import Glibc
import Logging

/// One line for each event on standard error: time, level, message, `key=value` of the metadata.
enum StandardErrorLog: LogFormat {
    static func entry(_ level: Logger.Level, _ message: String, _ metadata: [LogField], at: LogEvent?) -> LogEntry {
        let now = DaemonClock.utc()
        var seconds = time_t(now / 1_000_000_000)
        var calendar = tm()
        gmtime_r(&seconds, &calendar)
        var stamp = [CChar](repeating: 0, count: 32)
        strftime(&stamp, stamp.count, "%Y-%m-%dT%H:%M:%S", &calendar)
        let milliseconds = String(1000 + now / 1_000_000 % 1000).dropFirst()
        var line = stamp.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        line += ".\(milliseconds)Z \(level.rawValue) \(message)"
        for (key, value) in metadata { line += " \(key)=\(LogFields.quoted(value))" }
        return .line(Array((LogFields.oneLine(line) + "\n").utf8))
    }
}
