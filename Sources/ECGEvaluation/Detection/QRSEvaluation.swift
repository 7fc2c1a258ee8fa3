public import EC57
public import WFDB

/// The QRS detector alone on channel 0 of records, scored beat by beat.
public struct QRSEvaluation: Sendable {
    public var database: RecordDatabase
    public var records: [String]
    /// Scoring starts here, in seconds from the start of each record.
    public var startSeconds: Double
    /// Number of records processed at a time; nil: the number of processor cores.
    public var jobs: Int?

    public init(_ database: RecordDatabase, records: [String], from startSeconds: Double = 300, jobs: Int? = nil) {
        self.database = database
        self.records = records
        self.startSeconds = startSeconds
        self.jobs = jobs
    }

    /// Runs and scores the detector.
    ///
    /// - Parameter onBeats: called with each record's name and the beats found, on several threads.
    public func report(
        onBeats: @escaping @Sendable (Record, String, [EC57Beat]) throws -> Void = { _, _, _ in }
    ) async throws -> QRSReport {
        let (database, start) = (database, startSeconds)
        let scores = try await RecordBatch.map(records, jobs: jobs) { name in
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            let beats = try DetectorRun.beats(of: record, name: name)
            try onBeats(record, name, beats)
            return EC57Score(reference: reference, found: beats, from: start)
        }
        var total = EC57Score()
        for score in scores { total += score }
        return QRSReport(
            database: database.directory, records: records, from_seconds: start,
            gross: EC57Figures(total, records: records.count, classes: false),
            per_record: zip(records, scores).map {
                RecordFigures(record: $0, figures: EC57Figures($1, classes: false))
            },
            delay_histogram_ms: DelayBin.histogram(total.delays))
    }
}

/// The results of `QRSEvaluation`; its properties are the keys of the JSON.
public struct QRSReport: Encodable, Sendable {
    public var evaluation = "qrs"
    public var database: String
    public var records: [String]
    /// The lead that was chosen; nil: in each record the first signal that is an ECG.
    public var lead: String?
    public var from_seconds: Double
    public var match_window_ms = EC57Score.matchWindowSeconds * 1000
    public var gross: EC57Figures
    public var per_record: [RecordFigures]
    /// Number of delays in each 20 ms bin, by the lower edge in ms; the last bin includes all longer delays.
    public var delay_histogram_ms: [DelayBin]
    public var ablation: [QRSAblation]?
    public var noise_stress: [QRSNoiseLevel]?
    public var rates: [RateFigures]?
}
