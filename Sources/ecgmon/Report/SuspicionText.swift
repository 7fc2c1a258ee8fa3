import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ECGMonitor
import ToolSupport

extension SuspicionResult {
    func text(_ sweep: SuspicionSweep?, falsePerDay: Double) -> String {
        var lines = [
            "model \(model.name), SHA-256 \(model.sha256)",
            "trained on: \(model.card.data); records of any other database are of patients it has not seen",
            "rule: \(RuleFigures(rule).text)", "",
        ]
        for database in databases {
            let figures = cleanFigures(database)
            lines.append(
                "clean, \(figures.records) records of \(database), \(fixed(figures.hours, 1)) h: \(figures.false_suspicions) false "
                    + "suspicions, \(fixed(figures.false_per_day, 2)) a day; \(figures.signal_changes) signal changes; "
                    + "\(TextTable.cell(figures.compared_percent, 1)) % of the beats compared"
                    + (figures.raised_in.isEmpty ? "" : " (\(figures.raised_in.joined(separator: ", ")))"))
        }
        if !changes.isEmpty {
            lines += ["", "changes without an aim, from the middle of each record on:", benignTable]
        }
        if !attacks.isEmpty {
            lines.append("")
            lines.append(
                "attacked stretches of \(fixed(seconds, 0)) s at epsilon \(attacks[0].epsilon); "
                    + "left out for fewer than \(SuspicionNotice.beats) beats: \(outcomes.reduce(0) { $0 + $1.skippedSegments })"
            )
            var table = TextTable([
                "attack", "stretches", "noticed in 10 beats", "%", "noticed at all", "median beats",
                "classes changed %", "and unsuspected %",
            ])
            for number in attacks.indices {
                let figures = attackFigures(number)
                table.rows.append([
                    attacks[number].method.displayName, "\(figures.stretches)", "\(figures.noticed_within_ten_beats)",
                    TextTable.cell(figures.noticed_percent, 1), "\(figures.noticed_at_all)",
                    TextTable.cell(figures.median_beats_until, 1), TextTable.cell(figures.class_changed_percent, 1),
                    TextTable.cell(figures.class_changed_unsuspected_percent, 2),
                ])
            }
            lines.append(table.text)
        }
        if let sweep {
            let agreement = replayAgreement
            lines += [
                "",
                "the rule over the recorded scores raises as the monitor did in \(agreement.agreeing) of \(agreement.all) streams",
                "best settings at no more than \(fixed(falsePerDay, 2)) false suspicions a day, chosen on these very streams "
                    + "(the joint attack was made to keep the head's log-odds below 1):",
                sweepTable(sweep.best(falsePerDay: falsePerDay, count: 10)), "",
                "false suspicions a day against the share noticed (the joint attack has no part in the least):",
                sweepTable(sweep.curve),
            ]
        }
        return lines.joined(separator: "\n")
    }

    private var benignTable: String {
        var table = TextTable([
            "change", "records", "hours", "suspicions", "a day", "longest, s", "signal changes", "raised in",
        ])
        for change in changes {
            let figures = benignFigures(change)
            table.rows.append([
                change.text, "\(figures.records)", fixed(figures.hours, 1), "\(figures.false_suspicions)",
                fixed(figures.false_per_day, 2), fixed(figures.longest_seconds, 0), "\(figures.signal_changes)",
                figures.raised_in.joined(separator: " "),
            ])
        }
        return table.text
    }

    private func sweepTable(_ points: [SuspicionSweep.Point]) -> String {
        var table = TextTable(
            ["margin", "head", "rate", "raise at", "false/day"]
                + databases.map { $0.split(separator: "/").last.map { String($0) } ?? $0 }
                + ["least %"] + attacks.map(\.method.displayName))
        for point in points {
            let parameters = point.parameters
            table.rows.append(
                [
                    "\(parameters.margin)", "\(parameters.headWeight)", "\(parameters.usualRate)",
                    "\(parameters.raiseAt)", fixed(point.falsePerDay, 2),
                ]
                    + point.falseCounts.map { "\($0)" } + [
                        point.minimumShare.isFinite ? fixed(point.minimumShare, 1) : "-"
                    ]
                    + point.shares.map { $0.isFinite ? fixed($0, 1) : "-" })
        }
        return table.text
    }
}

extension SuspicionResult.RuleFigures {
    var text: String {
        "margin \(margin), limit \(agreement_limit), head \(head_weight) up to \(head_limit), usual rate \(usual_rate), "
            + "raise at \(raise_at), "
            + "withdraw after \(withdraw_beats) beats at \(withdraw_at), ceiling \(ceiling)"
    }
}
