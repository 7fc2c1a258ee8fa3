import SwiftProtobuf

/// The encoding of a published message's body.
public enum BodyEncoding: String, Sendable, CaseIterable {
    /// The schema's canonical JSON.
    case json
    /// Binary protobuf.
    case binary

    /// The encoding of a body. JSON starts with '{', which in protobuf would be field 15 as a group; the schema has
    /// none.
    public init(of body: UnsafeRawBufferPointer) {
        self = body.first == UInt8(ascii: "{") ? .json : .binary
    }
}

/// The body of a published message.
public enum PublishedBody: Sendable, Equatable {
    /// On every topic except `health`.
    case event(WireEvent)
    /// On the `health` topic.
    case health(WireHealth)

    /// The sequence number within its topic: 1, 2, 3 ... without gaps.
    public var sequence: UInt64 {
        switch self {
        case .event(let event): event.sequence
        case .health(let health): health.sequence
        }
    }

    /// The body as sent over the wire.
    /// - Throws: SwiftProtobuf's errors if the text exceeds 2 GB.
    public func encoded(as encoding: BodyEncoding) throws -> [UInt8] {
        let message: any Message =
            switch self {
            case .event(let event): event
            case .health(let health): health
            }
        switch encoding {
        case .binary: return try message.serializedBytes()
        case .json:
            var options = JSONEncodingOptions()
            options.useDeterministicOrdering = true
            return try message.jsonUTF8Bytes(options: options)
        }
    }

    /// Decodes the body of a message on a topic of this kind, in either encoding. Fields and values from later schema
    /// versions are ignored.
    /// - Throws: SwiftProtobuf's errors if it cannot be decoded.
    public init(_ body: UnsafeRawBufferPointer, kind: Topic.Kind) throws {
        self = kind == .health ? .health(try Self.decode(body)) : .event(try Self.decode(body))
    }

    private static func decode<Body: Message>(_ body: UnsafeRawBufferPointer) throws -> Body {
        switch BodyEncoding(of: body) {
        case .json:
            var options = JSONDecodingOptions()
            options.ignoreUnknownFields = true
            return try Body(jsonUTF8Bytes: Array(body), options: options)
        case .binary:
            return try Body(serializedBytes: body.bytes)
        }
    }
}
