import ECGMonitor
import ECGWire
import MonitorWire
import SwiftProtobuf

/// Reads commands from bytes that anybody may have sent.
enum CommandParsing {
    /// Larger than any command: the fields are few and short.
    static let maximumBytes = 16_384

    /// Why a command is none, in words for its sender.
    struct Problem: Error, Equatable { var words: String }

    static func read(_ body: UnsafeRawBufferPointer) throws(Problem) -> WireCommand {
        guard body.count <= maximumBytes else { throw Problem(words: "larger than \(maximumBytes) bytes") }
        guard !body.isEmpty else { throw Problem(words: "an empty frame") }
        guard let command = WireCommand.decoded(body, BodyEncoding(of: body)) else {
            throw Problem(words: "not a Command in JSON or binary protobuf")
        }
        return command
    }

    /// What a command is about.
    enum Wish {
        case alarms(AlarmCommand.Action)
        /// Those that change; nil: those of the configuration shall hold again.
        case limits([BedLimit: Double]?)
    }

    /// The command in the daemon's terms.
    /// - Throws: which field is wrong. Nothing of what came is repeated in the words.
    static func wish(_ wire: WireCommand) throws(Problem) -> Wish {
        guard wire.schemaVersion == SampleBlockLimits.schemaVersion else {
            throw Problem(words: "schema_version must be \(SampleBlockLimits.schemaVersion)")
        }
        guard StreamName.isValid(wire.stream) else { throw Problem(words: "stream is no name of a stream") }
        guard AlarmCommand.isValid(name: wire.by) else {
            throw Problem(words: "by must hold 1 to \(AlarmCommand.maximumNameLength) printable characters")
        }
        if case .setLimits(let wanted) = wire.action { return .limits(try limits(wanted)) }
        return .alarms(try action(wire))
    }

    /// A command about alarms in the monitor's terms.
    /// - Throws: which field is wrong, or that it is about limits.
    static func command(_ wire: WireCommand) throws(Problem) -> AlarmCommand {
        guard case .alarms(let action) = try wish(wire) else { throw Problem(words: "not about alarms") }
        return AlarmCommand(action, by: wire.by)
    }

    private static func limits(_ wanted: WireCommand.SetLimits) throws(Problem) -> [BedLimit: Double]? {
        guard wanted.asConfigured != !wanted.limits.isEmpty else {
            throw Problem(words: "set_limits takes either limits or as_configured")
        }
        if wanted.asConfigured { return nil }
        do throws(BedLimits.Problem) {
            return try BedLimit.values(wanted.limits)
        } catch {
            throw Problem(words: error.words)
        }
    }

    private static func action(_ wire: WireCommand) throws(Problem) -> AlarmCommand.Action {
        switch wire.action {
        case .acknowledge(let which):
            guard let number = UInt32(exactly: which.alertNumber) else {
                throw Problem(words: "no alert has this number")
            }
            if which.kind == .unspecified { return .acknowledge(kind: nil, number: number == 0 ? nil : number) }
            guard let kind = AlertKind(which.kind) else { throw Problem(words: "kind is no kind of alert") }
            return .acknowledge(kind: kind, number: number == 0 ? nil : number)
        case .pause(let pause):
            let kind: AlarmPause.Kind
            switch pause.kind {
            case .audio: kind = .audio
            case .alarm: kind = .alarm
            case .unspecified, .UNRECOGNIZED: throw Problem(words: "pause.kind must be audio or alarm")
            }
            guard pause.seconds.isFinite, pause.seconds >= 0 else {
                throw Problem(words: "pause.seconds must be a number from 0 on")
            }
            return .pause(kind, seconds: pause.seconds == 0 ? nil : pause.seconds)
        case .resume: return .resume
        case .list: return .list
        case .setLimits, nil: throw Problem(words: "no action: acknowledge, pause, resume, list or set_limits")
        }
    }
}
