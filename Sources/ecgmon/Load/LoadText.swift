import DaemonEvaluation
import ECGEvaluation
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
        let threads = figures.daemon_thread_cores.filter { $0.value >= 0.005 }.sorted { $0.value > $1.value }
        if !threads.isEmpty {
            lines.insert(
                "           " + threads.map { "\($0.key) \(fixed($0.value, 2))" }.joined(separator: ", "), at: 3)
        }
        if let journal = figures.journal_bytes { lines.append("journal    \(fixed(Double(journal) / 1e6, 1)) MB") }
        return lines.joined(separator: "\n")
    }

    /// One run of a search.
    static func line(_ figures: LoadFigures) -> String {
        "\(figures.beds) beds: \(figures.keptUp ? "kept up" : figures.faults.joined(separator: "; ")); "
            + "p99 \(TextTable.cell(figures.beat_latency.p99, 1)) ms, daemon \(TextTable.cell(figures.daemon_cores, 2)) "
            + "cores, load \(fixed(figures.load_cores, 2))"
    }

    /// Several runs.
    static func table(_ runs: [LoadFigures]) -> String {
        var table = TextTable([
            "beds", "kept up", "p50 ms", "p99 ms", "p99.9 ms", "bare p50", "bare p99", "daemon cores", "load cores",
            "daemon MB", "KiB a stream",
        ])
        for figures in runs {
            table.rows.append([
                "\(figures.beds)", figures.keptUp ? "yes" : "no", TextTable.cell(figures.beat_latency.p50, 2),
                TextTable.cell(figures.beat_latency.p99, 2), TextTable.cell(figures.beat_latency.p99_9, 2),
                TextTable.cell(figures.round_trip.p50, 2), TextTable.cell(figures.round_trip.p99, 2),
                TextTable.cell(figures.daemon_cores, 3), fixed(figures.load_cores, 3),
                TextTable.cell(figures.daemon_resident.map { Double($0) / 1e6 }, 1),
                TextTable.cell(figures.daemon_bytes_per_stream.map { Double($0) / 1024 }, 1),
            ])
        }
        return table.text
    }

    /// The same as curves.
    static func charts(_ runs: [LoadFigures]) -> [LineChart] {
        func line(_ name: String, _ value: (LoadFigures) -> Double?) -> LineChart.Line {
            LineChart.Line(name, runs.compactMap { run in value(run).map { (Double(run.beds), $0) } })
        }
        return [
            LineChart(
                title: "From a beat's last needed block to its event, ms", xTitle: "beds",
                lines: [
                    line("99 %") { $0.beat_latency.p99 }, line("median") { $0.beat_latency.p50 },
                    line("bare round trip, 99 %") { $0.round_trip.p99 },
                ], isLogarithmic: true),
            LineChart(
                title: "Processor time, cores", xTitle: "beds",
                lines: [line("daemon") { $0.daemon_cores }, line("load") { $0.load_cores }], isLogarithmic: true),
            LineChart(
                title: "Resident memory of the daemon, MB", xTitle: "beds",
                lines: [line("daemon") { $0.daemon_resident.map { Double($0) / 1e6 } }], isLogarithmic: true),
        ]
    }

    private static func process(_ cores: Double?, _ resident: Int?) -> String {
        "\(TextTable.cell(cores, 2)) cores, \(resident.map { fixed(Double($0) / 1e6, 1) } ?? "?") MB"
    }
}
