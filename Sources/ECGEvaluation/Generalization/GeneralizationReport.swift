public import EC57
import ECGMonitor

/// The results of `GeneralizationEvaluation`; its properties are the keys of the JSON.
public struct GeneralizationReport: Encodable, Sendable {
    public var evaluation = "generalization"
    public var model: LoadedModel.Identity
    /// The lead that was chosen, or "all"; nil: in each record the first signal that is an ECG.
    public var lead: String?
    /// The file with networks of the ventricular rhythm detector that have not seen the records; nil: the shipped one.
    public var held_out_networks: String?
    /// Whether only a few records of each database were run.
    public var quick: Bool
    public var databases: [Part]
    /// Of all databases together.
    public var delays: Delays
    public var left_out: [LeftOut]

    init(
        model: LoadedModel.Identity, lead: String?, heldOut: String? = nil, quick: Bool, parts: [Part],
        leftOut: [LeftOut]
    ) {
        self.model = model
        self.lead = lead
        held_out_networks = heldOut
        self.quick = quick
        databases = parts
        delays = Delays(parts.map(\.score))
        left_out = leftOut
    }

    /// What was not scored.
    public struct LeftOut: Encodable, Sendable {
        public var database: String
        /// Number of records that could not be read; 0: the whole database.
        public var records: Int
        public var because: String
    }

    /// The records of one database that were in view in the same way while the monitor was built.
    public struct Part: Encodable, Sendable {
        public var database: String
        public var records: [String]
        public var hours: Double
        /// The strongest use of these records by any part of the monitor.
        public var in_view: RecordsInView.Use
        /// The use by each part of the monitor.
        public var uses: [RecordsInView.Part: RecordsInView.Use]
        /// nil without annotated beats.
        public var beats: Beats?
        /// By rhythm (VF, VT, asystole); only those that are annotated.
        public var lethal_rhythms: [String: LethalRhythm]
        public var silent_episodes: [String]
        /// nil if it is not known which alarms are false.
        public var false_alarms: FalseAlarmRates?
        public var atrial_fibrillation: RhythmScore.Duration?
        /// By kind, and "all" of them.
        public var bedside_alarms: [String: BedsideAlarms]
        /// By class, and "N, A, O".
        public var record_classes: [String: RecordClass]
        public var alarms: Alarms
        public var delays: Delays
        let score: GeneralizationScore

        enum CodingKeys: CodingKey {
            case database, records, hours, in_view, uses, beats, lethal_rhythms, silent_episodes, false_alarms
            case atrial_fibrillation, bedside_alarms, record_classes, alarms, delays
        }
    }

    /// The beats of the whole stream, matched within 150 ms.
    public struct Beats: Encodable, Sendable {
        public var from_seconds: Double
        public var within_span: Bool
        public var figures: EC57Figures
    }

    /// Episodes of 3 s and more; percent.
    public struct LethalRhythm: Encodable, Sendable {
        public var episodes: Int
        /// Told within 10 s of the onset.
        public var told_pct: Double
        /// Any alarm of high priority within 10 s.
        public var high_pct: Double
        /// Share of the episodes' time under an alarm that tells the rhythm.
        public var time_pct: Double
        /// Episodes of 10 s and more without any alarm of high priority.
        public var silent: Int
    }

    /// False alarms an hour.
    public struct FalseAlarmRates: Encodable, Sendable {
        public var reference: ScoringProtocol.FalseAlarmReference
        /// Hours in which an alarm would be false.
        public var hours: Double
        /// Of high priority; extreme rates only with annotated beats, since nothing else tells the rate.
        public var high_per_hour: Double
        public var vt_per_hour: Double
        public var vf_per_hour: Double
        public var asystole_per_hour: Double
        /// Percent of these hours under a false VT or VF alarm; only with rhythm marks.
        public var vf_or_vt_time_pct: Double?
    }

    /// One kind of alarm of the bedside monitor.
    public struct BedsideAlarms: Encodable, Sendable {
        public var true_alarms: Int
        public var told_pct: Double?
        public var false_alarms: Int
        public var suppressed_pct: Double?
        /// (true told + false suppressed) / (all + 4 times true missed), in percent.
        public var score: Double?
    }

