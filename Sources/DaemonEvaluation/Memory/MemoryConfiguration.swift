extension MemoryRun {
    /// The configuration file for each simulated day; one limit of the rules changes each day.
    ///
    /// Times that the daemon measures by its own clock are scaled: a stream that sends nothing for three simulated
    /// hours is removed, and the journal keeps about one simulated day, and beats for two hours. The journal's limit in
    /// bytes removes the oldest of them.
    package static func configuration(streams: Int, days: Int, minutes: Double, workers: Int)
        -> @Sendable (Int) -> String
    {
        let hour = minutes * 60 / Double(days * 24)
        return { day in
            """
            [journal]
            synchronous = "normal"
            keep_days = \(max(0.001, 24 * hour / 86_400))
            keep_beats_hours = \(max(0.001, 2 * hour / 3600))
            maximum_bytes = \(max(1_000_000, streams * 60_000))
            [streams]
            maximum = \(2 * streams + 100)
            silent_after_seconds = \(max(0.5, min(5, hour / 4)))
            forgotten_after_seconds = \(max(1, 3 * hour))
            [workers]
            count = \(workers)
            [log]
            period_seconds = 60
            [monitor]
            bradycardia_below = \(day.isMultiple(of: 2) ? 50 : 49)

            """
        }
    }
}
