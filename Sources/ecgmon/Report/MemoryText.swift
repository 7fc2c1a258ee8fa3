import DaemonEvaluation
import DaemonHarness
import ToolSupport

extension MemoryVerdict {
    var lines: [String] {
        let (sent, metrics, received) = (outcome.sent, outcome.metrics, outcome.received)
        let dropped = metrics.counts("ecgmon_journal_dropped_total")
        let refused = Self.refused(metrics).sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let alerts = metrics.counts("ecgmon_alerts_started_total")
        var text = [
            "growth     \(growth.map { fixed($0, 2) } ?? "-") MB a day from the median of day 2 to that of the last, "
                + "\(fixed(tolerance, 2)) allowed",
            "time       \(fixed(outcome.seconds, 0)) s, the daemon's processors \(metrics["process_cpu_seconds_total"]) s",
            "sent       \(sent.samples) samples in \(sent.blocks) blocks of \(outcome.streamNames) streams, "
                + "\(metrics["ecgmon_samples_total"]) taken; \(sent.samplesAgain) a second time, "
                + "\(metrics["ecgmon_samples_duplicate_total"]) dropped as such",
            "refused    \(refused.isEmpty ? "none" : refused.joined(separator: ", ")); "
                + "\(sent.wrong.values.reduce(0, +)) blocks had to be",
            "streams    \(metrics["ecgmon_streams_opened_total"]) begun, \(metrics["ecgmon_streams_expired_total"]) forgotten, "
                + "\(metrics["ecgmon_sessions_changed_total"]) sessions changed, \(metrics["ecgmon_gaps_total"]) gaps, "
                + "\(metrics["ecgmon_samples_reordered_total"]) samples put in order",
            "events     \(metrics.counts("ecgmon_beats_total").values.reduce(0, +)) beats, "
                + "\(alerts.values.reduce(0, +)) alerts of \(alerts.count) kinds; the journal dropped \(dropped["old"] ?? 0) as old, "
                + "\(dropped["space"] ?? 0) for space",
            "subscriber \(received.events) events, \(received.fromHistory) of them out of the history: \(received.missing) missing, "
                + "\(received.outOfOrder) out of order",
            "answers    \(outcome.answers) to commands, questions and requests; \(outcome.visitors) subscribers came and went; "
                + "\(metrics["ecgmon_reloads_total{result=\"ok\"}"]) times other limits",
            "daemon     \(outcome.lastEnding)",
        ]
        text += faults.prefix(20).map { "fault      \($0)" }
        return text
    }
}

extension MemoryTable {
    static let heading =
        "day   start  median largest     end MB   anonymous MB   journal MB   descriptors   threads"

    static func line(_ day: Day) -> String {
        func column(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func megabytes(_ bytes: Int) -> String { fixed(Double(bytes) / 1e6, 1) }
        return column("\(day.number)", 3) + column(megabytes(day.first.resident), 8) + column(megabytes(day.median), 8)
            + column(megabytes(day.largest), 8) + column(megabytes(day.last.resident), 8)
            + column(megabytes(day.anonymous), 18)
            + column(megabytes(day.journal), 13) + column("\(day.descriptors)", 14) + column("\(day.threads)", 10)
    }
}