    /// Records of one class, and the percentage of them with an alarm.
    public struct RecordClass: Encodable, Sendable {
        public var records: Int
        public var asystole_pct: Double
        public var vt_pct: Double
        public var vf_pct: Double
        public var af_pct: Double
    }

    /// Whatever was told, right or wrong.
    public struct Alarms: Encodable, Sendable {
        public var suspicions_per_day: Double
        public var suspected_time_pct: Double
        public var records_suspected: Int
        public var signal_lost_time_pct: Double
        public var noisy_time_pct: Double
        /// Alarms begun, by label in the annotations.
        public var per_hour: [String: Double]
    }

    /// From onset to report.
    public struct Delays: Encodable, Sendable {
        /// From R to the QRS detector's report, detector alone.
        public var qrs_detected_ms: DelayDistribution?
        /// From R to the event of the classified beat.
        public var beat_classified_ms: DelayDistribution?
        /// From the annotated onset to the alarm, by rhythm.
        public var alarm_s: [String: AlarmDelay]
    }

    /// The delays of the alarms for one rhythm.
    public struct AlarmDelay: Encodable, Sendable {
        public var episodes: Int
        /// Without any alarm of the rhythm.
        public var never: Int
        /// The alarm was on already when the episode began.
        public var already_on: Int
        /// Of all others.
        public var delay: DelayDistribution?
    }
}

extension GeneralizationReport.Delays {
    init(_ scores: [GeneralizationScore]) {
        qrs_detected_ms = DelayDistribution(
            scores.flatMap(\.detectionDelays), edges: DelayDistribution.beatEdges, decimals: 0)
        beat_classified_ms = DelayDistribution(
            scores.flatMap(\.beats.delays), edges: DelayDistribution.beatEdges, decimals: 0)
        alarm_s = [:]
        for rhythm in LethalRhythmScore.Rhythm.allCases {
            let episodes = scores.compactMap { $0.lethal.episodes[rhythm] }
            guard !episodes.isEmpty else { continue }
            let (count, delays) = (episodes.reduce(0) { $0 + $1.count }, episodes.flatMap(\.delays))
            let alreadyOn = episodes.reduce(0) { $0 + $1.alreadyOn }
            alarm_s[rhythm.rawValue] = .init(
                episodes: count, never: count - delays.count - alreadyOn, already_on: alreadyOn,
                delay: DelayDistribution(delays, edges: DelayDistribution.alarmEdges, decimals: 1))
        }
    }
}

extension GeneralizationReport.Part {
    init(
        _ scoring: ScoringProtocol, records: [String], _ score: GeneralizationScore,
        uses: [RecordsInView.Part: RecordsInView.Use]
    ) {
        database = scoring.database
        self.records = records
        hours = score.hours.rounded(decimals: 2)
        in_view = uses.values.max() ?? .none
        self.uses = uses
        if let settings = scoring.beats, score.beats.beats > 0 {
            beats = .init(
                from_seconds: settings.startSeconds, within_span: settings.withinSpan,
                figures: EC57Figures(score.beats, records: records.count, classes: settings.hasClasses))
        }
        lethal_rhythms = score.lethal.episodes.reduce(into: [:]) { rhythms, entry in
            let e = entry.value
            func percent(_ part: Int) -> Double { (100 * Double(part) / Double(e.count)).rounded(decimals: 1) }
            rhythms[entry.key.rawValue] = .init(
                episodes: e.count, told_pct: percent(e.told), high_pct: percent(e.high),
                time_pct: (100 * e.alarmedSeconds / e.seconds).rounded(decimals: 1), silent: e.silent)
        }
        silent_episodes = score.lethal.silentEpisodes
        false_alarms = .init(scoring.falseAlarms, score)
        if scoring.hasAtrialFibrillation, score.atrialFibrillation.isOfInterest {
            atrial_fibrillation = score.atrialFibrillation
        }
        bedside_alarms = score.bedside.kinds.mapValues { .init($0) }
        if !bedside_alarms.isEmpty { bedside_alarms["all"] = .init(score.bedside.all) }
        record_classes = score.classes.classes.mapValues { .init($0) }
        if !record_classes.isEmpty { record_classes["N, A, O"] = .init(score.classes.judged) }
        alarms = .init(score, records: records.count)
        delays = .init([score])
        self.score = score
    }
}

