internal import StateCoding

/// Whether enough of the signal is observed for grave alarms to be reported in time. Short interruptions are bridged
/// one by one, but where they come so often that asystole, fibrillation or ventricular tachycardia could not be
/// recognized within 10 s, the monitor reports this: a link or lead too bad for monitoring must not pass for a quiet
/// patient.
struct ObservationRule: Sendable, Codable, RangeChecked {
    /// A grave rhythm can be recognized once the signal has been observed for this long without a restart of
    /// detection, in s.
    static let sufficientSeconds = 5.0
    /// In addition, no more than this share of the last 4 s may have been missed.
    static let maximumMissedShare: Float = 0.25
    /// If these conditions have not been met for this long, in s, the signal is too bad. A single interruption
    /// passes within `sufficientSeconds`.
    static let patienceSeconds = 8.0

    /// Unobserved time in each of the last 16 quarters of a second, in s.
    private var missed = InlineArray<16, Float>(repeating: 0)
    private var ticks = 0
    private var unobservedThen: Double = 0
    /// When a grave rhythm could last have been recognized.
    private var lastSufficient: Int64 = 0

    var isInRange: Bool { ticks >= 0 }

    /// A session begins.
    mutating func begin(at index: Int64) {
        self = ObservationRule()
        lastSufficient = index
    }

    /// A quarter of a second has passed.
    ///
    /// - Parameters:
    ///   - unobserved: unobserved seconds of the session so far.
    ///   - seenSince: start of detection without a restart; nil if detection is not running.
    /// - Returns: whether the signal is interrupted too often to be monitored.
    mutating func clock(at index: Int64, unobserved: Double, seenSince: Int64?, now: Moment) -> Bool {
        missed[ticks % 16] = Float(unobserved - unobservedThen)
        ticks = ticks < 1_000_000 ? ticks + 1 : 16 + (ticks + 1) % 16
        unobservedThen = unobserved
        if let seenSince, now.seconds(from: seenSince, to: index) >= Self.sufficientSeconds,
            missedShare <= Self.maximumMissedShare
        {
            lastSufficient = index
        }
        return now.seconds(from: lastSufficient, to: index) >= Self.patienceSeconds
    }

    /// Missed share of the last 4 s, 0 ... 1.
    var missedShare: Float {
        var sum: Float = 0
        for index in 0..<16 { sum += missed[index] }
        return min(1, sum / 4)
    }
}
