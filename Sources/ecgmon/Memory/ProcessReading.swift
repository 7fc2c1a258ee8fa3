import FoundationEssentials
import Glibc

/// What a process has of the machine at one moment, after /proc, and how large its journal is.
struct ProcessReading: Equatable {
    /// Where the simulated time was, in hours.
    var hour: Double
    /// VmRSS, in bytes.
    var resident: Int
    /// RssAnon: heap, stacks and what else belongs to no file, in bytes.
    var anonymous: Int
    var descriptors: Int
    var threads: Int
    /// The database and its write-ahead log, in bytes.
    var journal: Int

    static func read(_ process: pid_t, journal: String, hour: Double) -> ProcessReading? {
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

/// The readings of a run, day by day of the simulated time.
struct MemoryTable {
    struct Day: Equatable {
        /// 1, 2, 3 ...
        var number: Int
        var first: ProcessReading
        var last: ProcessReading
        var median: Int
        var largest: Int
        var anonymous: Int
        var descriptors: Int
        var threads: Int
        var journal: Int
    }

    let days: [Day]

    init(_ readings: [ProcessReading]) {
        days = Dictionary(grouping: readings) { Int($0.hour) / 24 }.sorted { $0.key < $1.key }.compactMap {
            number, of in
            guard let first = of.first, let last = of.last else { return nil }
            return Day(
                number: number + 1, first: first, last: last, median: Self.median(of.map(\.resident)),
                largest: of.map(\.resident).max() ?? 0, anonymous: Self.median(of.map(\.anonymous)),
                descriptors: of.map(\.descriptors).max() ?? 0, threads: of.map(\.threads).max() ?? 0,
                journal: of.map(\.journal).max() ?? 0)
        }
    }

    private static func median(_ values: [Int]) -> Int { values.isEmpty ? 0 : values.sorted()[values.count / 2] }

    /// How much the median of the last day lies above that of the second, for each day between, in bytes; the first day
    /// is the one in which queues and caches find their size. nil: there are not three days.
    var growth: Double? {
        guard let second = days.first(where: { $0.number == 2 }), let last = days.last, last.number > 2 else {
            return nil
        }
        return Double(last.median - second.median) / Double(last.number - 2)
    }

    static let heading =
        "day   start  median largest     end MB   anonymous MB   journal MB   descriptors   threads"

    static func line(_ day: Day) -> String {
        func column(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func megabytes(_ bytes: Int) -> String { fixed(Double(bytes) / 1e6, 1) }
        return column("\(day.number)", 3) + column(megabytes(day.first.resident), 8) + column(megabytes(day.median), 8)
            + column(megabytes(day.largest), 8) + column(megabytes(day.last.resident), 8)
            + column(megabytes(day.anonymous), 18)
            + column(megabytes(day.journal), 13) + column("\(day.descriptors)", 14) + column("\(day.threads)", 10)
    }
}
