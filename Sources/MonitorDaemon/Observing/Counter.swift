import Synchronization

/// A number that only grows; any thread. Past 2^64 it begins anew: a count must not end the daemon.
final class Counter: Sendable {
    private let storage = Atomic<UInt64>(0)
    var value: UInt64 { storage.load(ordering: .relaxed) }
    func add(_ amount: UInt64 = 1) { if amount > 0 { storage.wrappingAdd(amount, ordering: .relaxed) } }
    func add(_ amount: Int) { add(UInt64(clamping: amount)) }
}

/// A number that goes up and down; any thread.
final class Gauge: Sendable {
    private let storage = Atomic<Int>(0)
    var value: Int { storage.load(ordering: .relaxed) }
    func add(_ amount: Int) { storage.add(amount, ordering: .relaxed) }
    func set(_ amount: Int) { storage.store(amount, ordering: .relaxed) }

    /// Takes one off, never below 0.
    func decrement() {
        var seen = storage.load(ordering: .relaxed)
        while seen > 0 {
            let (done, now) = storage.compareExchange(expected: seen, desired: seen - 1, ordering: .relaxed)
            if done { return }
            seen = now
        }
    }

    /// Adds one unless that would pass `limit`.
    func increment(upTo limit: Int) -> Bool {
        var seen = storage.load(ordering: .relaxed)
        while seen < limit {
            let (done, now) = storage.compareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
            if done { return true }
            seen = now
        }
        return false
    }
}

/// Counters for every case of an enumeration: no look-up by text where something is counted.
struct CounterTable<Label: CaseIterable & Hashable & Sendable>: Sendable where Label.AllCases: Sendable {
    private let counters: [Label: Counter]
    init() { counters = Dictionary(uniqueKeysWithValues: Label.allCases.map { ($0, Counter()) }) }
    func add(_ amount: Int = 1, for label: Label) { self[label].add(amount) }

    /// What is not among the cases is counted nowhere.
    subscript(label: Label) -> Counter { counters[label] ?? Counter() }

    /// Every case with its count, in the order of the cases.
    var all: [(label: Label, count: UInt64)] { Label.allCases.map { ($0, self[$0].value) } }
}

/// How durations spread, in buckets that double from 0.1 ms to 52 s.
final class LatencyHistogram: Sendable {
    static let upperBoundsNanoseconds: [UInt64] = (0..<20).map { 100_000 << $0 }

    private let buckets = (0...upperBoundsNanoseconds.count).map { _ in Counter() }
    private let sumNanoseconds = Counter()

    func record(nanoseconds: UInt64) {
        var index = 0
        var bound: UInt64 = 100_000
        while index < Self.upperBoundsNanoseconds.count && nanoseconds > bound {
            index += 1
            bound <<= 1
        }
        buckets[index].add(1)
        sumNanoseconds.add(nanoseconds)
    }

    /// Upper bounds in seconds with the number at or below each; the last bound is infinite.
    var cumulative: [(upperBoundSeconds: Double, count: UInt64)] {
        var total: UInt64 = 0
        return buckets.indices.map { index in
            total += buckets[index].value
            let bound =
                index < Self.upperBoundsNanoseconds.count
                ? Double(Self.upperBoundsNanoseconds[index]) / 1e9 : Double.infinity
            return (bound, total)
        }
    }

    var sumSeconds: Double { Double(sumNanoseconds.value) / 1e9 }
}
