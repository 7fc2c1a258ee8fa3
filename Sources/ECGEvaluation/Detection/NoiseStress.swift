public import EC57
public import ECGSignal

/// The detector on the noise stress records of 118 and 119 at one signal-to-noise ratio.
public struct QRSNoiseLevel: Encodable, Sendable {
    public var snr_db: Int
    public var records: [String]
    public var q_se: Double?
    public var q_pp: Double?
    /// EP Limited's detector on the same files.
    public var goal_se: Double?
    public var goal_pp: Double?
    /// Percentage of the noisy segments' time in which the signal is reported as noisy, and the same for the other
    /// segments.
    public var noisy_said: Double
    public var noisy_said_in_clean: Double

    private static let levels: [(suffix: String, decibels: Int, goal: (Double, Double)?)] = [
        ("24", 24, nil), ("18", 18, (100, 99.86)), ("12", 12, (100, 92.26)), ("06", 6, (98.91, 76.22)),
        ("00", 0, (94.35, 67.19)), ("_6", -6, (86.39, 62.32)),
    ]

    /// All ratios, from 24 dB down to -6 dB.
    ///
    /// - Parameters:
    ///   - start: where scoring starts, in seconds from the start of each record.
    ///   - jobs: number of records processed at a time; nil: the number of processor cores.
    public static func all(from start: Double, jobs: Int?) async throws -> [QRSNoiseLevel] {
        var rows: [QRSNoiseLevel] = []
        for level in levels {
            let (score, names, said) = try await score(
                suffix: level.suffix, from: start, leavingOut: [], jobs: jobs)
            rows.append(
                QRSNoiseLevel(
                    snr_db: level.decibels, records: names, q_se: score.sensitivity?.rounded(decimals: 2),
                    q_pp: score.positivePredictivity?.rounded(decimals: 2), goal_se: level.goal?.0,
                    goal_pp: level.goal?.1,
                    noisy_said: said.noisy.rounded(decimals: 1), noisy_said_in_clean: said.clean.rounded(decimals: 1)))
        }
        return rows
    }

    /// The two records together; only those whose folder is present.
    public static func score(
        suffix: String, from start: Double, leavingOut additions: PanTompkinsDetector.Additions, jobs: Int?
    ) async throws -> (score: EC57Score, records: [String], said: (noisy: Double, clean: Double)) {
        let folders = [("118", try? RecordDatabase("nstdb")), ("119", try? RecordDatabase("nstdb_119_regenerated"))]
        let records = folders.compactMap { base, folder in folder.map { ("\(base)e\(suffix)", $0) } }
        let outcomes = try await RecordBatch.map(records, jobs: jobs) { name, folder in
            let record = try folder.record(name)
            let score = EC57Score(
                reference: try folder.reference(name, for: record),
                found: try DetectorRun.beats(of: record, name: name, leavingOut: additions), from: start)
            return (score, noisySeconds(try RecordChannel(record, name: name)))
        }
        var total = EC57Score()
        var seconds = NoisySeconds()
        for (score, one) in outcomes {
            total += score
            seconds.noisy += one.noisy
            seconds.noisySaid += one.noisySaid
            seconds.clean += one.clean
            seconds.cleanSaid += one.cleanSaid
        }
        let said = (
            noisy: seconds.noisy > 0 ? 100 * seconds.noisySaid / seconds.noisy : 0,
            clean: seconds.clean > 0 ? 100 * seconds.cleanSaid / seconds.clean : 0
        )
        return (total, records.map(\.0), said)
    }

    private struct NoisySeconds: Sendable {
        var noisy = 0.0
        var noisySaid = 0.0
        var clean = 0.0
        var cleanSaid = 0.0
    }

    /// From 5:00 on, at 360 Hz, the rate of these records.
    private static func noisySeconds(_ channel: RecordChannel) -> NoisySeconds {
        var detector = PanTompkinsDetector()
        var monitor = SignalConditionMonitor()
        var result = NoisySeconds()
        for (n, sample) in channel.millivolts.enumerated() {
            _ = detector.step(sample)
            _ = monitor.step(sample, leadOff: false, noiseRatio: detector.noiseRatio)
            let seconds = Double(n) / InternalSampling.rate
            guard seconds >= 300 else { continue }
            let said = monitor.condition == .noisy ? 1 / InternalSampling.rate : 0
            if NoiseScenario.isNoisy(seconds) {
                result.noisy += 1 / InternalSampling.rate
                result.noisySaid += said
            } else {
                result.clean += 1 / InternalSampling.rate
                result.cleanSaid += said
            }
        }
        return result
    }
}
