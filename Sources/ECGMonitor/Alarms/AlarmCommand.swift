/// What a person decides about a stream's alarms. Commands are the only input of a monitor that is not samples: each
/// takes
/// effect between two samples, so that events are a function of the samples and of the commands with their places.
public struct AlarmCommand: Sendable, Equatable {
    public enum Action: Sendable, Equatable {
        /// Alerts that are on are known and being dealt with: of one kind or (nil) all, with one number or (nil) any.
        case acknowledge(kind: AlertKind?, number: UInt32?)
        /// Quiet for so many seconds of the stream's time; nil: as long as configured.
        case pause(AlarmPause.Kind, seconds: Double?)
        /// The pause is over.
        case resume
        /// Changes nothing: what is on?
        case list
    }

    public var action: Action
    /// Who decided it, for every subscriber to see.
    public var by: String

    public init(_ action: Action, by: String) {
        self.action = action
        self.by = by
    }

    /// Longest name of a person or place, in characters.
    public static let maximumNameLength = 64

    /// Whether `name` can stand in a log and on a display: 1 to 64 printable characters without line ends, and not
    /// blank.
    public static func isValid(name: String) -> Bool {
        // Bytes first: a single character may be a megabyte of combining marks.
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

/// Alarms of a stream that are not to be signalled for a while, after IEC 60601-1-8 (audio paused, alarm paused). They
/// are
/// detected and published all the same; the events say that they are paused.
public struct AlarmPause: Sendable, Equatable {
    public enum Kind: UInt8, Sendable, CaseIterable, Codable {
        /// No sounds.
        case audio
        /// Neither sounds nor lights.
        case alarm
    }

    public var kind: Kind
    /// Of the stream's time.
    public var remainingSeconds: Double
    public var by: String

    public init(kind: Kind, remainingSeconds: Double, by: String) {
        self.kind = kind
        self.remainingSeconds = remainingSeconds
        self.by = by
    }
}

/// What became of a command.
public struct AlarmCommandOutcome: Sendable, Equatable {
    public enum Result: Sendable, Equatable {
        case done
        /// Nothing is on that could be acknowledged, no pause that could end.
        case nothingToDo
        /// The pause is longer than this many seconds.
        case tooLong(limit: Double)
        /// The name, or a number of seconds that is none.
        case invalid(String)
    }

    public var result: Result
    public var session: UInt64
    /// The last sample before which the command had no effect: those up to here and the command give the events again.
    public var appliedAtSampleIndex: Int64
    public var acknowledged = 0
    /// What is on afterwards, active or latched, as its last event said but for the duration.
    public var alerts: [Alert] = []
    public var pause: AlarmPause?
}
