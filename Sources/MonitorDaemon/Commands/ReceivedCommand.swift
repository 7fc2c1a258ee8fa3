import ECGMonitor
import ECGWire

/// A command on its way to the worker that owns its stream.
struct ReceivedCommand: Sendable {
    var stream: String
    var command: AlarmCommand
    /// The sender's own number for it.
    var number: UInt64
    var origin: CommandOrigin
    /// As it came, with the name of the sender's key; nil: it came from no socket.
    var wire: WireCommand?
}

/// Who gets the reply to a command.
enum CommandOrigin: Sendable {
    /// The sender of a message to a command endpoint.
    case socket(ReplyTo)
    /// A viewer of the central station.
    case station(viewer: UInt64)
    /// The central station itself, which asks for the list of alarms.
    case stationList
}

/// Where a reply goes, and how it is encoded: as the question was.
struct ReplyTo: Sendable {
    let address: ReplyAddress
    var encoding: BodyEncoding
}

/// A reply on its way to the socket.
struct OutgoingReply: Sendable {
    var to: ReplyTo
    /// The command's stream; empty if the command could not be read.
    var stream = ""
    var reply: WireCommandReply
}

/// What became of a command, on `/metrics`; a contract.
enum CommandLabel: String, CaseIterable, Sendable {
    case done
    case nothingToDo = "nothing_to_do"
    case invalid
    case unknownStream = "unknown_stream"
    case tooLong = "too_long"
    case unavailable
    /// The sender's key has no right to it.
    case notPermitted = "not_permitted"

    var wire: WireCommandResult {
        switch self {
        case .done: .done
        case .nothingToDo: .nothingToDo
        case .invalid: .invalid
        case .unknownStream: .unknownStream
        case .tooLong: .tooLong
        case .unavailable: .unavailable
        case .notPermitted: .notPermitted
        }
    }
}

extension WireCommandReply {
    /// A reply to a command that no monitor has seen.
    init(_ label: CommandLabel, _ text: String, number: UInt64) {
        self.init()
        schemaVersion = SampleBlockLimits.schemaVersion
        self.number = number
        result = label.wire
        self.text = text
    }
}
