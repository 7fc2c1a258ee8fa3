package import DaemonHarness
import FoundationEssentials
import Glibc

extension LocalDaemon {
    /// The processor time that it has taken so far, in seconds.
    package var processorSeconds: Double { processID.flatMap { ProcessorTime.seconds(of: $0) } ?? 0 }
}

/// Processor time that a process has taken, from /proc.
enum ProcessorTime {
    /// In seconds, user and system time of all its threads; nil if there is no such process.
    static func seconds(of process: pid_t) -> Double? {
        seconds(inStat: "/proc/\(process)/stat")
    }

    /// The same by the names of its threads; those of one name together.
    static func secondsByThread(of process: pid_t) -> [String: Double] {
        let folder = "/proc/\(process)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return threads.reduce(into: [:]) { result, thread in
            guard let name = try? String(contentsOfFile: "\(folder)/\(thread)/comm", encoding: .utf8),
                let seconds = seconds(inStat: "\(folder)/\(thread)/stat")
            else { return }
            result[name.filter { !$0.isNewline }, default: 0] += seconds
        }
    }

    private static func seconds(inStat path: String) -> Double? {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        // The name, in parentheses, may hold spaces.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let words = text[end...].split(separator: " ")
        guard words.count > 13, let user = Double(words[12]), let system = Double(words[13]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
