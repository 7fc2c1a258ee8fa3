package import DaemonHarness

/// The outcome of a run: whether memory grows, and whether the counters reconcile.
package struct MemoryVerdict: Sendable {
    package let outcome: MemoryRun.Outcome
    /// MB per simulated day.
    package let tolerance: Double
    /// MB per simulated day.
    package let growth: Double?
    /// Descriptions of what is not as required.
    package let faults: [String]

    /// Causes after which a source that keeps its blocks sends them again.
    private static let sentAgain: Set<String> = ["hello_needed", "beyond_credit", "worker_queue_full"]

    /// - Parameter tolerance: MB per day.
    package init(_ outcome: MemoryRun.Outcome, tolerance: Double) {
        self.outcome = outcome
        self.tolerance = tolerance
        growth = MemoryTable(outcome.readings).growth.map { $0 / 1e6 }
        var faults: [String] = []
        if let growth {
            if growth > tolerance { faults.append("memory grows") }
        } else {
            faults.append("there are no readings of three days")
        }
        let (sent, metrics) = (outcome.sent, outcome.metrics)
        if metrics["ecgmon_samples_total"] != sent.samples {
            faults.append("\(sent.samples) samples were sent, \(metrics["ecgmon_samples_total"]) were taken")
        }
        let refused = Self.refused(metrics).filter { !Self.sentAgain.contains($0.key) }
        if refused != sent.wrong {
            faults.append("\(sent.wrong) blocks had to be refused, \(refused) were")
        }
        if outcome.received.missing > 0 || outcome.received.outOfOrder > 0 {
            faults.append("the subscriber's events have holes")
        }
        if outcome.lastEnding != "exit code 0" { faults.append("the daemon: \(outcome.lastEnding)") }
        self.faults = faults + outcome.problems
    }

    /// Blocks that the daemon rejected, by cause.
    package static func refused(_ metrics: MetricsReading) -> [String: Int] { metrics.counts("ecgmon_rejects_total") }

    package var isGood: Bool { faults.isEmpty }
}
