extension MemoryRun {
    /// The file for each simulated day: a limit of the rules changes with every one.
    ///
    /// What the daemon measures by its own clock is scaled: a stream that sends nothing for three simulated hours is
    /// forgotten, and the journal keeps about a simulated day, beats two hours, of which its bound in bytes takes the
    /// oldest.
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
