import ECGMonitor
import ECGSignal
import WFDB

/// How many beats were reported so long after their R peak.
struct DelayBin: Encodable, Sendable {
    static let width = 20.0
    static let last = 500.0

    /// Lower edge, ms.
    var from: Double
    var beats: Int

    /// Bins of 20 ms from 0 on; the first also takes what is earlier, the last what is later than half a second.
    static func histogram(_ delays: [Double]) -> [DelayBin] {
        var bins = stride(from: 0, through: last, by: width).map { DelayBin(from: $0, beats: 0) }
        for delay in delays {
            bins[min(bins.count - 1, max(0, Int((delay / width).rounded(.down))))].beats += 1
        }
        return bins
    }

    static func text(_ bins: [DelayBin]) -> String {
        let cells = bins.filter { $0.beats > 0 }.map { bin in
            bin.from == last ? "\(Int(bin.from)) on: \(bin.beats)" : "\(Int(bin.from)): \(bin.beats)"
        }
        return "beats by delay, from so many ms on: " + cells.joined(separator: ", ")
    }
}

/// The detector with one addition to Pan & Tompkins left out.
struct QRSAblation: Encodable, Sendable {
    var left_out: String
    var q_se: Double?
    var q_pp: Double?
    var q_der: Double?
    /// On 118 and 119 with electrode motion noise at 0 dB, where the databases are there.
    var noise_0db_q_se: Double?
    var noise_0db_q_pp: Double?

