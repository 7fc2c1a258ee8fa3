import EC57
import ECGEvaluation
import ToolSupport

extension QRSReport {
    var text: String {
        var lines = [
            "QRS detector alone, channel 0 of \(records.count) records of \(database), from \(fixed(from_seconds, 0)) s",
            BeatTable.text(per_record, total: [("gross", gross)], classes: false),
        ]
        if let delay = gross.delay { lines.append("delay from R to the detection: \(delay.line)") }
        lines.append(DelayBin.text(delay_histogram_ms))
        if let ablation { lines.append("\n" + QRSAblation.text(ablation)) }
        if let noise_stress { lines.append("\n" + QRSNoiseLevel.text(noise_stress)) }
        if let rates { lines.append("\n" + RateFigures.text(rates)) }
        return lines.joined(separator: "\n")
    }
}

extension DelayBin {
    static func text(_ bins: [DelayBin]) -> String {
        let cells = bins.filter { $0.beats > 0 }.map { bin in
            bin.from == last ? "\(Int(bin.from)) on: \(bin.beats)" : "\(Int(bin.from)): \(bin.beats)"
        }
        return "beats by delay, from so many ms on: " + cells.joined(separator: ", ")
    }
}

extension QRSAblation {
    static func text(_ rows: [QRSAblation]) -> String {
        var table = TextTable(["left out", "Q Se", "Q +P", "error", "0 dB Se", "0 dB +P"])
        for row in rows {
            table.rows.append([
                row.left_out, TextTable.cell(row.q_se, 3), TextTable.cell(row.q_pp, 3), TextTable.cell(row.q_der, 3),
                TextTable.cell(row.noise_0db_q_se, 2), TextTable.cell(row.noise_0db_q_pp, 2),
            ])
        }
        return "each addition to Pan-Tompkins left out:\n" + table.text
    }
}

extension QRSNoiseLevel {
    static func text(_ rows: [QRSNoiseLevel]) -> String {
        var table = TextTable(["SNR dB", "Q Se", "Q +P", "goal Se", "goal +P", "noisy said %", "in clean %"])
        for row in rows {
            table.rows.append([
                "\(row.snr_db)", TextTable.cell(row.q_se, 2), TextTable.cell(row.q_pp, 2),
                TextTable.cell(row.goal_se, 2),
                TextTable.cell(row.goal_pp, 2), fixed(row.noisy_said, 1), fixed(row.noisy_said_in_clean, 1),
            ])
        }
        return
            "noise stress, \(rows.first?.records.count ?? 0) records each (119 is regenerated, not PhysioNet's own files):\n"
            + table.text
    }
}

extension RateFigures {
    static func text(_ rows: [RateFigures]) -> String {
        var table = TextTable(["samples/s", "polarity", "beats", "Q Se", "Q +P", "error", "R err ms", "same class %"])
        for row in rows {
            table.rows.append([
                row.sampling_rate == 0 ? "as it is" : fixed(row.sampling_rate, 0), row.polarity, "\(row.beats)",
                TextTable.cell(row.q_se, 3), TextTable.cell(row.q_pp, 3), TextTable.cell(row.q_der, 3),
                TextTable.cell(row.r_error_ms_mean_abs, 2), TextTable.cell(row.same_class, 2),
            ])
        }
        return "the whole stream at other rates, and with reversed polarity:\n" + table.text
    }
}
