import EC57
import ECGEvaluation
import ECGReplay
import ToolSupport

extension GeneralizationReport {
    var text: String { ([headline] + tables.map(\.text)).joined(separator: "\n\n") }

    var markdown: String { ([headline] + tables.map(\.markdown)).joined(separator: "\n\n") }

    private var headline: String {
        let lead = lead.map { $0 == RecordLead.all ? "all ECG leads" : "lead \($0)" } ?? "the first ECG lead"
        var lines = ["model \(model.name), SHA-256 \(model.sha256); \(lead)"]
        if held_out_networks != nil {
            lines.append("ventricular rhythms by networks that have not seen the record")
        }
        if quick { lines.append("quick: a few records of each database") }
        for part in left_out {
            lines.append(
                part.records > 0
                    ? "\(part.database): \(part.records) records left out: \(part.because)"
                    : "\(part.database) left out: \(part.because)")
        }
        return lines.joined(separator: "\n")
    }

    private var tables: [ReportTable] {
        ([main, uses, lethal, bedside, classes, fibrillation, signal, beatDelays, alarmDelays] + histograms + [alarms])
            .compactMap(\.self)
    }

    /// The table of all databases.
    private var main: ReportTable {
        var table = ReportTable(
            "all databases",
            [
                "database", "records", "hours", "in view", "QRS", "V", "S", "VT", "VF", "silent", "AF",
                "bedside alarms", "false an hour: high", "VT", "VF", "asystole", "suspicions a day",
            ])
        for part in databases {
            let f = part.beats?.figures
            let rates = part.false_alarms
            let silent = ["VT", "VF"].compactMap { part.lethal_rhythms[$0]?.silent }
            func marked(_ cell: String, _ parts: RecordsInView.Part...) -> String {
                cell == "-" ? cell : cell + (parts.compactMap { part.uses[$0] }.max() ?? .none).mark
            }
            table.rows.append([
                part.database, "\(part.records.count)", fixed(part.hours, 1), part.in_view.word,
                marked(Self.pair(f?.sensitivity, f?.positivePredictivity, 2), .detector),
                marked(Self.pair(f?.ventricularSensitivity, f?.ventricularPositivePredictivity, 1), .beatClasses),
                marked(
                    Self.pair(f?.supraventricularSensitivity, f?.supraventricularPositivePredictivity, 1),
                    .beatClasses),
                marked(Self.lethal(part.lethal_rhythms["VT"]), .ventricularRhythms),
                marked(Self.lethal(part.lethal_rhythms["VF"]), .ventricularRhythms),
                marked(silent.isEmpty ? "-" : "\(silent.reduce(0, +))", .ventricularRhythms),
                marked(Self.fibrillation(part), .atrialFibrillation),
                marked(Self.bedside(part.bedside_alarms["all"]), .detector, .ventricularRhythms),
                marked(TextTable.cell(rates?.high_per_hour, 2), .detector, .ventricularRhythms),
                marked(TextTable.cell(rates?.vt_per_hour, 2), .ventricularRhythms),
                marked(TextTable.cell(rates?.vf_per_hour, 2), .ventricularRhythms),
                marked(TextTable.cell(rates?.asystole_per_hour, 2), .detector),
                marked(fixed(part.alarms.suspicions_per_day, 1), .suspicion),
            ])
        }
        table.notes = [
            "in view while the monitor was built: trained = weights of some part were trained on these records; "
                + "chosen = constants were chosen on them; never = never seen",
            "figures with *: the part of the monitor that they measure was trained on these records; with °: its "
                + "constants were chosen on them; with neither: it has never seen them",
            "QRS, V, S: sensitivity / +P, percent (EC57, within 150 ms)",
            "VT, VF: percent of the time under a VT or VF alarm / of the episodes told within 10 s; silent: episodes "
                + "of 10 s and more without any alarm of high priority",
            "AF: sensitivity / +P of its duration; challenge2017: percent of the records of class A / N / O with an "
                + "AF alarm",
            "bedside alarms (challenge2015): percent of the true ones told / of the false ones suppressed / score of "
                + "the challenge",
            "false alarms of high priority: VT, VF, asystole, and extreme rates where annotated beats tell the rate",
            "a dash: the database has no such reference",
        ]
        return table
    }

    private static func pair(_ sensitivity: Double?, _ predictivity: Double?, _ decimals: Int) -> String {
        // Without a beat of the class there is nothing to be found.
        guard sensitivity != nil else { return "-" }
        return "\(TextTable.cell(sensitivity, decimals)) / \(TextTable.cell(predictivity, decimals))"
    }

    private static func lethal(_ rhythm: LethalRhythm?) -> String {
        rhythm.map { "\(fixed($0.time_pct, 1)) / \(fixed($0.told_pct, 1))" } ?? "-"
    }

    private static func fibrillation(_ part: Part) -> String {
        if let af = part.atrial_fibrillation { return pair(af.sensitivity, af.positive_predictivity, 1) }
        guard !part.record_classes.isEmpty else { return "-" }
        return ["A", "N", "O"].map { TextTable.cell(part.record_classes[$0]?.af_pct, 1) }.joined(separator: " / ")
    }

