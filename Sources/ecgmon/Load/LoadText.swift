import DaemonEvaluation
import ToolSupport

/// A load's figures for people.
enum LoadText {
    static func text(_ figures: LoadFigures) -> String {
        var table = TextTable(["latency, ms", "number", "p50", "p99", "p99.9", "largest"])
        for (name, latency) in [
            ("beat", figures.beat_latency), ("alert", figures.alert_latency), ("bare round trip", figures.round_trip),
        ] {
            table.rows.append(
                [name, "\(latency.count)"]
                    + [latency.p50, latency.p99, latency.p99_9, latency.largest].map { TextTable.cell($0, 2) })
        }
        var lines = [
            "\(figures.beds) beds for \(fixed(figures.seconds, 0)) s: "
                + (figures.keptUp ? "kept up" : "did not keep up: " + figures.faults.joined(separator: "; ")),
            table.text,
            "daemon     " + process(figures.daemon_cores, figures.daemon_resident)
                + (figures.daemon_bytes_per_stream.map { ", \(fixed(Double($0) / 1024, 1)) KiB a stream" } ?? ""),
            "load       " + process(figures.load_cores, figures.load_resident)
                + ", blocks late by \(TextTable.cell(figures.load_lateness_p99, 2)) ms (p99), "
                + "\(TextTable.cell(figures.load_lateness_largest, 2)) (largest)",
            "blocks     \(figures.blocks_sent) sent, \(figures.blocks_refused.map { "\($0)" } ?? "?") refused; "
                + "\(figures.samples_missing.map { "\($0)" } ?? "?") samples missing, "
                + "\(figures.events_missed) events missed; all taken \(TextTable.cell(figures.drained_after, 0)) ms "
                + "after the last",
        ]
        if let journal = figures.journal_bytes { lines.append("journal    \(fixed(Double(journal) / 1e6, 1)) MB") }
        return lines.joined(separator: "\n")
    }

    /// One run of a search.
    static func line(_ figures: LoadFigures) -> String {
        "\(figures.beds) beds: \(figures.keptUp ? "kept up" : figures.faults.joined(separator: "; ")); "
            + "p99 \(TextTable.cell(figures.beat_latency.p99, 1)) ms, daemon \(TextTable.cell(figures.daemon_cores, 2)) "
            + "cores, load \(fixed(figures.load_cores, 2))"
    }

    private static func process(_ cores: Double?, _ resident: Int?) -> String {
        "\(TextTable.cell(cores, 2)) cores, \(resident.map { fixed(Double($0) / 1e6, 1) } ?? "?") MB"
    }
}
