/// A point in time at which waiting ends; an interrupted wait resumes for the remaining time.
struct Deadline {
    /// nil: wait forever.
    private let instant: ContinuousClock.Instant?

    init(_ timeout: Duration?) {
        // Beyond 20 days, the limit of libzmq's milliseconds, a wait counts as forever.
        if let timeout, timeout < .seconds(20 * 86_400) {
            instant = .now + max(timeout, .zero)
        } else {
            instant = nil
        }
    }

    /// Time remaining, rounded up so that a wait does not end early; -1: forever.
    var remainingMilliseconds: Int {
        guard let instant else { return -1 }
        return (instant - .now).milliseconds(roundedUp: true)
    }
}

extension Duration {
    /// Whole milliseconds, at least 0 and at most what libzmq's options can hold.
    func milliseconds(roundedUp: Bool) -> Int {
        guard self > .zero else { return 0 }
        guard self < .seconds(20 * 86_400) else { return 20 * 86_400 * 1000 }
        let (seconds, attoseconds) = components
        let perMillisecond: Int64 = 1_000_000_000_000_000
        let fraction = roundedUp ? (attoseconds + perMillisecond - 1) / perMillisecond : attoseconds / perMillisecond
        return Int(seconds * 1000 + fraction)
    }
}
