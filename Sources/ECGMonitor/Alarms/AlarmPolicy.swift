/// How alarms are signalled, as opposed to what triggers them.
public struct AlarmPolicy: Sendable, Equatable, Codable {
    /// Alerts of these priorities remain after their condition has ended until someone acknowledges them (IEC
    /// 60601-1-8: latching alarm signals).
    public var latching: Set<AlertPriority> = []
    /// Kinds that are never raised. Kinds that `cannotBeSwitchedOff` must not be included.
    public var off: Set<AlertKind> = []
    /// Interval, in s, until a reminder of an acknowledged alert of medium or high priority whose condition persists;
    /// 0 for no reminders.
    public var reminderSeconds: Double = 180
    /// Maximum number of these reminders: nothing repeats indefinitely.
    public var remindersMaximum = 10
    /// Length of a pause if the command does not specify one, in s. Two minutes are a common default.
    public var pauseSeconds: Double = 120
    /// Maximum length of a pause that a command can request, in s.
    public var maximumPauseSeconds: Double = 300
    /// Whether a new alert of high priority ends a pause.
    public var highPriorityEndsPause = true

    public init() {}

    /// Maximum length of a pause that any configuration can allow, in s: no pause is indefinite.
    public static let pauseLimit: Double = 900

    /// - Throws: the first value that is out of range. No pause is indefinite, and alerts about what kills within
    ///   minutes, or about nothing being monitored, cannot be switched off.
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
            (1...Self.pauseLimit).contains(maximumPauseSeconds), "maximumPauseSeconds",
            "from 1 to \(Self.pauseLimit), not \(maximumPauseSeconds): no pause is for ever")
        try require(
            pauseSeconds >= 1 && pauseSeconds <= maximumPauseSeconds, "pauseSeconds",
            "from 1 to maximumPauseSeconds (\(maximumPauseSeconds)), not \(pauseSeconds)")
    }
}
