import FoundationEssentials
import Glibc

/// Processor time that a process has taken, from /proc.
enum ProcessorTime {
    /// In seconds, user and system time of all its threads; nil if there is no such process.
    static func seconds(of process: pid_t) -> Double? {
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/\(process)/stat")) else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        // The name, in parentheses, may hold spaces.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let words = text[end...].split(separator: " ")
        guard words.count > 13, let user = Double(words[12]), let system = Double(words[13]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
