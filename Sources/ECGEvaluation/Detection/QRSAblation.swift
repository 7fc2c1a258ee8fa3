public import EC57
public import ECGSignal

/// The detector without one of its additions to Pan & Tompkins.
public struct QRSAblation: Encodable, Sendable {
    public var left_out: String
    public var q_se: Double?
    public var q_pp: Double?
    public var q_der: Double?
    /// On 118 and 119 with electrode motion noise at 0 dB, if the databases are present.
    public var noise_0db_q_se: Double?
    public var noise_0db_q_pp: Double?

    /// The detector as it is, without each addition in turn, and without all of them.
    ///
    /// - Parameters:
    ///   - database: the folder of the records.
    ///   - names: the records.
    ///   - start: where scoring starts, in seconds from the start of each record.
    ///   - jobs: number of records processed at a time; nil: the number of processor cores.
    public static func all(
        _ database: RecordDatabase, _ names: [String], from start: Double, jobs: Int?
    ) async throws -> [QRSAblation] {
        let variants: [(String, PanTompkinsDetector.Additions)] =
            [("nothing", [])] + PanTompkinsDetector.Additions.named.map { ($0.name, $0.addition) } + [("all", .all)]
        var rows: [QRSAblation] = []
        for (name, additions) in variants {
            let score = try await gross(database, names, from: start, leavingOut: additions, jobs: jobs)
            let noise = try await QRSNoiseLevel.score(suffix: "00", from: start, leavingOut: additions, jobs: jobs)
            rows.append(
                QRSAblation(
                    left_out: name, q_se: score.sensitivity?.rounded(decimals: 3),
                    q_pp: score.positivePredictivity?.rounded(decimals: 3),
                    q_der: score.errorRate?.rounded(decimals: 3),
                    noise_0db_q_se: noise.score.sensitivity?.rounded(decimals: 2),
                    noise_0db_q_pp: noise.score.positivePredictivity?.rounded(decimals: 2)))
        }
        return rows
    }

    /// The gross score of one variant of the detector.
    public static func gross(
        _ database: RecordDatabase, _ names: [String], from start: Double,
        leavingOut additions: PanTompkinsDetector.Additions, jobs: Int?
    ) async throws -> EC57Score {
        let scores = try await RecordBatch.map(names, jobs: jobs) { name in
            let record = try database.record(name)
            return EC57Score(
                reference: try database.reference(name, for: record),
                found: try DetectorRun.beats(of: record, name: name, leavingOut: additions), from: start)
        }
        var total = EC57Score()
        for score in scores { total += score }
        return total
    }
}
