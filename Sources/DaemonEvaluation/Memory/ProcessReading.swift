import FoundationEssentials
package import Glibc

/// What a process has of the machine at one moment, after /proc, and how large its journal is.
package struct ProcessReading: Equatable, Sendable {
    /// Where the simulated time was, in hours.
    package var hour: Double
    /// VmRSS, in bytes.
    package var resident: Int
    /// RssAnon: heap, stacks and what else belongs to no file, in bytes.
    package var anonymous: Int
    package var descriptors: Int
    package var threads: Int
    /// The database and its write-ahead log, in bytes.
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
