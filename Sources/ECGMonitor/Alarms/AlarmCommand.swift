/// An operator's command about a stream's alarms. Commands are a monitor's only input besides samples. Each takes
/// effect between two samples, so events are a function of the samples, the commands and the commands' positions.
public struct AlarmCommand: Sendable, Equatable {
    public enum Action: Sendable, Equatable {
        /// The active alerts are known and being dealt with: of one kind or (nil) all kinds, with one number or (nil)
        /// any number.
        case acknowledge(kind: AlertKind?, number: UInt32?)
        /// Pause alarms for this many seconds of the stream's time; nil for the configured time.
        case pause(AlarmPause.Kind, seconds: Double?)
        /// End the pause.
        case resume
        /// List the active alerts without changing anything.
        case list
    }

    public var action: Action
    /// Who issued the command, visible to every subscriber.
    public var by: String

    public init(_ action: Action, by: String) {
        self.action = action
        self.by = by
    }

    /// Maximum length of a person's or place's name, in characters.
    public static let maximumNameLength = 64

    /// Whether `name` is suitable for logs and displays: 1 to 64 printable characters, no line breaks, not blank.
    public static func isValid(name: String) -> Bool {
        // Bytes are checked first: a single character may be a megabyte of combining marks.
        guard name.utf8.count <= 4 * maximumNameLength, (1...maximumNameLength).contains(name.unicodeScalars.count) else {
            return false
        }
        var isBlank = true
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                return false
            case .spaceSeparator: break
            default: isBlank = false
            }
        }
        return !isBlank
    }
}

/// A temporary pause in signalling a stream's alarms, after IEC 60601-1-8 (audio paused, alarm paused). Alarms are
/// still detected and published; their events show that they are paused.
public struct AlarmPause: Sendable, Equatable {
    public enum Kind: UInt8, Sendable, CaseIterable, Codable {
        /// No sounds.
        case audio
        /// Neither sounds nor lights.
        case alarm
    }

    public var kind: Kind
    /// Remaining seconds of the stream's time.
    public var remainingSeconds: Double
    public var by: String

    public init(kind: Kind, remainingSeconds: Double, by: String) {
        self.kind = kind
        self.remainingSeconds = remainingSeconds
        self.by = by
    }
}

/// The result of a command.
public struct AlarmCommandOutcome: Sendable, Equatable {
    public enum Result: Sendable, Equatable {
        case done
        /// There is no alert to acknowledge, or no pause to end.
        case nothingToDo
        /// The requested pause is longer than this many seconds.
        case tooLong(limit: Double)
        /// The name or the number of seconds is invalid.
        case invalid(String)
    }

    public var result: Result
    public var session: UInt64
    /// The last sample before the command took effect: the samples up to here followed by the command reproduce the
    /// events.
    public var appliedAtSampleIndex: Int64
    public var acknowledged = 0
    /// Alerts that are active or latched afterwards, as in their last event except for the duration.
    public var alerts: [Alert] = []
    public var pause: AlarmPause?

    public init(result: Result, session: UInt64, appliedAtSampleIndex: Int64) {
        self.result = result
        self.session = session
        self.appliedAtSampleIndex = appliedAtSampleIndex
    }
}
