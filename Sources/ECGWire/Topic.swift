/// The first frame of a published message: the kind of message and the stream that it concerns.
public enum Topic: Sendable, Hashable {
    case alert(stream: String)
    case beat(stream: String)
    case suspicion(stream: String)
    case status(stream: String)
    case waveform(stream: String)
    /// The daemon itself.
    case health

    /// The kind of a topic.
    public enum Kind: String, Sendable, CaseIterable {
        case alert, beat, suspicion, status, waveform, health

        /// The prefix that all topics of this kind share: "alert.", or "health".
        public var prefix: String { self == .health ? rawValue : rawValue + "." }
    }

    /// The topic of a kind for a stream; `health` has no stream.
    public init(_ kind: Kind, stream: String) {
        self =
            switch kind {
            case .alert: .alert(stream: stream)
            case .beat: .beat(stream: stream)
            case .suspicion: .suspicion(stream: stream)
            case .status: .status(stream: stream)
            case .waveform: .waveform(stream: stream)
            case .health: .health
            }
    }

    /// Parses a received topic; nil if it is not a topic or its stream name is invalid.
    public init?(_ name: String) {
        if name == Kind.health.rawValue {
            self = .health
            return
        }
        // A stream name may contain dots; the kind may not.
        guard let dot = name.firstIndex(of: "."), let kind = Kind(rawValue: String(name[..<dot])), kind != .health
        else { return nil }
        let stream = name[name.index(after: dot)...]
        guard StreamName.isValid(stream) else { return nil }
        self.init(kind, stream: String(stream))
    }

    public var kind: Kind {
        switch self {
        case .alert: .alert
        case .beat: .beat
        case .suspicion: .suspicion
        case .status: .status
        case .waveform: .waveform
        case .health: .health
        }
    }

    /// nil for `health`.
    public var stream: String? {
        switch self {
        case .alert(let stream), .beat(let stream), .suspicion(let stream), .status(let stream), .waveform(let stream):
            stream
        case .health: nil
        }
    }

    /// The topic as sent over the wire: "alert.bed-1".
    public var name: String { stream.map { kind.prefix + $0 } ?? kind.rawValue }
}

/// What a subscriber wants to receive.
public enum TopicFilter: Sendable, Hashable {
    case everything
    /// One kind, for every stream.
    case all(Topic.Kind)
    /// Exactly this topic.
    case only(Topic)

    /// The prefix to subscribe to. Other topics may share it: see `matches`.
    public var prefix: String {
        switch self {
        case .everything: ""
        case .all(let kind): kind.prefix
        case .only(let topic): topic.name
        }
    }

    /// Whether a topic is wanted: "alert.bed-10" starts with "alert.bed-1" but belongs to another bed.
    public func matches(_ topic: Topic) -> Bool {
        switch self {
        case .everything: true
        case .all(let kind): topic.kind == kind
        case .only(let wanted): topic == wanted
        }
    }
}
