import ArgumentParser
import ECGATKGAN
import ECGEvaluation
import ECGLimits
import ECGReplay
import ECGSignal
import ToolSupport

/// Where a replay's ECG comes from, and the noise on it.
struct ReplaySourceOptions: ParsableArguments {
    @Argument(help: "Path of a WFDB record without extension, or of an EDF+ (.edf) or CSV (.csv) file.")
    var record: String?

    @OptionGroup var csv: CSVImportOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            """
            Simulate ECG instead: rhythms as NAME[@RATE][:TIME], joined by commas, the last without end. Names: \
            \(RhythmScript.rhythmNames.joined(separator: ", ")).
            """,
            valueName: "script"))
    var simulate: RhythmScript?

    @Option(name: .long, help: ArgumentHelp("Sampling rate of simulated ECG in Hz, 100 to 2000.", valueName: "rate"))
    var samplingRate = 360.0

    @Option(
        name: .long,
        help: ArgumentHelp("R amplitude of simulated ECG; negative: reversed polarity.", valueName: "mV"))
    var amplitude = 1.2

    @Option(
        name: .long,
        help: """
            Lead of the record, by name or number from 0, or all: every ECG lead in one stream, noise and attack on the \
            first; default: the first that is an ECG by its name and unit.
            """)
    var lead: String?

    @Flag(name: .long, help: "Refuse a record whose length, checksum or first value differs from the header.")
    var strict = false

    @Option(name: .long, help: ArgumentHelp("Where in the record to start.", valueName: "time"))
    var start: ClockTime?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How much to send, such as 90 or 1:30; default: all, or 5:00 of simulated ECG.", valueName: "time"))
    var duration: ClockTime?

    @Option(name: .long, help: ArgumentHelp("Add noise at this signal-to-noise ratio in dB.", valueName: "dB"))
    var noiseSnr: Double?

    @Option(
        name: .long,
        help: ArgumentHelp("Noise: white, or the path of a noise record, such as em of nstdb.", valueName: "what"))
    var noise = "white"

    @Option(name: .long, help: "Seed of white noise and of the simulator.")
    var seed: UInt64 = 1

    mutating func validate() throws {
        guard (record != nil) != (simulate != nil) else {
            throw ValidationError("Give either a RECORD or --simulate")
        }
        guard SignalLimits.samplingRates.contains(samplingRate) else {
            throw ValidationError("--sampling-rate takes \(Self.ratesText)")
        }
        guard amplitude.isFinite, abs(amplitude) <= 10 else { throw ValidationError("--amplitude takes -10 to 10 mV") }
        if let duration, duration.seconds <= 0 || duration.seconds > 86_400 {
            throw ValidationError("--duration takes more than 0 and at most 24 hours")
        }
        if simulate != nil, start != nil || lead != nil {
            throw ValidationError("--start and --lead need a RECORD")
        }
        if noise != "white", noiseSnr == nil { throw ValidationError("--noise needs --noise-snr") }
        if let noiseSnr, !noiseSnr.isFinite || abs(noiseSnr) > 200 {
            throw ValidationError("--noise-snr takes -200 to 200 dB")
        }
    }

    private static var ratesText: String {
        "\(Int(SignalLimits.samplingRates.lowerBound)) to \(Int(SignalLimits.samplingRates.upperBound))"
    }

    /// Loads or makes the ECG and adds the noise.
    func load() throws(ToolError) -> ReplayMaterial {
        var material: ReplayMaterial
        if let simulate {
            material = ReplayMaterial(
                simulating: simulate, seconds: duration?.seconds ?? 300, samplingRate: samplingRate,
                amplitude: amplitude, seed: seed)
        } else {
            let imported = try csv.open(record ?? "")
            material = try ReplayMaterial(recordPath: imported.path, lead: lead, strict: strict)
            material.name = record ?? ""
        }
        if simulate == nil, start != nil || duration != nil {
            let end = duration.map { ClockTime(seconds: (start?.seconds ?? 0) + $0.seconds) }
            material = material.cut(to: try material.sampleRange(from: start, to: end))
        }
        if let noiseSnr { try addNoise(decibels: noiseSnr, to: &material) }
        return material
    }

    private func addNoise(decibels: Double, to material: inout ReplayMaterial) throws(ToolError) {
        let ecg = material.millivolts
        let rate = Int(material.samplingRate.rounded())
        var disturbance: [Float]
        if noise == "white" {
            disturbance = NoiseMixer.whiteNoise(count: ecg.count, seed: seed)
        } else {
            let noiseRecord = try ReplayMaterial(recordPath: noise)
            guard noiseRecord.samplingRate == material.samplingRate else {
                throw ToolError(
                    "the noise \(noise) has \(fixed(noiseRecord.samplingRate, 2)) samples a second, \(material.name) has "
                        + fixed(material.samplingRate, 2),
                    nextStep: "Use noise with the same rate, or --noise white")
            }
            disturbance = noiseRecord.millivolts
        }
        let peaks = try Self.rPeaks(in: ecg, rate: material.samplingRate)
        guard
            let gain = NoiseMixer.gain(
                ecg: ecg, rPeaks: peaks, noise: disturbance, samplesPerSecond: rate, decibels: decibels)
        else {
            throw ToolError(
                "the signal-to-noise ratio cannot be set: "
                    + (peaks.isEmpty ? "no beat was found in \(material.name)" : "the noise \(noise) is constant"),
                nextStep: "Choose another part of the record, or another noise")
        }
        material.replace(from: 0, withMillivolts: NoiseMixer.mix(ecg: ecg, noise: disturbance, gain: gain))
    }

    /// R peaks as the detector finds them, as indices of `ecg` (in millivolts, at `rate` samples a second).
    static func rPeaks(in ecg: [Float], rate: Double) throws(ToolError) -> [Int] {
        var resampler: Resampler
        do {
            resampler = try Resampler(inputRate: rate)
        } catch {
            throw ToolError(
                "\(fixed(rate, 2)) samples a second cannot be monitored", nextStep: "The monitor takes \(ratesText)")
        }
        var detector = PanTompkinsDetector()
        var peaks: [Int] = []
        func note(_ detection: QRSDetection) {
            peaks.append(Int(resampler.inputIndex(ofOutput: detection.rPeakIndex).rounded()))
        }
        for sample in ecg {
            resampler.push(sample)
            while let resampled = resampler.next() {
                if let detection = detector.step(resampled) { note(detection) }
            }
        }
        detector.flush().forEach(note)
        return peaks
    }
}

