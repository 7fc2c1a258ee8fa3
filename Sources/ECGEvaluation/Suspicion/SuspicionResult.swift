import EC57
public import ECGATKGAN
import ECGClassification
public import ECGMonitor
import ToolSupport

/// How soon attacks were detected in streams, and how often clean ECG was suspected.
public struct SuspicionResult: Sendable {
    public let outcomes: [SuspicionStreams.Outcome]
    public let attacks: [WindowAttack]
    public let rule: AttackSuspicionRule.Parameters
    public let model: EvaluatedModel
    /// Length of an episode.
    public let seconds: Double

    /// - Parameters:
    ///   - outcomes: the recorded streams.
    ///   - attacks: the attacks, in the order of the recordings.
    ///   - rule: the suspicion rule's parameters.
    ///   - model: the attacked classifier.
    ///   - seconds: length of an attacked episode.
    public init(
        outcomes: [SuspicionStreams.Outcome], attacks: [WindowAttack], rule: AttackSuspicionRule.Parameters,
        model: EvaluatedModel, seconds: Double
    ) {
        self.outcomes = outcomes
        self.attacks = attacks
        self.rule = rule
        self.model = model
        self.seconds = seconds
    }

    /// The databases, in the order of the sources.
    public var databases: [String] {
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

    /// Reruns the rule with many parameter settings over the same recordings.
    public func sweep(on runtime: EvaluationRuntime) -> SuspicionSweep {
        SuspicionSweep(
            clean: databases.map { clean($0).map(\.clean) }, attacked: attacks.indices.map(attacked),
            adaptive: Set(attacks.indices.filter { attacks[$0].method == .joint }), runtime: runtime)
    }

    /// False suspicions in one database.
    public struct CleanFigures: Encodable, Sendable {
        public var database: String
        public var records: Int
        public var hours: Double
        public var beats: Int
        /// Beats compared with the patient's usual one, in percent of all in good signal.
        public var compared_percent: Double?
        public var false_suspicions: Int
        public var false_per_day: Double
        /// Alerts that the signal changed.
        public var signal_changes: Int
        /// Record and time of each.
        public var raised_in: [String]
    }

    /// Suspicions under a change without an aim.
    public struct BenignFigures: Encodable, Sendable {
        public var change: String
        public var records: Int
        public var hours: Double
        public var false_suspicions: Int
        public var false_per_day: Double
        /// How long the longest suspicion lasted.
        public var longest_seconds: Double
        /// Alerts that the signal changed.
        public var signal_changes: Int
        public var raised_in: [String]
    }

    /// How well one attack was detected.
    public struct AttackFigures: Encodable, Sendable {
        public var attack: String
        public var parameters: String
        public var stretches: Int
        public var noticed_within_ten_beats: Int
        public var noticed_percent: Double?
        public var noticed_at_all: Int
        public var median_beats_until: Double?
        /// Attacked beats whose class differs from that before the attack, in percent.
        public var class_changed_percent: Double?
        /// Those of them at which no suspicion was active, in percent of all compared beats.
        public var class_changed_unsuspected_percent: Double?
    }

    /// The rule's parameters.
    public struct RuleFigures: Encodable, Sendable {
        public var margin, agreement_limit, head_weight, head_limit, usual_rate, raise_at, withdraw_at, ceiling: Float
        public var withdraw_beats: Int

        public init(_ parameters: AttackSuspicionRule.Parameters) {
            margin = parameters.margin
            agreement_limit = parameters.agreementLimit
            head_weight = parameters.headWeight
            head_limit = parameters.headLimit
            usual_rate = parameters.usualRate
            raise_at = parameters.raiseAt
            withdraw_at = parameters.withdrawAt
            withdraw_beats = parameters.withdrawBeats
            ceiling = parameters.ceiling
        }
    }

    /// The false suspicions in a database's clean records.
    public func cleanFigures(_ database: String) -> CleanFigures {
        let streams = clean(database)
        let seconds = streams.reduce(0) { $0 + $1.clean.seconds }
        let beats = streams.reduce(0) { $0 + $1.clean.scores.count }
        var places: [String] = []
        for stream in streams {
            for beat in stream.clean.raises(rule) where stream.clean.rPeaks.indices.contains(beat) {
                let time = ClockTime(seconds: Double(stream.clean.rPeaks[beat]) / stream.clean.samplingRate)
                places.append("\(stream.source.record) at \(time)")
            }
        }
        return CleanFigures(
            database: database, records: streams.count, hours: (seconds / 3600).rounded(decimals: 3),
            beats: beats,
            compared_percent: beats == 0
                ? nil
                : (100 * Double(streams.reduce(0) { $0 + $1.clean.agreements.count { $0 != nil } }) / Double(beats))
                    .rounded(decimals: 1),
            false_suspicions: places.count,
            false_per_day: seconds > 0 ? (Double(places.count) * 86_400 / seconds).rounded(decimals: 3) : 0,
            signal_changes: streams.reduce(0) { $0 + $1.clean.signalChanges }, raised_in: places)
    }

    /// What a change without an aim caused, in all records that it was tried on.
    public func benignFigures(_ change: BenignChange) -> BenignFigures {
        var figures = BenignFigures(
            change: change.rawValue, records: 0, hours: 0, false_suspicions: 0, false_per_day: 0, longest_seconds: 0,
            signal_changes: 0, raised_in: [])
        for outcome in outcomes {
            for (made, stream) in zip(outcome.source.changes, outcome.changed) where made == change {
                figures.records += 1
                figures.hours += stream.seconds / 3600
                let raises = stream.raises(rule)
                figures.false_suspicions += raises.count
                if !raises.isEmpty { figures.raised_in.append(outcome.source.record) }
                figures.longest_seconds = max(figures.longest_seconds, stream.longestSuspicionSeconds)
                figures.signal_changes += stream.signalChanges
            }
        }
        if figures.hours > 0 {
            figures.false_per_day = (Double(figures.false_suspicions) * 24 / figures.hours).rounded(decimals: 3)
        }
        figures.hours = figures.hours.rounded(decimals: 3)
        figures.longest_seconds = figures.longest_seconds.rounded(decimals: 1)
        return figures
    }

    /// The changes that were tried.
    public var changes: [BenignChange] {
        BenignChange.allCases.filter { change in outcomes.contains { $0.source.changes.contains(change) } }
    }

    /// How well one of the attacks was detected.
    /// - Parameter number: index of the attack in `attacks`.
    public func attackFigures(_ number: Int) -> AttackFigures {
        var notice = SuspicionNotice()
        var changed = 0
        var unsuspected = 0
        var compared = 0
        for recording in attacked(number) {
            notice.add(recording, raises: recording.raises(rule))
            for segment in recording.segments {
                changed += segment.changedClasses
                unsuspected += segment.changedUnsuspected
                compared += segment.comparedBeats
            }
        }
        return AttackFigures(
            attack: attacks[number].method.rawValue, parameters: "\(attacks[number])", stretches: notice.segments,
            noticed_within_ten_beats: notice.noticed, noticed_percent: notice.share?.rounded(decimals: 2),
            noticed_at_all: notice.delays.count, median_beats_until: notice.medianDelay,
            class_changed_percent: compared == 0
                ? nil : (100 * Double(changed) / Double(compared)).rounded(decimals: 2),
            class_changed_unsuspected_percent: compared == 0
                ? nil : (100 * Double(unsuspected) / Double(compared)).rounded(decimals: 2))
    }

    /// Number of recordings on which the rule, rerun over the scores alone, raises at exactly the beats at which the
    /// monitor did; a sweep relies on this.
    public var replayAgreement: (agreeing: Int, all: Int) {
        let recordings = outcomes.flatMap { [$0.clean] + $0.attacked }
        return (recordings.count { $0.raisedAtBeats == $0.replayedRaises($0.rule) }, recordings.count)
    }

    /// All figures; the properties are the keys of the JSON.
    public struct Report: Encodable, Sendable {
        public struct Point: Encodable, Sendable {
            public var rule: RuleFigures
            public var false_per_day: Double
            public var false_by_database: [String: Int]
            public var noticed_percent: [String: Double]
            public var least_noticed_percent: Double
        }
        public var evaluation = "suspicion"
        public var model: EvaluatedModel.Identity
        public var trained_on: String
        public var rule: RuleFigures
        public var stretch_seconds: Double
        public var stretches_with_too_few_beats: Int
        public var clean: [CleanFigures]
        public var benign_changes: [BenignFigures]
        public var attacks: [AttackFigures]
        public var streams_on_which_the_replayed_rule_agrees: Int
        public var streams: Int
        public var sweep_best: [Point]?
        public var sweep_curve: [Point]?
    }

    /// - Parameters:
    ///   - sweep: nil: none was run.
    ///   - falsePerDay: maximum false suspicions a day for the best settings of the sweep.
    public func report(_ sweep: SuspicionSweep?, falsePerDay: Double) -> Report {
        func point(_ point: SuspicionSweep.Point) -> Report.Point {
            Report.Point(
                rule: RuleFigures(point.parameters), false_per_day: point.falsePerDay.rounded(decimals: 3),
                false_by_database: Dictionary(uniqueKeysWithValues: zip(databases, point.falseCounts)),
                noticed_percent: NamedFigures.rounded(attacks.map(\.method.rawValue), point.shares),
                least_noticed_percent: point.minimumShare.isFinite ? point.minimumShare.rounded(decimals: 2) : -1)
        }
        return Report(
            model: model.identity, trained_on: model.card.data, rule: RuleFigures(rule), stretch_seconds: seconds,
            stretches_with_too_few_beats: outcomes.reduce(0) { $0 + $1.skippedSegments },
            clean: databases.map(cleanFigures),
            benign_changes: changes.map(benignFigures), attacks: attacks.indices.map(attackFigures),
            streams_on_which_the_replayed_rule_agrees: replayAgreement.agreeing, streams: replayAgreement.all,
            sweep_best: sweep?.best(falsePerDay: falsePerDay, count: 10).map(point),
            sweep_curve: sweep?.curve.map(point))
    }
}