    static func all(
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

    static func gross(
        _ database: RecordDatabase, _ names: [String], from start: Double,
        leavingOut additions: PanTompkinsDetector.Additions, jobs: Int?
    ) async throws -> EC57Score {
        let scores = try await RecordBatch.map(names, jobs: jobs) { name in
            let record = try database.record(name)
            return EC57Score(
                reference: try database.reference(name, for: record),
                found: try EvaluateQRS.detect(record, name: name, leavingOut: additions), from: start)
        }
        var total = EC57Score()
        for score in scores { total += score }
        return total
    }

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

/// The detector on the noise stress records of 118 and 119 at one signal-to-noise ratio.
struct QRSNoiseLevel: Encodable, Sendable {
    var snr_db: Int
    var records: [String]
    var q_se: Double?
    var q_pp: Double?
    /// EP Limited's detector on the same files.
    var goal_se: Double?
    var goal_pp: Double?
    /// Share of the stretches with noise in which the signal is said to be noisy, percent; and of the others.
    var noisy_said: Double
    var noisy_said_in_clean: Double

    private static let levels: [(suffix: String, decibels: Int, goal: (Double, Double)?)] = [
        ("24", 24, nil), ("18", 18, (100, 99.86)), ("12", 12, (100, 92.26)), ("06", 6, (98.91, 76.22)),
        ("00", 0, (94.35, 67.19)), ("_6", -6, (86.39, 62.32)),
    ]

    static func all(from start: Double, jobs: Int?) async throws -> [QRSNoiseLevel] {
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

    /// The two records together; only those whose folder is there.
    static func score(
        suffix: String, from start: Double, leavingOut additions: PanTompkinsDetector.Additions, jobs: Int?
    ) async throws -> (score: EC57Score, records: [String], said: (noisy: Double, clean: Double)) {
        let folders = [("118", try? RecordDatabase("nstdb")), ("119", try? RecordDatabase("nstdb_119_regenerated"))]
        let records = folders.compactMap { base, folder in folder.map { ("\(base)e\(suffix)", $0) } }
        let outcomes = try await RecordBatch.map(records, jobs: jobs) { name, folder in
            let record = try folder.record(name)
            let score = EC57Score(
                reference: try folder.reference(name, for: record),
                found: try EvaluateQRS.detect(record, name: name, leavingOut: additions), from: start)
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

    /// From 5:00 on, at 360 Hz, as these records are.
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

/// The whole stream at one sampling rate.
struct RateFigures: Encodable, Sendable {
    var sampling_rate: Double
    var polarity: String
    var beats: Int
    var q_se: Double?
    var q_pp: Double?
    var q_der: Double?
    var r_error_ms_mean_abs: Double?
    /// Of the beats that the stream also finds in the record as it is, those with the same class, percent.
    var same_class: Double?

    static let rates: [Double] = [125, 200, 250, 256, 360, 500, 1_000]

    private struct Outcome: Sendable {
        var score: EC57Score
        var found: [EC57Beat]
        var same = 0
        var matched = 0
    }

    static func all(
        _ database: RecordDatabase, _ names: [String], from start: Double, _ model: LoadedModel, jobs: Int?
    ) async throws -> [RateFigures] {
        let plain = try await outcomes(database, names, from: start, model, rate: nil, reversed: false, [], jobs)
        var rows = [figures(plain, rate: 0, reversed: false)]
        for rate in rates {
            let outcomes = try await outcomes(
                database, names, from: start, model, rate: rate, reversed: false, plain.map(\.found), jobs)
            rows.append(figures(outcomes, rate: rate, reversed: false))
        }
        let reversed = try await outcomes(
            database, names, from: start, model, rate: nil, reversed: true, plain.map(\.found), jobs)
        rows.append(figures(reversed, rate: 0, reversed: true))
        return rows
    }

    private static func figures(_ outcomes: [Outcome], rate: Double, reversed: Bool) -> RateFigures {
        var total = EC57Score()
        for outcome in outcomes { total += outcome.score }
        let matched = outcomes.reduce(0) { $0 + $1.matched }
        let same = outcomes.reduce(0) { $0 + $1.same }
        return RateFigures(
            sampling_rate: rate, polarity: reversed ? "reversed" : "as it is", beats: total.beats,
            q_se: total.sensitivity?.rounded(decimals: 3), q_pp: total.positivePredictivity?.rounded(decimals: 3),
            q_der: total.errorRate?.rounded(decimals: 3),
            r_error_ms_mean_abs: total.meanAbsoluteRPeakError?.rounded(decimals: 2),
            same_class: matched > 0 ? (100 * Double(same) / Double(matched)).rounded(decimals: 2) : nil)
    }

    private static func outcomes(
        _ database: RecordDatabase, _ names: [String], from start: Double, _ model: LoadedModel, rate: Double?,
        reversed: Bool, _ plain: [[EC57Beat]], _ jobs: Int?
    ) async throws -> [Outcome] {
        try await RecordBatch.map(Array(names.enumerated()), jobs: jobs) { position, name in
            let record = try database.record(name)
            let channel = try RecordChannel(record, name: name)
            let reference = try database.reference(name, for: record)
            var samples = channel.millivolts
            if reversed { for index in samples.indices { samples[index] = -samples[index] } }
            if let rate { samples = try convert(samples, from: channel.samplingRate, to: rate) }
            let events = try MonitorRun.events(
                millivolts: samples, samplingRate: rate ?? channel.samplingRate, lead: channel.lead, name: name,
                classifier: model.classifier)
            let scale = channel.samplingRate / (rate ?? channel.samplingRate)
            func frame(_ index: Int64) -> Int64 { channel.frame(ofSample: Double(index) * scale) }
            let found = MonitorRun.beats(events).map { beat in
                EC57Beat(
                    sampleIndex: frame(beat.sampleIndex), beatClass: beat.beatClass,
                    decidedAtSampleIndex: beat.decidedAtSampleIndex.map(frame))
            }
            var outcome = Outcome(score: EC57Score(reference: reference, found: found, from: start), found: found)
            if position < plain.count {
                var asItIs = reference
                asItIs.beats = plain[position]
                let pairs = EC57Score(reference: asItIs, found: found, from: start)
                outcome.matched = pairs.truePositives
                outcome.same = EC57Class.allCases.reduce(0) {
                    $0 + pairs.count(reference: $1.rawValue, found: $1.rawValue)
                }
            }
            return outcome
        }
    }

    /// The monitor's own resampler makes 360 Hz out of any rate; told that the input has 360 times `from` / `to`
    /// samples a second, it makes `to` out of `from`.
    static func convert(_ samples: [Float], from: Double, to: Double) throws(ToolError) -> [Float] {
        guard from != to else { return samples }
        guard var resampler = try? Resampler(inputRate: InternalSampling.rate * from / to) else {
            throw ToolError(
                "\(from) samples a second cannot be brought to \(to)",
                nextStep: "Take records of 128 to 360 samples a second")
        }
        var converted: [Float] = []
        converted.reserveCapacity(Int(Double(samples.count) * to / from) + 1)
        for sample in samples {
            resampler.push(sample)
            while let value = resampler.next() { converted.append(value) }
        }
        resampler.finish()
        while let value = resampler.next() { converted.append(value) }
        return converted
    }

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
