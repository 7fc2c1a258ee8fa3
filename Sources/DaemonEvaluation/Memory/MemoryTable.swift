/// The readings of a run, grouped by simulated day.
package struct MemoryTable: Sendable {
    package struct Day: Equatable, Sendable {
        /// 1, 2, 3 ...
        package var number: Int
        package var first: ProcessReading
        package var last: ProcessReading
        package var median: Int
        package var largest: Int
        package var anonymous: Int
        package var descriptors: Int
        package var threads: Int
        package var journal: Int
    }

    package let days: [Day]

    package init(_ readings: [ProcessReading]) {
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

    /// Increase of the median from the second day to the last, per day between them, in bytes; on the first day queues
    /// and caches are still reaching their size. nil if there are fewer than three days.
    package var growth: Double? {
        guard let second = days.first(where: { $0.number == 2 }), let last = days.last, last.number > 2 else {
            return nil
        }
        return Double(last.median - second.median) / Double(last.number - 2)
    }
}
