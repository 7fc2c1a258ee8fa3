import EC57
import ECGSignal
public import ToolSupport

/// Results of the complete stream at one sampling rate.
public struct RateFigures: Encodable, Sendable {
    public var sampling_rate: Double
    public var polarity: String
    public var beats: Int
    public var q_se: Double?
    public var q_pp: Double?
    public var q_der: Double?
    public var r_error_ms_mean_abs: Double?
    /// Of the beats that the stream also finds in the original record, the percentage with the same class.
    public var same_class: Double?

    /// Sampling rates to which the records are converted, in samples a second.
    public static let rates: [Double] = [125, 200, 250, 256, 360, 500, 1_000]

    private struct Outcome: Sendable {
        var score: EC57Score
        var found: [EC57Beat]
        var same = 0
        var matched = 0
    }

    /// The original records, the records at each of `rates`, and the records with reversed polarity.
    ///
    /// - Parameters:
    ///   - database: the folder of the records.
    ///   - names: the records.
    ///   - start: where scoring starts, in seconds from the start of each record.
    ///   - model: classifies the beats.
    ///   - jobs: number of records processed at a time; nil: the number of processor cores.
    public static func all(
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

    /// The monitor's own resampler converts any rate to 360 Hz; if told that the input has 360 times `from` / `to`
    /// samples a second, it converts `from` to `to`.
    public static func convert(_ samples: [Float], from: Double, to: Double) throws(ToolError) -> [Float] {
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
}
