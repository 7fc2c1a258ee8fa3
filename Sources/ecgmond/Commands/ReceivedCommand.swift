import ECGMonitor
import ECGWire

/// A command on its way to the worker that owns its stream.
struct ReceivedCommand: Sendable {
    var stream: String
    var command: AlarmCommand
    /// The sender's own number for it.
    var number: UInt64
    /// Where the reply goes.
    var returnAddress: ReturnAddress
}

/// The frames that bring a reply back to whoever asked, and how it is written.
struct ReturnAddress: Sendable {
    /// The peer's routing id and, for a REQ socket, the empty frame after it.
    var envelope: [[UInt8]]
    var encoding: BodyEncoding
}

/// A reply on its way to the socket.
struct OutgoingReply: Sendable {
    var returnAddress: ReturnAddress
    /// Of the command; empty: none that could be read.
    var stream = ""
    var reply: WireCommandReply
}

/// What a worker is given, in the order in which it came.
enum WorkerInput: Sendable {
    case segment(ReceivedBlock)
    case command(ReceivedCommand)
    case inquiry(ReceivedHello)

    /// What it costs in a queue: samples.
    var cost: Int {
        switch self {
        case .segment(let received): received.segment.millivolts.count
        case .command, .inquiry: 1
        }
    }
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