/// An attack on a stretch of the replay.
struct ReplayAttackOptions: ParsableArguments {
    @Option(name: .long, help: "Attack an episode, white-box against the model.")
    var attack: WindowAttack.Method?

    @Option(name: .long, help: "Largest change of a sample, in units of the beat's window scaled to [0, 1].")
    var epsilon: Float = 0.01

    @Option(
        name: .long, help: ArgumentHelp("Start of the attacked episode; default: the start.", valueName: "time"))
    var from: ClockTime?

    @Option(name: .long, help: ArgumentHelp("End of the attacked episode; default: the end.", valueName: "time"))
    var to: ClockTime?

    @Option(name: .long, help: ArgumentHelp("Weights to attack; default: the shipped ones.", valueName: "file"))
    var model: String?

    mutating func validate() throws {
        guard epsilon > 0, epsilon <= 1 else { throw ValidationError("--epsilon takes more than 0 and at most 1") }
        if attack == nil, from != nil || to != nil || model != nil {
            throw ValidationError("--from, --to and --model need --attack")
        }
    }

    func apply(to material: inout ReplayMaterial) throws(ToolError) -> AttackedEpisode.Report? {
        guard let attack else { return nil }
        let range = try material.sampleRange(from: from, to: to)
        return try StreamAttack(modelPath: try InstalledFiles.model(model)).apply(
            to: &material, range: range, attack: WindowAttack(attack, epsilon: epsilon), seed: 1)
    }

    static func describe(_ report: AttackedEpisode.Report, rate: Double, in name: String) -> String {
        let start = ClockTime(seconds: Double(report.range.lowerBound) / rate)
        let end = ClockTime(seconds: Double(report.range.upperBound) / rate)
        return
            "attacked \(report.beats.count) beats of \(name) from \(start) to \(end), no sample by more than "
            + "\(fixed(Double(report.largestPerturbation), 4)) of its window"
    }
}

/// How a CSV file is to be read, where it does not say so itself.
struct CSVImportOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Sampling rate of a CSV file without a column of times, in Hz.", valueName: "rate"))
    var csvRate: Double?

    @Option(help: ArgumentHelp("Unit of a CSV file that names none: uV, mV (the default) or V.", valueName: "unit"))
    var csvUnit: String?

    mutating func validate() throws {
        if let csvRate, !SignalLimits.samplingRates.contains(csvRate) {
            throw ValidationError("--csv-rate takes 100 to 2000")
        }
        if let csvUnit, !["uV", "mV", "V"].contains(csvUnit) { throw ValidationError("--csv-unit takes uV, mV or V") }
    }

    /// The record as WFDB, with what was left out told on standard error.
    func open(_ path: String) throws(ToolError) -> ImportedRecord {
        let imported = try ImportedRecord(path, csv: .init(samplingRate: csvRate, unit: csvUnit))
        for note in imported.notes { Terminal.note(note) }
        return imported
    }
}
