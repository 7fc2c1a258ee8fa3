import ECGWire

/// Counts the subscriptions in force, by prefix and by key, to bound what subscribers can make the socket keep.
///
/// When a connection ends, libzmq reports the end of its subscriptions, but not whose they were. They are then taken
/// from the key that has the most of that prefix: the total is exact, a key's share only up to equal subscriptions of
/// others.
struct SubscriptionLedger {
    /// The maximum for one key, and in total.
    static let maximumPerKey = 16_384
    static let maximumTotal = 65_536
    /// Longer prefixes match no topic; they are counted as if they ended here.
    static let maximumPrefixLength = 76

    private var counts: [[UInt8]: [String: Int]] = [:]
    private var countsByKey: [String: Int] = [:]
    private(set) var total = 0

    /// - Returns: whether it is the first for this prefix.
    mutating func add(_ prefix: [UInt8], of key: String) -> Bool {
        let prefix = Array(prefix.prefix(Self.maximumPrefixLength))
        let isFirst = counts[prefix] == nil
        counts[prefix, default: [:]][key, default: 0] += 1
        countsByKey[key, default: 0] += 1
        total += 1
        return isFirst
    }

    /// - Parameter key: nil: a connection ended, and it is not known whose.
    /// - Returns: whether it was the last for this prefix.
    mutating func remove(_ prefix: [UInt8], of key: String?) -> Bool {
        let prefix = Array(prefix.prefix(Self.maximumPrefixLength))
        guard var holders = counts[prefix] else { return false }
        let named = key.flatMap { holders[$0] == nil ? nil : $0 }
        guard let holder = named ?? holders.max(by: { $0.value < $1.value })?.key else { return false }
        holders[holder] = holders[holder].flatMap { $0 > 1 ? $0 - 1 : nil }
        countsByKey[holder] = countsByKey[holder].flatMap { $0 > 1 ? $0 - 1 : nil }
        counts[prefix] = holders.isEmpty ? nil : holders
        total -= 1
        return holders.isEmpty
    }

    /// Whether a key, or all keys together, have more subscriptions than are allowed.
    func isOverLimit(_ key: String) -> Bool {
        countsByKey[key] ?? 0 > Self.maximumPerKey || total > Self.maximumTotal
    }
}
