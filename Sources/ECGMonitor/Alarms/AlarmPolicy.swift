/// How alarms are signalled, beside what raises them.
public struct AlarmPolicy: Sendable, Equatable, Codable {
    /// Alerts of these priorities stay after their condition is over until somebody acknowledges them (IEC 60601-1-8:
    /// latching alarm signals).
    public var latching: Set<AlertPriority> = []
    /// Kinds that are not raised at all. Those that `cannotBeSwitchedOff` are not among them.
    public var off: Set<AlertKind> = []
    /// An acknowledged alert of medium or high priority whose condition lasts is reminded of after so long, in s; 0:
    /// never.
    public var reminderSeconds: Double = 180
    /// ... so many times at most: nothing repeats without end.
    public var remindersMaximum = 10
    /// How long a pause lasts where the command does not say, in s. Two minutes are a common default.
    public var pauseSeconds: Double = 120
    /// The longest pause that a command can ask for, in s.
    public var maximumPauseSeconds: Double = 300
    /// A new alert of high priority ends a pause.
    public var highPriorityEndsPause = true

    public init() {}

    /// Longest pause that any configuration can allow, in s: none is for ever.
    public static let pauseLimit: Double = 900

    /// - Throws: the first value that is out of its range. No pause is for ever, and what kills within minutes, or
    ///   says that
    ///   nothing is watched, cannot be switched off.
    func validate() throws(MonitorConfiguration.InvalidValue) {
        func require(_ holds: Bool, _ key: String, _ requirement: String) throws(MonitorConfiguration.InvalidValue) {
            guard holds else { throw MonitorConfiguration.InvalidValue(key: "alarms.\(key)", requirement: requirement) }
        }
        if let kind = off.filter(\.cannotBeSwitchedOff).min(by: { $0.rawValue < $1.rawValue }) {
            try require(false, "off", "without \(kind): this alarm cannot be switched off")
        }
        try require(
            reminderSeconds == 0 || (30...3_600).contains(reminderSeconds), "reminderSeconds",
            "0 or from 30 to 3600, not \(reminderSeconds)")
        try require((1...100).contains(remindersMaximum), "remindersMaximum", "from 1 to 100, not \(remindersMaximum)")
        try require(
            (1...Self.pauseLimit).contains(maximumPauseSeconds), "longestPauseSeconds",
            "from 1 to \(Self.pauseLimit), not \(maximumPauseSeconds): no pause is for ever")
        try require(
            pauseSeconds >= 1 && pauseSeconds <= maximumPauseSeconds, "pauseSeconds",
            "from 1 to longestPauseSeconds (\(maximumPauseSeconds)), not \(pauseSeconds)")
    }
}
