public import ECGWire
public import ZeroMQ

/// Streams selected by name, or by a name prefix followed by `*`.
public struct StreamPattern: Hashable, Sendable, CustomStringConvertible {
    /// The name or prefix.
    public let text: String
    public let isBeginning: Bool

    /// - Returns: nil if no stream could have such a name.
    public init?(_ pattern: String) {
        isBeginning = pattern.hasSuffix("*")
        text = isBeginning ? String(pattern.dropLast()) : pattern
        guard isBeginning && text.isEmpty || StreamName.isValid(text) else { return nil }
    }

    /// Whether a stream is selected.
    public func matches(_ stream: String) -> Bool { isBeginning ? stream.hasPrefix(text) : stream == text }

    public var description: String { isBeginning ? text + "*" : text }
}

/// What a key may subscribe to: `*`, a topic prefix followed by `*` (`alert.icu-*`, `beat.*`), or `health`.
///
/// A single full topic of one stream cannot be permitted on its own: subscriptions are prefixes, and `alert.bed-1` is
/// also a prefix of `alert.bed-10`. Writing `alert.bed-1*` makes this explicit.
public struct TopicPattern: Hashable, Sendable, CustomStringConvertible {
    /// The prefix of the permitted topics, as bytes.
    public let prefix: [UInt8]

    public init?(_ pattern: String) {
        if pattern == Topic.Kind.health.rawValue {
            prefix = Array(pattern.utf8)
            return
        }
        guard pattern.hasSuffix("*") else { return nil }
        let text = String(pattern.dropLast())
        // A prefix of some topic: "alert.icu-", "alert.", "al".
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

/// An authorized key and its owner's permissions. Anything not listed is forbidden.
public struct AuthorizedKey: Hashable, Sendable {
    /// Shown in logs, metrics and acknowledgements: 1 to 32 characters.
    public var name: String
    public var key: CurvePublicKey
    /// Streams whose samples it may push.
    public var push: [StreamPattern] = []
    /// Topics that it may receive.
    public var read: [TopicPattern] = []
    /// Streams whose alarms it may acknowledge and pause.
    public var acknowledge: [StreamPattern] = []
    /// Whether it may query the history of the streams whose topics it may read.
    public var history = false
    /// Expiry in seconds since 1970; from then on the key is treated as if it were not listed.
    public var expires: Int64?

    public init(name: String, key: CurvePublicKey) {
        self.name = name
        self.key = key
    }

    /// Letters, digits and a few symbols: nothing that could end a field of a log line or impersonate another name.
    public static func isValid(name: String) -> Bool {
        (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-_.@ ".utf8.contains($0)
            } && name.first != " " && name.last != " " && name != Permissions.localName
    }
}

/// Who may do what. A value type: a new table replaces the old one as a whole.
public struct Permissions: Equatable, Sendable {
    /// The name used for peers that connected through an endpoint without keys.
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
    /// - Returns: nil for a key that is not in the table or has expired.
    public func entry(_ key: String, at now: Int64) -> AuthorizedKey? {
        guard let place = byKey[key] else { return nil }
        if let expires = keys[place].expires, now >= expires { return nil }
        return keys[place]
    }

    /// The next time after `now` at which a key expires.
    public func nextExpiry(after now: Int64) -> Int64? { keys.compactMap(\.expires).filter { $0 > now }.min() }
}

/// The sender of a message.
public enum Peer: Hashable, Sendable {
    /// Connected through an endpoint without keys: whoever the file permissions or the machine admitted. May do
    /// everything.
    case local
    case key(AuthorizedKey)
    /// A key that was admitted and has since lost its permissions.
    case removed

    /// The name for logs; never text that a sender could choose.
    public var name: String {
        switch self {
        case .local: Permissions.localName
        case .key(let entry): entry.name
        case .removed: "removed key"
        }
    }

    /// Whether it may push samples of a stream.
    public func mayPush(_ stream: String) -> Bool {
        switch self {
        case .local: true
        case .key(let entry): entry.push.contains { $0.matches(stream) }
        case .removed: false
        }
    }

    /// Whether it may acknowledge and pause the alarms of a stream.
    public func mayAcknowledge(_ stream: String) -> Bool {
        switch self {
        case .local: true
        case .key(let entry): entry.acknowledge.contains { $0.matches(stream) }
        case .removed: false
        }
    }

    /// Whether it may receive a topic.
    public func mayRead(_ topic: Topic) -> Bool {
        switch self {
        case .local: return true
        case .key(let entry):
            let name = topic.name.utf8
            return entry.read.contains { name.starts(with: $0.prefix) }
        case .removed: return false
        }
    }

    /// Whether it may see a stream's alarm state: those who may acknowledge its alarms or receive its alert topic may.
    public func maySeeAlarms(of stream: String) -> Bool { mayAcknowledge(stream) || mayRead(.alert(stream: stream)) }

    public var mayAskForHistory: Bool {
        switch self {
        case .local: true
        case .key(let entry): entry.history
        case .removed: false
        }
    }

    /// The part of a subscription that may be read: nothing, the subscription itself, or some longer prefixes.
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
