import EC57
import ECGEvaluation
import ToolSupport

extension GeneralizationReport {
    /// Parts and the sum of all, by name.
    private var delaysByName: [(name: String, delays: Delays)] {
        databases.map { ($0.database, $0.delays) } + (databases.count > 1 ? [("all", delays)] : [])
    }

    var beatDelays: ReportTable? {
        var table = ReportTable(
            "from the annotated R peak to the report, ms",
            ["database", "report", "beats", "median", "90 %", "99 %", "longest"])
        for (name, delays) in delaysByName {
            for (report, delay) in [
                ("QRS, detector alone", delays.qrs_detected_ms), ("beat with its class", delays.beat_classified_ms),
            ] {
                guard let delay else { continue }
                table.rows.append([name, report, "\(delay.cases)"] + Self.cells(delay, 0))
            }
        }
        return table.rows.isEmpty ? nil : table
    }

    var alarmDelays: ReportTable? {
        var table = ReportTable(
            "from the annotated onset to the alarm, s",
            [
                "database", "rhythm", "episodes", "never told", "began under an alarm", "median", "90 %", "99 %",
                "longest",
            ])
        for (name, delays) in delaysByName {
            for (rhythm, alarm) in delays.alarm_s.sorted(by: { $0.key > $1.key }) {
                table.rows.append(
                    [name, rhythm, "\(alarm.episodes)", "\(alarm.never)", "\(alarm.already_on)"]
                        + (alarm.delay.map { Self.cells($0, 1) } ?? ["-", "-", "-", "-"]))
            }
        }
        table.notes = [
            "to the sample with which the alarm was decided, without the episodes that began under an alarm; the "
                + "annotated onsets are good to a second or two"
        ]
        return table.rows.isEmpty ? nil : table
    }

    /// The histograms of all databases together.
    var histograms: [ReportTable] {
        var tables: [ReportTable] = []
        if let alarm = Self.histogram(
            "alarms by delay from the onset",
            delays.alarm_s.sorted { $0.key > $1.key }.map { ($0.key, $0.value.delay) }, unit: "s")
        {
            tables.append(alarm)
        }
        let beats = [
            ("QRS, detector alone", delays.qrs_detected_ms), ("beat with its class", delays.beat_classified_ms),
        ]
        if let table = Self.histogram("beats by delay from R, percent", beats, unit: "ms", isShare: true) {
            tables.append(table)
        }
        return tables
    }

    private static func cells(_ delay: DelayDistribution, _ decimals: Int) -> [String] {
        [delay.median, delay.p90, delay.p99, delay.max].map { fixed($0, decimals) }
    }

    private static func histogram(
        _ title: String, _ columns: [(name: String, delay: DelayDistribution?)], unit: String, isShare: Bool = false
    ) -> ReportTable? {
        let columns = columns.compactMap { column in column.delay.map { (name: column.name, delay: $0) } }
        guard let first = columns.first else { return nil }
        var table = ReportTable(title, [unit] + columns.flatMap { [$0.name, ""] })
        for (index, bin) in first.delay.histogram.enumerated() {
            let next = index + 1 < first.delay.histogram.count ? first.delay.histogram[index + 1].from : nil
            let range = fixed(bin.from, 0) + (next.map { " to \(fixed($0, 0))" } ?? " on")
            table.rows.append(
                [range]
                    + columns.flatMap { column in
                        let cases = column.delay.histogram[index].cases
                        let share = Double(cases) / Double(max(1, column.delay.cases))
                        return [
                            isShare ? fixed(100 * share, 1) : "\(cases)",
                            String(repeating: "#", count: Int((24 * share).rounded(share < 0.005 ? .down : .up))),
                        ]
                    })
        }
        return table
    }
}
