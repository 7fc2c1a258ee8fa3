import ECGWire
import SwiftProtobuf

/// The first byte chooses: a body of an event or of health, a topic, a reply to a command.
enum PublishedTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch choice % 4 {
        case 0: body(rest, .beat)
        case 1: body(rest, .health)
        case 2:
            if let topic = Topic(String(decoding: rest, as: UTF8.self)) {
                precondition(Topic(topic.name) == topic, "a topic's name gives the topic again")
            }
        default: _ = try? WireCommandReply(serializedBytes: rest)
        }
    }

    private static func body(_ bytes: [UInt8], _ kind: Topic.Kind) {
        guard let body = try? bytes.withUnsafeBytes({ try PublishedBody($0, kind: kind) }) else { return }
        _ = body.sequence
        // Numbers of later versions in enums cannot be written as JSON names, but must not trap.
        for encoding in BodyEncoding.allCases { _ = try? body.encoded(as: encoding) }
    }
}
