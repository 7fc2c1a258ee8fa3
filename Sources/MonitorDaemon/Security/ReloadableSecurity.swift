import ECGSecurity
import Synchronization
import ZeroMQ

/// The keys, rights and token in force. SIGHUP replaces them while all threads run.
final class ReloadableSecurity: Sendable {
    struct State: Sendable, Equatable {
        /// nil: no endpoint asks for a key, and everybody who reaches one may do everything.
        var serverKey: CurveKeyPair?
        var permissions = Permissions()
        var ipcWithoutCurve = false
        /// nil: the pages ask for none.
        var httpToken: HTTPToken?
        /// nil: everybody who reaches the central station may look.
        var stationViewToken: HTTPToken?
        /// nil: nobody may command from there.
        var stationCommandToken: HTTPToken?

        var isEnabled: Bool { serverKey != nil }
    }

    private struct Guarded {
        var state: State
        var bans = KeyBans()
    }

    private let guarded: Mutex<Guarded>
    private let generationCount = Atomic<UInt64>(1)

    init(_ state: State = State()) { guarded = Mutex(Guarded(state: state)) }

    /// Grows with every change: a thread that has seen this generation needs no lock.
    var generation: UInt64 { generationCount.load(ordering: .acquiring) }

    var current: State { guarded.withLock { $0.state } }

    func replace(by new: State) {
        guarded.withLock { guarded in
            guarded.state = new
            guarded.bans.removeAll()
        }
        generationCount.add(1, ordering: .releasing)
    }

    /// Does not let a key in for a while, unless the table is read again before. No more keys can be banned than are
    /// known.
    /// - Returns: for how many seconds; nil: the key is not known any more.
    func ban(_ key: String) -> UInt64? {
        guarded.withLock { guarded -> UInt64? in
            guard guarded.state.permissions.entry(key, at: AccessControl.now) != nil else { return nil }
            return guarded.bans.add(key, at: Self.banClock)
        }
    }

    func isBanned(_ key: String) -> Bool {
        guarded.withLock { $0.bans.isBanned(key, at: Self.banClock) }
    }

    private static var banClock: UInt64 { DaemonClock.monotonic() / 1_000_000_000 }
}

/// Makes the endpoints that a socket is about to bind ask for keys, or not.
struct SocketSecurity: Equatable {
    let serverKey: CurveKeyPair?
    let ipcWithoutCurve: Bool

    /// The ZAP domains of endpoints that ask for a key, and of those that do not.
    static let curveDomain = "ecgmon"
    static let localDomain = "ecgmon-local"

    /// Nothing is asked for anywhere.
    static let none = SocketSecurity(serverKey: nil, ipcWithoutCurve: false)

    /// To be called just before `bind(endpoint)`.
    func secure(_ socket: borrowing ZeroMQSocket, for endpoint: String) throws(ZeroMQError) {
        guard let serverKey else { return }
        if ipcWithoutCurve, Endpoint.ipcPath(endpoint) != nil {
            try socket.servePlainly(domain: Self.localDomain)
        } else {
            try socket.serveCurve(serverKey, domain: Self.curveDomain)
        }
    }
}

/// One thread's view of who may do what. Every message is judged by the newest table; a lock is taken only when the
/// table has changed.
final class AccessControl {
    private let source: ReloadableSecurity
    private var generation: UInt64
    private var state: ReloadableSecurity.State
    /// The table that present subscriptions were narrowed by, and when.
    private var readersSeen: Permissions
    private var readersGeneration: UInt64
    private var readersSeenAt: Int64
    /// When the first of them expires.
    private var nextExpiry: Int64
    private var boundSecurity: SocketSecurity

    init(_ source: ReloadableSecurity, at now: Int64 = AccessControl.now) {
        self.source = source
        generation = source.generation
        state = source.current
        readersSeen = state.permissions
        readersGeneration = generation
        readersSeenAt = now
        nextExpiry = state.permissions.nextExpiry(after: readersSeenAt) ?? .max
        boundSecurity = SocketSecurity(serverKey: state.serverKey, ipcWithoutCurve: state.ipcWithoutCurve)
    }

