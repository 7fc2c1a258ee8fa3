import ArgumentParser
import ECGSignal
import WFDB

/// The detector alone, sample by sample, on one lead.
struct EvaluateQRS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "qrs",
        abstract: "Score the streaming QRS detector: sensitivity, +P, error rate, R position, delay.",
        discussion: """
            One lead goes through the resampler and the Pan-Tompkins detector, nothing else; nothing knows the annotations. \
            Beats are matched within 150 ms (EC57); ventricular flutter is left out. The delay is from the annotated R peak \
            to the sample with which the detector reports the beat.
            """)

    @OptionGroup var options: EvaluateOptions

    @Flag(
        help:
            "Also the error rate with each addition to Pan-Tompkins left out, on these records and the noise stress records."
    )
    var ablation = false

    @Flag(help: "Also the noise stress records of 118 and 119 (folders nstdb and nstdb_119_regenerated).")
    var noiseStress = false

    @Flag(help: "Also the whole stream with the records brought to other sampling rates, and with reversed polarity.")
    var rates = false

    @Option(help: ArgumentHelp("Weights for the classes of --rates instead of the shipped ones.", valueName: "file"))
    var model: String?

    struct Report: Encodable {
        var evaluation = "qrs"
        var database: String
        var records: [String]
        /// The lead that was chosen; nil: in each record the first signal that is an ECG.
        var lead: String?
        var from_seconds: Double
        var match_window_ms = EC57Score.matchWindowSeconds * 1000
        var gross: EC57Figures
        var per_record: [RecordFigures]
        /// How many delays lie in each 20 ms, by the lower edge in ms; the last takes the rest.
        var delay_histogram_ms: [DelayBin]
        var ablation: [QRSAblation]?
        var noise_stress: [QRSNoiseLevel]?
        var rates: [RateFigures]?
    }

    func run() async throws {
        let database = try options.openDatabase()
        let names = try database.scoredRecords(options.records)
        let start = options.startSeconds
        let output = options.output
        if let output { try AnnotationOutput.makeFolder(output) }
        let scores = try await RecordBatch.map(names, jobs: options.jobs) { name in
            let record = try database.record(name)
            let reference = try database.reference(name, for: record)
            let beats = try Self.detect(record, name: name)
            if let output {
                let set = AnnotationSet(
                    beats.map { Annotation(sampleIndex: $0.sampleIndex, code: .normal) },
                    samplingRate: record.samplingRate)
                try AnnotationOutput.write(set, record: name, annotator: "qrs", to: output)
            }
            return EC57Score(reference: reference, found: beats, from: start)
        }
        var total = EC57Score()
        for score in scores { total += score }
        let rows = zip(names, scores).map { RecordFigures(record: $0, figures: EC57Figures($1, classes: false)) }
        let gross = EC57Figures(total, records: names.count, classes: false)
        let bins = DelayBin.histogram(total.delays)
        let ablated = ablation ? try await QRSAblation.all(database, names, from: start, jobs: options.jobs) : nil
        let noise = noiseStress ? try await QRSNoiseLevel.all(from: start, jobs: options.jobs) : nil
        let atRates =
            rates
            ? try await RateFigures.all(database, names, from: start, LoadedModel(model), jobs: options.jobs) : nil
        if options.json {
            try EvaluationReport.printJSON(
                Report(
                    database: database.directory, records: names, lead: options.lead, from_seconds: start, gross: gross,
                    per_record: rows,
                    delay_histogram_ms: bins, ablation: ablated, noise_stress: noise, rates: atRates))
        } else {
            print(
                "QRS detector alone, \(options.leadText) of \(names.count) records of \(database.directory), from \(fixed(start, 0)) s"
            )
            print(EvaluationReport.table(rows, total: [("gross", gross)], classes: false))
            if let delay = gross.delay { print("delay from R to the detection: \(delay.line)") }
            print(DelayBin.text(bins))
            if let ablated { print("\n" + QRSAblation.text(ablated)) }
            if let noise { print("\n" + QRSNoiseLevel.text(noise)) }
            if let atRates { print("\n" + RateFigures.text(atRates)) }
        }
    }

    /// The detector's beats on the first signal, on the record's frames. All are normal: the detector knows no classes.
    static func detect(
        _ record: Record, name: String, leavingOut additions: PanTompkinsDetector.Additions = []
    ) throws(ToolError) -> [EC57Beat] {
        let input = try RecordChannel(record, name: name)
        guard var resampler = try? Resampler(inputRate: input.samplingRate) else {
            throw ToolError(
                "record \(name) has \(input.samplingRate) samples a second",
                nextStep: "The monitor takes \(Int(Resampler.supportedRates.lowerBound)) to "
                    + "\(Int(Resampler.supportedRates.upperBound))")
        }
        var detector = PanTompkinsDetector(leavingOut: additions)
        var beats: [EC57Beat] = []
        func add(_ detection: QRSDetection) {
            beats.append(
                EC57Beat(
                    sampleIndex: input.frame(ofSample: resampler.inputIndex(ofOutput: detection.rPeakIndex)),
                    beatClass: .normal,
                    decidedAtSampleIndex: input.frame(
                        ofSample: resampler.inputIndex(ofOutput: detection.detectedAtIndex))))
        }
        var last: Float = 0
        for sample in input.millivolts {
            // The detector alone knows no invalid samples: each holds the value before it.
            if sample.isFinite { last = sample }
            resampler.push(last)
            while let output = resampler.next() {
                if let detection = detector.step(output) { add(detection) }
            }
        }
        resampler.finish()
        while let output = resampler.next() {
            if let detection = detector.step(output) { add(detection) }
        }
        for detection in detector.flush() { add(detection) }
        return beats
    }
}

/// Channel 0 of a record as the monitor takes it.
struct RecordChannel {
    let millivolts: [Float]
    /// Where there are no samples at all, in samples of this channel.
    let gaps: [Range<Int>]
    /// Samples a second of this channel.
    let samplingRate: Double
    let lead: String
    private let samplesPerFrame: Int
    private let frameCount: Int64

    /// - Parameter channel: number of the signal, 0 for the first.
    init(_ record: Record, name: String, channel: Int = 0) throws(ToolError) {
        guard record.header.signals.indices.contains(channel) else {
            throw ToolError(
                channel == 0 ? "record \(name) has no signals" : "record \(name) has no channel \(channel)",
                nextStep: "Give a record that has an ECG as this signal")
        }
        let signal = record.header.signals[channel]
        do {
            millivolts = try record.millivolts(ofSignal: channel)
        } catch {
            throw ToolError("record \(name): \(error)", nextStep: "Give a record that has an ECG as its first signal")
        }
        samplingRate = record.samplingRate(ofSignal: channel)
        samplesPerFrame = signal.samplesPerFrame
        gaps = record.gaps.map {
            $0.lowerBound * signal.samplesPerFrame..<$0.upperBound * signal.samplesPerFrame
        }
        frameCount = Int64(record.frameCount)
        lead = RecordLead.name(signal)
    }

    /// The frame in which a sample of this channel lies, within the record.
    func frame(ofSample index: Double) -> Int64 {
        let frame = (index / Double(samplesPerFrame)).rounded()
        return min(max(0, Int64(frame)), max(0, frameCount - 1))
    }
}
