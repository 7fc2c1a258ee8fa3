import SwiftProtobuf

/// How the body of a published message is written.
public enum BodyEncoding: String, Sendable, CaseIterable {
    /// The schema's canonical JSON.
    case json
    /// Binary protobuf.
    case binary

    /// Which one a body is in. JSON begins with '{', which would be field 15 as a group: the schema has no such thing.
    public init(of body: UnsafeRawBufferPointer) {
        self = body.first == UInt8(ascii: "{") ? .json : .binary
    }
}

/// The body of a published message.
public enum PublishedBody: Sendable, Equatable {
    /// On every topic but `health`.
    case event(WireEvent)
    /// On topic `health`.
    case health(WireHealth)

    /// The place in its topic's order: 1, 2, 3 ... without holes.
    public var sequence: UInt64 {
        switch self {
        case .event(let event): event.sequence
        case .health(let health): health.sequence
        }
    }

    /// The body as it goes over the wire.
    /// - Throws: SwiftProtobuf's errors, for a text longer than 2 GB.
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

    /// Reads the body of a message on a topic of that kind, in either encoding. Fields and values of later versions are
    /// ignored.
    /// - Throws: SwiftProtobuf's errors where it cannot be read.
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