    /// For the sockets that this thread binds.
    var socketSecurity: SocketSecurity { boundSecurity }

    var isEnabled: Bool { state.isEnabled }

    /// Whether the server's key is another than the one that the sockets were bound with; true once for each change.
    func mustBindAgain() -> Bool {
        refresh()
        let new = SocketSecurity(serverKey: state.serverKey, ipcWithoutCurve: state.ipcWithoutCurve)
        guard new != boundSecurity else { return false }
        boundSecurity = new
        return true
    }

    /// Whether some key may read something else than its present subscriptions were narrowed to: it was removed, has
    /// expired, or has other rights. True once for each change.
    func readersChanged(at now: Int64 = AccessControl.now) -> Bool {
        refresh()
        guard state.isEnabled else { return false }
        // A clock that was set back lets expired keys in again, which then expire again.
        guard generation != readersGeneration || now >= nextExpiry || now < readersSeenAt else {
            readersSeenAt = now
            return false
        }
        defer {
            readersSeen = state.permissions
            readersSeenAt = now
            readersGeneration = generation
            nextExpiry = readersSeen.nextExpiry(after: now) ?? .max
        }
        return readersSeen.keys.contains { old in
            guard !old.read.isEmpty, readersSeen.entry(old.key.z85, at: readersSeenAt) != nil else { return false }
            return state.permissions.entry(old.key.z85, at: now)?.read != old.read
        }
    }

    /// Who sent a message, by the table as it is now.
    func peer(of message: borrowing ZeroMQMessage) -> Peer {
        refresh()
        guard state.isEnabled else { return .local }
        guard let userID = message.userID else { return .removed }
        return peer(userID: userID)
    }

    private func peer(userID: String) -> Peer {
        if userID == Permissions.localName { return state.ipcWithoutCurve ? .local : .removed }
        return state.permissions.entry(userID, at: Self.now).map { .key($0) } ?? .removed
    }

    /// See `ReloadableSecurity.ban`.
    func ban(_ key: AuthorizedKey) -> UInt64? { source.ban(key.key.z85) }

    private func refresh() {
        guard source.generation != generation else { return }
        generation = source.generation
        state = source.current
    }

    /// Seconds since 1970.
    static var now: Int64 { DaemonClock.utc() / 1_000_000_000 }
}

extension ReloadableSecurity {
    /// - Returns: what is different, in words for the log; nothing that is secret.
    func replaceReportingChanges(by new: State) -> String {
        let old = current
        guard new != old else {
            // The same table again lifts the bans all the same.
            replace(by: new)
            return ""
        }
        replace(by: new)
        var words: [String] = []
        if new.serverKey != old.serverKey { words.append("the server's key, all connect anew") }
        if new.httpToken != old.httpToken { words.append("the http token") }
        if new.stationViewToken != old.stationViewToken { words.append("the station's token to view") }
        if new.stationCommandToken != old.stationCommandToken { words.append("the station's token to command") }
        let before = Dictionary(uniqueKeysWithValues: old.permissions.keys.map { ($0.name, $0) })
        let after = Dictionary(uniqueKeysWithValues: new.permissions.keys.map { ($0.name, $0) })
        let added = after.keys.filter { before[$0] == nil }.sorted()
        let removed = before.keys.filter { after[$0] == nil }.sorted()
        let changed = after.keys.filter { before[$0] != nil && before[$0] != after[$0] }.sorted()
        for (verb, names) in [("added", added), ("removed", removed), ("changed", changed)] where !names.isEmpty {
            words.append("\(verb): \(names.prefix(20).joined(separator: ", "))" + (names.count > 20 ? ", ..." : ""))
        }
        return words.joined(separator: "; ")
    }
}
