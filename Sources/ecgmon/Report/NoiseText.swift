import EC57
import ECGEvaluation
import ToolSupport

extension NoiseReport.Part {
    var text: String {
        var table = TextTable([
            name, "false/h high", "medium", "low", "high+medium due", "missed", "low due", "missed",
            "flutter missed",
            "technical %",
        ])
        for (name, f) in [("quality not judged", without_quality), ("judged", with_quality)] {
            table.rows.append([
                name, fixed(f.false_per_hour_high, 2), fixed(f.false_per_hour_medium, 2),
                fixed(f.false_per_hour_low, 2),
                "\(f.expected_high_and_medium)", "\(f.missed_high_and_medium)", "\(f.expected_low)", "\(f.missed_low)",
                "\(f.flutter_missed) of \(f.flutter_stretches)", fixed(f.technical_time, 2),
            ])
        }
        var lines = [table.text]
        for (name, f) in [("not judged", without_quality), ("judged", with_quality)] {
            let wrong = f.kinds.filter { $0.not_true > 0 }.map { "\($0.alert) \($0.not_true)" }
            let missed = f.kinds.filter { $0.missed > 0 }.map { "\($0.alert) \($0.missed) of \($0.expected)" }
            lines.append("  \(name): false: \(wrong.isEmpty ? "none" : wrong.joined(separator: ", "))")
            lines.append("    missed: \(missed.isEmpty ? "none" : missed.joined(separator: ", "))")
            let technical = f.technical_alerts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            lines.append("    technical: \(technical.isEmpty ? "none" : technical.joined(separator: ", "))")
        }
        if let beats, let sensitivity = beats.sensitivity, let predictivity = beats.positivePredictivity {
            lines.append("  beats: Se \(fixed(sensitivity, 2)), +P \(fixed(predictivity, 2))")
        }
        return lines.joined(separator: "\n")
    }
}
