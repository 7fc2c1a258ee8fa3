public import EC57
import ECGReplay
import Foundation
public import ToolSupport

/// One kind of material for `evaluate noise`: original records, noise alone, or records with added noise.
public struct NoiseScenario: Sendable {
    /// The source of the signal.
    public enum Source: Sendable {
        case record
        /// A record of the noise stress database, without any ECG.
        case noiseAlone
        /// Added to the record at this signal-to-noise ratio in dB (`NoiseMixer`), in every other two minutes from 5:00
        /// on.
        case mixed(noise: String, decibels: Double)
        /// Mains hum with an amplitude in millivolts and a frequency in hertz, in the same segments.
        case mains(millivolts: Double, hertz: Double)
    }

    public var name: String
    public var source: Source
    public var records: [String]

    /// All scenarios of the evaluation: the original records, noise alone, and records with added noise and mains hum.
    ///
    /// - Parameters:
    ///   - names: records of a database at 360 Hz.
    ///   - ratios: signal-to-noise ratios in dB.
    ///   - mixedEvery: noise is added to every n-th record, where n is 1 or more.
    public static func list(records names: [String], decibels ratios: [Double], mixedEvery: Int) -> [NoiseScenario] {
        var list = [
            NoiseScenario(name: "records as they are", source: .record, records: names),
            NoiseScenario(name: "noise alone: bw", source: .noiseAlone, records: ["bw"]),
            NoiseScenario(name: "noise alone: em", source: .noiseAlone, records: ["em"]),
            NoiseScenario(name: "noise alone: ma", source: .noiseAlone, records: ["ma"]),
        ]
        let mixed = stride(from: 0, to: names.count, by: mixedEvery).map { names[$0] }
        for kind in ["em", "ma", "bw"] {
            for decibels in ratios {
                list.append(
                    NoiseScenario(
                        name: "\(kind) at \(fixed(decibels, 0)) dB", source: .mixed(noise: kind, decibels: decibels),
                        records: mixed))
            }
        }
        for hertz in [50.0, 60] {
            list.append(
                NoiseScenario(
                    name: "mains \(fixed(hertz, 0)) Hz, 0.2 mV", source: .mains(millivolts: 0.2, hertz: hertz),
                    records: mixed))
        }
        return list
    }

    /// Channel 0 of a record, with noise, and what is known about it.
    public struct Material: Sendable {
        public var millivolts: [Float]
        public var samplingRate: Double
        public var lead: String
        public var reference: EC57Reference?
    }

    /// The noise records, at their own rate of 360 Hz. They are uncalibrated; only `mixed` scales them.
    public struct NoiseRecords: Sendable {
        public var millivolts: [String: [Float]]

        public init(_ database: RecordDatabase) throws(ToolError) {
            millivolts = [:]
            for name in ["bw", "em", "ma"] {
                millivolts[name] = try RecordChannel(database.record(name), name: name).millivolts
            }
        }
    }

    /// Noise is on in every other two minutes from 5:00, as in the noise stress database.
    public static func isNoisy(_ seconds: Double) -> Bool {
        seconds >= 300 && (seconds - 300).truncatingRemainder(dividingBy: 240) < 120
    }

    /// The signal of one of the records.
    ///
    /// - Throws: `ToolError` if the record cannot be read, or is not at the noise's rate of 360 Hz.
    public func material(_ name: String, _ database: RecordDatabase, _ noise: NoiseRecords) throws(ToolError)
        -> Material
    {
        if case .noiseAlone = source {
            return Material(millivolts: noise.millivolts[name] ?? [], samplingRate: 360, lead: name, reference: nil)
        }
        let record = try database.record(name)
        let channel = try RecordChannel(record, name: name)
        let reference = try database.reference(name, for: record)
        var material = Material(
            millivolts: channel.millivolts, samplingRate: channel.samplingRate, lead: channel.lead, reference: reference
        )
        let rate = channel.samplingRate
        switch source {
        case .record, .noiseAlone: break
        case .mixed(let kind, let decibels):
            let added = noise.millivolts[kind] ?? []
            guard rate == 360 else {
                throw ToolError(
                    "record \(name) has \(rate) samples a second, the noise 360", nextStep: "Take records of the mitdb")
            }
            let gain = NoiseMixer.gain(
                ecg: channel.millivolts, rPeaks: reference.beats.map { Int($0.sampleIndex) }, noise: added,
                samplesPerSecond: 360, decibels: decibels)
            for index in material.millivolts.indices where Self.isNoisy(Double(index) / rate) {
                material.millivolts[index] += added[index % added.count] * Float(gain ?? 0)
            }
        case .mains(let millivolts, let hertz):
            for index in material.millivolts.indices where Self.isNoisy(Double(index) / rate) {
                material.millivolts[index] += Float(millivolts * sin(2 * .pi * hertz * Double(index) / rate))
            }
        }
        return material
    }
}
