public import ECGWire
public import ZeroMQ

/// Streams by name, or by the beginning of a name followed by `*`.
public struct StreamPattern: Hashable, Sendable, CustomStringConvertible {
    /// The name, or its beginning.
    public let text: String
    public let isBeginning: Bool

    /// - Returns: nil where no stream could have such a name.
    public init?(_ pattern: String) {
        isBeginning = pattern.hasSuffix("*")
        text = isBeginning ? String(pattern.dropLast()) : pattern
        guard isBeginning && text.isEmpty || StreamName.isValid(text) else { return nil }
    }

    public func matches(_ stream: String) -> Bool { isBeginning ? stream.hasPrefix(text) : stream == text }

    public var description: String { isBeginning ? text + "*" : text }
}

/// What a key may subscribe to: `*`, the beginning of a topic followed by `*` (`alert.icu-*`, `beat.*`), or `health`.
///
/// A whole topic of a stream cannot be allowed alone: subscriptions are beginnings, and what begins with
/// `alert.bed-1` is `alert.bed-10`, too. Who writes `alert.bed-1*` says that.
public struct TopicPattern: Hashable, Sendable, CustomStringConvertible {
    /// What allowed topics begin with, as bytes.
    public let prefix: [UInt8]

    public init?(_ pattern: String) {
        if pattern == Topic.Kind.health.rawValue {
            prefix = Array(pattern.utf8)
            return
        }
        guard pattern.hasSuffix("*") else { return nil }
        let text = String(pattern.dropLast())
        // The beginning of some topic: "alert.icu-", "alert.", "al".
        let isKind = Topic.Kind.allCases.contains { kind in
            kind.prefix.hasPrefix(text)
                || (kind != .health && text.hasPrefix(kind.prefix)
                    && StreamName.isValid(text.dropFirst(kind.prefix.count)))
        }
        guard isKind else { return nil }
        prefix = Array(text.utf8)
    }

    public var description: String {
        let text = String(decoding: prefix, as: UTF8.self)
        return text == Topic.Kind.health.rawValue ? text : text + "*"
    }
}

/// A key that is let in, and what its owner may do. What is not named is not allowed.
public struct AuthorizedKey: Hashable, Sendable {
    /// In logs, metrics and acknowledgements: 1 to 32 characters.
    public var name: String
    public var key: CurvePublicKey
    /// Streams whose samples it may push.
    public var push: [StreamPattern] = []
    /// Topics that it may get.
    public var read: [TopicPattern] = []
    /// Streams whose alarms it may acknowledge and pause.
    public var acknowledge: [StreamPattern] = []
    /// Whether it may ask for what was: of the streams whose topics it may read.
    public var history = false
    /// Seconds since 1970 from which on it is as if it were not there.
    public var expires: Int64?

    public init(name: String, key: CurvePublicKey) {
        self.name = name
        self.key = key
    }

    /// Letters, digits and a few signs: nothing that could end a field of a log line, or pass for another's name.
    public static func isValid(name: String) -> Bool {
        (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-_.@ ".utf8.contains($0)
            } && name.first != " " && name.last != " " && name != Permissions.localName
    }
}

/// Who may do what. A value: a new table replaces the old one as a whole.
public struct Permissions: Equatable, Sendable {
    /// How those are called who came by an endpoint that asks for no key.
    public static let localName = "local"

    public private(set) var keys: [AuthorizedKey] = []
    private var byKey: [String: Int] = [:]

    public init(_ keys: [AuthorizedKey] = []) {
        self.keys = keys
        byKey = Dictionary(keys.enumerated().map { ($1.key.z85, $0) }) { first, _ in first }
    }

    /// - Parameters:
    ///   - key: a public key in Z85.
    ///   - now: seconds since 1970.
    /// - Returns: nil for one that is not in the table or has expired.
    public func entry(_ key: String, at now: Int64) -> AuthorizedKey? {
        guard let place = byKey[key] else { return nil }
        if let expires = keys[place].expires, now >= expires { return nil }
        return keys[place]
    }

    /// The next moment after `now` when a key expires.
    public func nextExpiry(after now: Int64) -> Int64? { keys.compactMap(\.expires).filter { $0 > now }.min() }
}

/// Who sent a message.
public enum Peer: Hashable, Sendable {
    /// By an endpoint that asks for no key: whoever the file permissions or the machine let to it. May do everything.
    case local
    case key(AuthorizedKey)
    /// A key that was let in and has no rights any more.
    case removed

    /// For logs: never what a sender could choose.
    public var name: String {
        switch self {
        case .local: Permissions.localName
        case .key(let entry): entry.name
        case .removed: "removed key"
        }
    }

    public func mayPush(_ stream: String) -> Bool {
        switch self {
        case .local: true
        case .key(let entry): entry.push.contains { $0.matches(stream) }
        case .removed: false
        }
    }

    public func mayAcknowledge(_ stream: String) -> Bool {
        switch self {
        case .local: true
        case .key(let entry): entry.acknowledge.contains { $0.matches(stream) }
        case .removed: false
        }
    }

    public func mayRead(_ topic: Topic) -> Bool {
        switch self {
        case .local: return true
        case .key(let entry):
            let name = topic.name.utf8
            return entry.read.contains { name.starts(with: $0.prefix) }
        case .removed: return false
        }
    }

    /// Whether it may see the state of a stream's alarms: who may acknowledge them, or gets the topic alert.
    public func maySeeAlarms(of stream: String) -> Bool { mayAcknowledge(stream) || mayRead(.alert(stream: stream)) }

    public var mayAskForHistory: Bool {
        switch self {
        case .local: true
        case .key(let entry): entry.history
        case .removed: false
        }
    }

    /// What is left of a subscription when only what may be read of it is kept: nothing, itself, or some longer ones.
    public func narrowed(_ prefix: [UInt8]) -> [[UInt8]] {
        switch self {
        case .local: return [prefix]
        case .removed: return []
        case .key(let entry):
            if entry.read.contains(where: { prefix.starts(with: $0.prefix) }) { return [prefix] }
            return entry.read.map(\.prefix).filter { $0.starts(with: prefix) }
        }
    }
}
