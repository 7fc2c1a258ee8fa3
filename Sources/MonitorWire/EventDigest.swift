public import ECGMonitor
internal import ECGWire
internal import NeuralNetwork
internal import SwiftProtobuf

/// SHA-256 over everything that a subscriber receives for a stream: guards against unintended changes.
///
/// Ids depend on decisions alone. Bodies also contain floating-point figures, whose last bits may differ between the
/// network's kernels, so compare bodies only between runs of the same kernel.
public struct EventDigest: Sendable, Equatable {
    /// Number of events.
    public let events: Int
    /// Digest of all ids, one per line: 64 hexadecimal characters.
    public let ids: String
    /// Digest of all bodies, each preceded by its length: 64 hexadecimal characters.
    public let bodies: String

    /// - Parameters:
    ///   - events: in the order in which they were decided.
    ///   - stream: the stream name used in ids and bodies.
    /// - Throws: if an event cannot be encoded.
    public init(of events: [MonitorEvent], stream: String) throws {
        var ids: [UInt8] = []
        var bodies: [UInt8] = []
        var sequences: [Topic.Kind: UInt64] = [:]
        for event in events {
            sequences[event.kind.topic, default: 0] += 1
            let wire = WireEvent(event, stream: stream, sequence: sequences[event.kind.topic] ?? 0)
            ids += Array(wire.id.utf8) + [UInt8(ascii: "\n")]
            let body: [UInt8] = try wire.serializedBytes()
            withUnsafeBytes(of: UInt32(clamping: body.count).littleEndian) { bodies.append(contentsOf: $0) }
            bodies += body
        }
        self.init(events: events.count, idBytes: ids, bodyBytes: bodies)
    }

    /// One combined digest: computed over the digests of the parts, in this order.
    public init(of parts: [EventDigest]) {
        self.init(
            events: parts.reduce(0) { $0 + $1.events }, idBytes: parts.flatMap { Array($0.ids.utf8) },
            bodyBytes: parts.flatMap { Array($0.bodies.utf8) })
    }

    private init(events: Int, idBytes: [UInt8], bodyBytes: [UInt8]) {
        self.events = events
        ids = SHA256.hexadecimalDigest(of: idBytes)
        bodies = SHA256.hexadecimalDigest(of: bodyBytes)
    }
}