    private static func bedside(_ all: BedsideAlarms?) -> String {
        guard let all else { return "-" }
        return [all.told_pct, all.suppressed_pct, all.score].map { TextTable.cell($0, 1) }.joined(separator: " / ")
    }

    /// What each part of the monitor has of each database.
    private var uses: ReportTable {
        let parts = RecordsInView.Part.allCases
        var table = ReportTable(
            "what each part of the monitor has of each database", ["database", "records"] + parts.map(\.rawValue))
        for part in databases {
            table.rows.append(
                [part.database, "\(part.records.count)"] + parts.map { part.uses[$0]?.rawValue ?? "-" })
        }
        return table
    }

    private var lethal: ReportTable? {
        var table = ReportTable(
            "lethal rhythms: annotated episodes of 3 s and more",
            [
                "database", "rhythm", "episodes", "told in 10 s %", "high alarm in 10 s %", "time under alarm %",
                "silent",
            ])
        for part in databases {
            for (name, rhythm) in part.lethal_rhythms.sorted(by: { $0.key > $1.key }) {
                table.rows.append([
                    part.database, name, "\(rhythm.episodes)", fixed(rhythm.told_pct, 1), fixed(rhythm.high_pct, 1),
                    fixed(rhythm.time_pct, 1), "\(rhythm.silent)",
                ])
            }
            if !part.silent_episodes.isEmpty {
                table.notes.append("silent in \(part.database): \(part.silent_episodes.joined(separator: ", "))")
            }
            if let time = part.false_alarms?.vf_or_vt_time_pct, let hours = part.false_alarms?.hours {
                table.notes.append(
                    "\(part.database): \(fixed(time, 2)) % of the \(fixed(hours, 2)) h without a lethal rhythm are "
                        + "under a VT or VF alarm")
            }
        }
        return table.rows.isEmpty ? nil : table
    }

    private var bedside: ReportTable? {
        var table = ReportTable(
            "alarms of the bedside monitor (challenge2015)",
            ["alarm", "true", "told %", "false", "suppressed %", "score"])
        for part in databases {
            let kinds = part.bedside_alarms.keys.filter { $0 != "all" }.sorted() + ["all"]
            for name in kinds {
                guard let row = part.bedside_alarms[name] else { continue }
                table.rows.append([
                    name, "\(row.true_alarms)", TextTable.cell(row.told_pct, 1), "\(row.false_alarms)",
                    TextTable.cell(row.suppressed_pct, 1), TextTable.cell(row.score, 1),
                ])
            }
        }
        return table.rows.isEmpty ? nil : table
    }

    private var classes: ReportTable? {
        var table = ReportTable(
            "percent of the records of each class with an alarm (challenge2017)",
            ["class", "records", "asystole", "VT", "VF", "AF"])
        for part in databases {
            for name in ["N", "A", "O", "~", "N, A, O"] {
                guard let row = part.record_classes[name] else { continue }
                table.rows.append([
                    name, "\(row.records)", fixed(row.asystole_pct, 1), fixed(row.vt_pct, 1), fixed(row.vf_pct, 1),
                    fixed(row.af_pct, 1),
                ])
            }
        }
        table.notes = ["N normal, A atrial fibrillation, O other rhythm, ~ noise"]
        return table.rows.isEmpty ? nil : table
    }

    private var fibrillation: ReportTable? {
        var table = ReportTable(
            "atrial fibrillation by duration, minutes",
            ["database", "right", "wrong", "missed", "sensitivity %", "+P %", "specificity %"])
        for part in databases {
            guard let af = part.atrial_fibrillation else { continue }
            table.rows.append([
                part.database, fixed(af.right_min, 1), fixed(af.wrong_min, 1), fixed(af.missed_min, 1),
                TextTable.cell(af.sensitivity, 1), TextTable.cell(af.positive_predictivity, 1),
                TextTable.cell(af.specificity, 1),
            ])
        }
        return table.rows.isEmpty ? nil : table
    }

    private var signal: ReportTable {
        var table = ReportTable(
            "the signal, percent of the time",
            ["database", "noisy", "lost", "attack suspected", "records suspected", "false alarms judged by"])
        for part in databases {
            table.rows.append([
                part.database, fixed(part.alarms.noisy_time_pct, 2), fixed(part.alarms.signal_lost_time_pct, 2),
                fixed(part.alarms.suspected_time_pct, 2), "\(part.alarms.records_suspected)",
                part.false_alarms?.reference.rawValue ?? "-",
            ])
        }
        return table
    }

    private var alarms: ReportTable {
        let labels = Set(databases.flatMap { $0.alarms.per_hour.keys }).sorted()
        var table = ReportTable("alarms begun an hour, true or false", ["alarm"] + databases.map(\.database))
        for label in labels {
            table.rows.append([label] + databases.map { fixed($0.alarms.per_hour[label] ?? 0, 2) })
        }
        table.notes = ["with a bracket: the rhythm marks of the annotation files"]
        return table
    }
}
