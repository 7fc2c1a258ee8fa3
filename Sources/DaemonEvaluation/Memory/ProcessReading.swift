import FoundationEssentials
package import Glibc

/// Resources that a process uses at one moment, from /proc, and the size of its journal.
package struct ProcessReading: Equatable, Sendable {
    /// Simulated time of the reading, in hours.
    package var hour: Double
    /// VmRSS, in bytes.
    package var resident: Int
    /// RssAnon: heap, stacks and other memory not backed by a file, in bytes.
    package var anonymous: Int
    package var descriptors: Int
    package var threads: Int
    /// Size of the database and its write-ahead log, in bytes.
    package var journal: Int

    package static func read(_ process: pid_t, journal: String, hour: Double) -> ProcessReading? {
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/\(process)/status")),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")
        else { return nil }
        var numbers: [Substring: Int] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
            if words.count >= 2, let number = Int(words[1]) { numbers[words[0]] = number }
        }
        guard let resident = numbers["VmRSS"] else { return nil }
        return ProcessReading(
            hour: hour, resident: resident * 1024, anonymous: (numbers["RssAnon"] ?? 0) * 1024,
            descriptors: files.count,
            threads: numbers["Threads"] ?? 0, journal: size(journal) + size(journal + "-wal"))
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