extension GeneralizationReport.FalseAlarmRates {
    init?(_ reference: ScoringProtocol.FalseAlarmReference, _ score: GeneralizationScore) {
        let counts: FalseAlarms
        switch reference {
        case .none: return nil
        case .rhythmMarks:
            (counts, hours) = (score.lethal.falseAlarms, score.lethal.clearHours)
            if hours > 0 {
                vf_or_vt_time_pct = (score.lethal.falseLethalSeconds / 36 / hours).rounded(decimals: 2)
            }
        case .annotatedBeats:
            var sum = FalseAlarms()
            for (kind, count) in score.alerts.falseOnes { sum.add(count, of: kind) }
            (counts, hours) = (sum, score.alerts.hours)
        case .recordClasses:
            (counts, hours) = (score.classes.judged.alarms, score.classes.judged.hours)
        }
        guard hours > 0 else { return nil }
        let all = hours
        func hourly(_ count: Int) -> Double { (Double(count) / all).rounded(decimals: 2) }
        self.reference = reference
        hours = all.rounded(decimals: 2)
        high_per_hour = hourly(counts.high)
        vt_per_hour = hourly(counts.ventricularTachycardia)
        vf_per_hour = hourly(counts.ventricularFibrillation)
        asystole_per_hour = hourly(counts.asystole)
    }
}

extension GeneralizationReport.BedsideAlarms {
    init(_ counts: BedsideAlarmScore.Counts) {
        true_alarms = counts.trueTold + counts.trueMissed
        false_alarms = counts.falseTold + counts.falseSuppressed
        func percent(_ part: Int, _ whole: Int) -> Double? {
            whole > 0 ? (100 * Double(part) / Double(whole)).rounded(decimals: 1) : nil
        }
        told_pct = percent(counts.trueTold, true_alarms)
        suppressed_pct = percent(counts.falseSuppressed, false_alarms)
        score = percent(
            counts.trueTold + counts.falseSuppressed, true_alarms + false_alarms + 4 * counts.trueMissed)
    }
}

extension GeneralizationReport.RecordClass {
    init(_ counts: RecordClassScore.Counts) {
        func percent(_ part: Int) -> Double {
            (100 * Double(part) / Double(max(1, counts.records))).rounded(decimals: 1)
        }
        records = counts.records
        asystole_pct = percent(counts.asystole)
        vt_pct = percent(counts.ventricularTachycardia)
        vf_pct = percent(counts.ventricularFibrillation)
        af_pct = percent(counts.atrialFibrillation)
    }
}

extension GeneralizationReport.Alarms {
    init(_ score: GeneralizationScore, records: Int) {
        let hours = max(score.hours, 1e-9)
        func time(_ label: String) -> Double {
            ((score.alarms[label]?.seconds ?? 0) / 36 / hours).rounded(decimals: 2)
        }
        let suspected = MarkedAlarms.label(.attackSuspected)
        let count = [AlertKind.attackSuspected, .replaySuspected].reduce(0) {
            $0 + (score.alarms[MarkedAlarms.label($1)]?.count ?? 0)
        }
        suspicions_per_day = (24 * Double(count) / hours).rounded(decimals: 1)
        suspected_time_pct = time(suspected)
        records_suspected = score.alarms[suspected]?.records ?? 0
        signal_lost_time_pct = time(MarkedAlarms.label(.signalLost))
        noisy_time_pct = time(MarkedAlarms.label(.noisySignal))
        per_hour = score.alarms.filter { !$0.key.hasPrefix("(N") }.mapValues {
            (Double($0.count) / hours).rounded(decimals: 2)
        }
    }
}
