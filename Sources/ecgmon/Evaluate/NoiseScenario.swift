import ECGMonitor
import Foundation
import WFDB

/// One kind of material for `evaluate noise`: records as they are, noise alone, or records with noise mixed in.
struct NoiseScenario: Sendable {
    enum Source: Sendable {
        case record
        /// A record of the noise stress database, without any ECG.
        case noiseAlone
        /// Mixed into the record at so many decibels (`NoiseMixer`), in every other two minutes from 5:00 on.
        case mixed(noise: String, decibels: Double)
        /// Mains hum of an amplitude in millivolts and a frequency in hertz, in the same stretches.
        case mains(millivolts: Double, hertz: Double)
    }

    var name: String
    var source: Source
    var records: [String]

    /// Channel 0 of a record, with noise, and what is known of it.
    struct Material: Sendable {
        var millivolts: [Float]
        var samplingRate: Double
        var lead: String
        var reference: EC57Reference?
    }

    /// The noise records, at their own rate of 360 Hz. They are uncalibrated; only `mixed` gives them a size.
    struct NoiseRecords: Sendable {
        var millivolts: [String: [Float]]

        init(_ database: RecordDatabase) throws(ToolError) {
            millivolts = [:]
            for name in ["bw", "em", "ma"] {
                millivolts[name] = try RecordChannel(database.record(name), name: name).millivolts
            }
        }
    }

    /// Noise is on from 5:00 in every other two minutes, as in the noise stress database.
    static func isNoisy(_ seconds: Double) -> Bool {
        seconds >= 300 && (seconds - 300).truncatingRemainder(dividingBy: 240) < 120
    }

    func material(_ name: String, _ database: RecordDatabase, _ noise: NoiseRecords) throws(ToolError) -> Material {
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
