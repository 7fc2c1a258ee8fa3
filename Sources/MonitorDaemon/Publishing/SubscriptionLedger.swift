import ECGWire

/// What subscribers have asked for and not taken back: how often, and whose it is. Bounds what they can make the socket
/// keep.
///
/// libzmq tells when a connection's subscriptions end with it, but not whose they were: they are taken from whoever has
/// most of that prefix. The sum is exact, a key's share is so to within what others ask for alike.
struct SubscriptionLedger {
    /// For one key, and altogether.
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

    /// - Parameter key: nil: a connection ended, it is not told whose.
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

    /// Whether a key, or all together, have asked for more than is kept.
    func isOverLimit(_ key: String) -> Bool {
        countsByKey[key] ?? 0 > Self.maximumPerKey || total > Self.maximumTotal
    }
}
