import EC57

/// The main figures of `GeneralizationEvaluation` for the same records as other devices would have recorded them; its
/// properties are the keys of the JSON.
public struct ChangedRecordsReport: Encodable, Sendable {
    /// Nil where the database is not at hand.
    public struct Row: Encodable, Sendable {
        public var change: String
        /// Share of the time under a VT or VF alarm, and high-priority alarms an hour that are false.
        public var vfdb_vt_time_pct: Double?
        public var vfdb_vf_time_pct: Double?
        public var vfdb_false: GeneralizationReport.FalseAlarmRates?
        public var cudb_vf_time_pct: Double?
        public var cudb_false: GeneralizationReport.FalseAlarmRates?
        /// Episodes of both without any alarm of high priority.
        public var silent: Int
        public var bedside: [String: GeneralizationReport.BedsideAlarms]
        public var record_classes: [String: GeneralizationReport.RecordClass]
        /// Sensitivity and positive predictivity by database, percent.
        public var qrs: [String: [Double?]]
        public var suspicions: Double
    }

    public var evaluation = "generalization, changed records"
    public var model: LoadedModel.Identity
    public var rows: [Row]

    public init(model: LoadedModel.Identity, rows: [Row]) {
        self.model = model
        self.rows = rows
    }
}

extension ChangedRecordsReport.Row {
    /// - Parameter change: nil: the records as they are.
    public init(_ report: GeneralizationReport, change: RecordedOtherwise?) {
        func part(_ database: String) -> GeneralizationReport.Part? {
            report.databases.filter { $0.database == database }.max { $0.hours < $1.hours }
        }
        self.change = change?.text ?? "as they are"
        let (vfdb, cudb) = (part("vfdb"), part("cudb"))
        vfdb_vt_time_pct = vfdb?.lethal_rhythms["VT"]?.time_pct
        vfdb_vf_time_pct = vfdb?.lethal_rhythms["VF"]?.time_pct
        vfdb_false = vfdb?.false_alarms
        cudb_vf_time_pct = cudb?.lethal_rhythms["VF"]?.time_pct
        cudb_false = cudb?.false_alarms
        silent = report.databases.reduce(0) { $0 + $1.silent_episodes.count }
        bedside = part("challenge2015")?.bedside_alarms ?? [:]
        record_classes = part("challenge2017")?.record_classes ?? [:]
        qrs = report.databases.reduce(into: [:]) { qrs, part in
            guard let figures = part.beats?.figures else { return }
            qrs[part.database] = [figures.sensitivity, figures.positivePredictivity]
        }
        suspicions = report.databases.reduce(0) { $0 + $1.alarms.suspicions_per_day * $1.hours / 24 }.rounded()
    }
}
