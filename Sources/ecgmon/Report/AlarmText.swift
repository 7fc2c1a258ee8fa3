import ECGEvaluation
import ToolSupport

extension AlarmReport {
    var text: String {
        var lines = ["model \(model.name), SHA-256 \(model.sha256)"]
        lines.append("time to alarm on simulated ECG, \(AlarmScenario.seeds.count) runs each, s")
        var table = TextTable([
            "onset of", "amplitude", "in 10 s", "fastest", "mean", "slowest", "any high alarm", "alarms in runs",
        ])
        for timing in timings {
            let alarms = timing.alarms.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            table.rows.append([
                timing.scenario, "x\(timing.amplitude)", "\(timing.within_10_s)/\(timing.runs)",
                TextTable.cell(timing.fastest_s, 1), TextTable.cell(timing.mean_s, 1),
                TextTable.cell(timing.slowest_s, 1), TextTable.cell(timing.any_high_slowest_s, 1),
                alarms.joined(separator: ", "),
            ])
        }
        lines.append(table.text)
        lines.append("")
        lines.append("rates read of simulated ECG")
        var rates = TextTable(["pattern", "amplitude", "rate", "lowest", "highest", "right", "beats", "found"])
        for reading in readings {
            rates.rows.append([
                reading.pattern, "x\(reading.amplitude)", fixed(reading.rate, 0),
                TextTable.cell(reading.read_lowest, 1),
                TextTable.cell(reading.read_highest, 1), reading.is_right ? "yes" : "no", "\(reading.beats)",
                "\(reading.beats_found)",
            ])
        }
        lines.append(rates.text)
        return lines.joined(separator: "\n")
    }
}
