/// Keys that broke the rules and are not let in for a while: a minute after the first time, then each time twice as
/// long, a day at most. So whoever keeps trying disturbs others eleven times in the first day, then once a day.
///
/// A pure value; `now` is in seconds of a clock that is never set back.
struct KeyBans {
    static let firstSeconds: UInt64 = 60
    static let maximumSeconds: UInt64 = 86_400

    private struct Ban {
        var until: UInt64
        var seconds: UInt64
    }

    private var bans: [String: Ban] = [:]

    /// - Parameter key: the public key. As many are kept as are given.
    /// - Returns: for how many seconds it is not let in.
    mutating func add(_ key: String, at now: UInt64) -> UInt64 {
        let seconds = bans[key].map { min($0.seconds * 2, Self.maximumSeconds) } ?? Self.firstSeconds
        bans[key] = Ban(until: now + seconds, seconds: seconds)
        return seconds
    }

    func isBanned(_ key: String, at now: UInt64) -> Bool { bans[key].map { now < $0.until } ?? false }

    /// Forgives all.
    mutating func removeAll() { bans = [:] }
}
