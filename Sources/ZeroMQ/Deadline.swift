/// A point in time until which something may wait; an interrupted wait goes on for the rest of it.
struct Deadline {
    /// nil: for ever.
    private let instant: ContinuousClock.Instant?

    init(_ timeout: Duration?) {
        // Beyond 20 days, which is what fits libzmq's milliseconds, waiting is as good as for ever.
        if let timeout, timeout < .seconds(20 * 86_400) {
            instant = .now + max(timeout, .zero)
        } else {
            instant = nil
        }
    }

    /// What is left, rounded up so that nobody wakes too early; -1: for ever.
    var remainingMilliseconds: Int {
        guard let instant else { return -1 }
        return (instant - .now).milliseconds(roundedUp: true)
    }
}

extension Duration {
    /// Whole milliseconds, 0 or more, at most what libzmq's options can hold.
    func milliseconds(roundedUp: Bool) -> Int {
        guard self > .zero else { return 0 }
        guard self < .seconds(20 * 86_400) else { return 20 * 86_400 * 1000 }
        let (seconds, attoseconds) = components
        let perMillisecond: Int64 = 1_000_000_000_000_000
        let fraction = roundedUp ? (attoseconds + perMillisecond - 1) / perMillisecond : attoseconds / perMillisecond
        return Int(seconds * 1000 + fraction)
    }
}
