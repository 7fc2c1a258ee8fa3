import ECGATKGAN
import ECGMonitor

/// What `evaluate suspicion` found, and how it is shown.
struct SuspicionResult {
    let outcomes: [SuspicionStreams.Outcome]
    let attacks: [WindowAttack]
    let rule: AttackSuspicionRule.Parameters
    let model: EvaluatedModel
    /// Length of a stretch.
    let seconds: Double

    /// The databases in the order of the sources.
    private var databases: [String] {
        var names: [String] = []
        for outcome in outcomes where !names.contains(outcome.source.database.directory) {
            names.append(outcome.source.database.directory)
        }
        return names
    }

    private func clean(_ database: String) -> [SuspicionStreams.Outcome] {
        outcomes.filter { $0.source.database.directory == database }
    }

    private func attacked(_ attack: Int) -> [SuspicionRecording] {
        outcomes.compactMap { $0.attacked.indices.contains(attack) ? $0.attacked[attack] : nil }
    }

    func sweep(threads: Int) -> SuspicionSweep {
        SuspicionSweep(
            clean: databases.map { clean($0).map(\.clean) }, attacked: attacks.indices.map(attacked),
            adaptive: Set(attacks.indices.filter { attacks[$0].method == .joint }), threads: threads)
    }

    struct CleanFigures: Encodable {
        var database: String
        var records: Int
        var hours: Double
        var beats: Int
        var false_suspicions: Int
        var false_per_day: Double
        /// Record and time of each.
        var raised_in: [String]
    }

    struct AttackFigures: Encodable {
        var attack: String
        var parameters: String
        var stretches: Int
        var noticed_within_ten_beats: Int
        var noticed_percent: Double?
        var noticed_at_all: Int
        var median_beats_until: Double?
        /// Attacked beats whose class differs from the one before the attack, in percent.
        var class_changed_percent: Double?
    }

    struct RuleFigures: Encodable {
        var log_odds_offset, usual_margin, usual_rate, log_odds_limit, raise_at, withdraw_at, ceiling: Float
        var withdraw_beats: Int

        init(_ parameters: AttackSuspicionRule.Parameters) {
            log_odds_offset = parameters.logOddsOffset
            usual_margin = parameters.usualMargin
            usual_rate = parameters.usualRate
            log_odds_limit = parameters.logOddsLimit
            raise_at = parameters.raiseAt
            withdraw_at = parameters.withdrawAt
            withdraw_beats = parameters.withdrawBeats
            ceiling = parameters.ceiling
        }

        var text: String {
            "offset \(log_odds_offset), usual margin \(usual_margin), usual rate \(usual_rate), "
                + "limit \(log_odds_limit), raise at \(raise_at), "
                + "withdraw after \(withdraw_beats) beats at \(withdraw_at), ceiling \(ceiling)"
        }
    }

    private func cleanFigures(_ database: String) -> CleanFigures {
        let streams = clean(database)
        let seconds = streams.reduce(0) { $0 + $1.clean.seconds }
        var places: [String] = []
        for stream in streams {
            for beat in stream.clean.raises(rule) where stream.clean.rPeaks.indices.contains(beat) {
                let time = ClockTime(seconds: Double(stream.clean.rPeaks[beat]) / stream.clean.samplingRate)
                places.append("\(stream.source.record) at \(time)")
            }
        }
        return CleanFigures(
            database: database, records: streams.count, hours: (seconds / 3600).rounded(decimals: 3),
            beats: streams.reduce(0) { $0 + $1.clean.scores.count }, false_suspicions: places.count,
            false_per_day: seconds > 0 ? (Double(places.count) * 86_400 / seconds).rounded(decimals: 3) : 0,
            raised_in: places)
    }

    func attackFigures(_ number: Int) -> AttackFigures {
        var notice = SuspicionNotice()
        var changed = 0
        var compared = 0
        for recording in attacked(number) {
            notice.add(recording, raises: recording.raises(rule))
            for stretch in recording.stretches {
                changed += stretch.changedClasses
                compared += stretch.comparedBeats
            }
        }
        return AttackFigures(
            attack: attacks[number].method.rawValue, parameters: "\(attacks[number])", stretches: notice.stretches,
            noticed_within_ten_beats: notice.noticed, noticed_percent: notice.share?.rounded(decimals: 2),
            noticed_at_all: notice.delays.count, median_beats_until: notice.medianDelay,
            class_changed_percent: compared == 0
                ? nil : (100 * Double(changed) / Double(compared)).rounded(decimals: 2))
    }

    /// Recordings on which the rule, run over the scores alone, raises at the very beats at which the monitor did: what
    /// a sweep relies on.
    var replayAgreement: (agreeing: Int, all: Int) {
        let recordings = outcomes.flatMap { [$0.clean] + $0.attacked }
        return (recordings.count { $0.raisedAtBeats == $0.replayedRaises($0.rule) }, recordings.count)
    }

    struct Report: Encodable {
        struct Point: Encodable {
            var rule: RuleFigures
            var false_per_day: Double
            var false_by_database: [String: Int]
            var noticed_percent: [String: Double]
            var least_noticed_percent: Double
        }
        var evaluation = "suspicion"
        var model: EvaluatedModel.Identity
        var trained_on: String
        var rule: RuleFigures
        var stretch_seconds: Double
        var stretches_with_too_few_beats: Int
        var clean: [CleanFigures]
        var attacks: [AttackFigures]
        var streams_on_which_the_replayed_rule_agrees: Int
        var streams: Int
        var sweep_best: [Point]?
        var sweep_curve: [Point]?
    }

    func report(_ sweep: SuspicionSweep?, falsePerDay: Double) -> Report {
        func point(_ point: SuspicionSweep.Point) -> Report.Point {
            Report.Point(
                rule: RuleFigures(point.parameters), false_per_day: point.falsePerDay.rounded(decimals: 3),
                false_by_database: Dictionary(uniqueKeysWithValues: zip(databases, point.falseCounts)),
                noticed_percent: Table1.named(attacks.map(\.method.rawValue), point.shares),
                least_noticed_percent: point.minimumShare.isFinite ? point.minimumShare.rounded(decimals: 2) : -1)
        }
        return Report(
            model: model.identity, trained_on: model.card.data, rule: RuleFigures(rule), stretch_seconds: seconds,
            stretches_with_too_few_beats: outcomes.reduce(0) { $0 + $1.skippedStretches },
            clean: databases.map(cleanFigures), attacks: attacks.indices.map(attackFigures),
            streams_on_which_the_replayed_rule_agrees: replayAgreement.agreeing, streams: replayAgreement.all,
            sweep_best: sweep?.best(falsePerDay: falsePerDay, count: 10).map(point),
            sweep_curve: sweep?.curve.map(point))
    }

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
                    + "suspicions, \(fixed(figures.false_per_day, 2)) a day"
                    + (figures.raised_in.isEmpty ? "" : " (\(figures.raised_in.joined(separator: ", ")))"))
        }
        if !attacks.isEmpty {
            lines.append("")
            lines.append(
                "attacked stretches of \(fixed(seconds, 0)) s at epsilon \(attacks[0].epsilon); "
                    + "left out for fewer than \(SuspicionNotice.beats) beats: \(outcomes.reduce(0) { $0 + $1.skippedStretches })"
            )
            var table = TextTable([
                "attack", "stretches", "noticed in 10 beats", "%", "noticed at all", "median beats",
                "classes changed %",
            ])
            for number in attacks.indices {
                let figures = attackFigures(number)
                table.rows.append([
                    attacks[number].method.displayName, "\(figures.stretches)", "\(figures.noticed_within_ten_beats)",
                    TextTable.cell(figures.noticed_percent, 1), "\(figures.noticed_at_all)",
                    TextTable.cell(figures.median_beats_until, 1), TextTable.cell(figures.class_changed_percent, 1),
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
                    + "(the joint attack was made to stay below the offset \(rule.logOddsOffset), and is not made anew for others):",
                sweepTable(sweep.best(falsePerDay: falsePerDay, count: 10)), "",
                "false suspicions a day against the share noticed (the joint attack has no part in the least):",
                sweepTable(sweep.curve),
            ]
        }
        return lines.joined(separator: "\n")
    }

    private func sweepTable(_ points: [SuspicionSweep.Point]) -> String {
        var table = TextTable(
            ["offset", "margin", "rate", "raise at", "false/day"]
                + databases.map { $0.split(separator: "/").last.map { String($0) } ?? $0 }
                + ["least %"] + attacks.map(\.method.displayName))
        for point in points {
            let parameters = point.parameters
            table.rows.append(
                [
                    "\(parameters.logOddsOffset)", "\(parameters.usualMargin)", "\(parameters.usualRate)",
                    "\(parameters.raiseAt)", fixed(point.falsePerDay, 2),
                ]
                    + point.falseCounts.map { "\($0)" } + [point.minimumShare.isFinite ? fixed(point.minimumShare, 1) : "-"]
                    + point.shares.map { $0.isFinite ? fixed($0, 1) : "-" })
        }
        return table.text
    }
}
