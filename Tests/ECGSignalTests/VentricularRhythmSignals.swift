import Foundation

@testable import ECGSignal

/// Signals made of formulas, 40 s at 360 Hz, for which `Golden/ventricular-rhythm.json` holds what the reference
/// implementation in Python finds.
enum VentricularRhythmSignals {
    static let seconds = 40.0
    private static let count = 14_400

    /// A bell: height in mV, place after the R peak and width (standard deviation) in seconds.
    private typealias Wave = (height: Double, place: Double, width: Double)
    private static let narrow: [Wave] = [
        (0.12, -0.17, 0.025), (-0.1, -0.025, 0.009), (1.1, 0, 0.011), (-0.25, 0.028, 0.011), (0.3, 0.28, 0.05),
    ]
    private static let block: [Wave] = [(0.12, -0.2, 0.025), (0.9, 0, 0.03), (0.5, 0.06, 0.03), (-0.3, 0.32, 0.05)]
    private static let ventricular: [Wave] = [(1.2, 0, 0.05), (-0.9, 0.13, 0.06)]

    /// In mV, to four decimals.
    static func make(_ name: String) -> [Float] {
        let normal = beats(0.82, narrow, 0.03)
        let rest = [Double](repeating: 0, count: count)
        let wander = (0..<count).map { 0.15 * sin(1.6 * time($0)) }
        let sum: [Double]
        switch name {
        case "narrow": sum = add(add(normal, noise(1, 0.02)), wander)
        case "bundleBranchBlock": sum = add(beats(0.75, block, 0.02), noise(2, 0.02))
        case "tachycardia": sum = add(between(10, 28, beats(0.36, ventricular, 0.01), normal), noise(3, 0.02))
        case "fibrillation": sum = add(between(10, 28, fibrillation(), normal), noise(4, 0.02))
        case "fine": sum = add(fibrillation().map { 0.16 * $0 }, noise(5, 0.006))
        case "small": sum = add(beats(0.75, narrow, 0.03).map { 0.2 * $0 }, noise(6, 0.008))
        case "noise": sum = noise(7, 0.3)
        case "standstill": sum = between(15, 40, rest, normal)
        default: preconditionFailure("no signal named \(name)")
        }
        return sum.map { Float(($0 * 1e4).rounded(.toNearestOrEven) / 1e4) }
    }

    private static func time(_ index: Int) -> Double { Double(index) / 360 }

    private static func add(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

    private static func between(_ start: Double, _ end: Double, _ a: [Double], _ b: [Double]) -> [Double] {
        (0..<count).map { time($0) >= start && time($0) < end ? a[$0] : b[$0] }
    }

    /// Nearly normal: sums of four uniform numbers of a linear congruential generator (Knuth's MMIX).
    private static func noise(_ seed: UInt64, _ deviation: Double) -> [Double] {
        var state = seed
        return (0..<count).map { _ in
            var value = -2.0
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                value += Double(state >> 11) * 0x1p-53
            }
            return value * 1.732_050_8 * deviation
        }
    }

    private static func beats(_ interval: Double, _ waves: [Wave], _ jitter: Double) -> [Double] {
        var samples = [Double](repeating: 0, count: count)
        var beat = 0.4
        var number = 0.0
        while beat < seconds {
            for wave in waves {
                let first = ((beat + wave.place - 5 * wave.width) * 360).rounded(.up)
                let last = ((beat + wave.place + 5 * wave.width) * 360).rounded(.down)
                for index in stride(from: max(0, Int(first)), through: min(count - 1, Int(last)), by: 1) {
                    let place = (time(index) - beat - wave.place) / wave.width
                    samples[index] += wave.height * exp(-0.5 * place * place)
                }
            }
            beat += interval * (1 + jitter * sin(1.7 * number))
            number += 1
        }
        return samples
    }

    private static func fibrillation() -> [Double] {
        (0..<count).map {
            let time = time($0)
            let phase = 2 * .pi * 4.5 * time - 3.8 * cos(1.32 * time) - 7.1 * cos(0.44 * time + 1)
            return (0.5 + 0.25 * sin(1.9 * time)) * sin(phase) + 0.2 * sin(1.37 * phase + 1)
        }
    }
}

/// What the reference implementation finds in them.
struct VentricularRhythmReference: Decodable {
    struct Episode: Decodable {
        var kind: String
        /// Seconds; nil where it lasts to the end.
        var begin: Double
        var decided: Double
        var end: Double?
    }

    struct Signal: Decodable {
        var name: String
        /// In mV, a value a row.
        var height: [Float]
        var swing: [Float]
        var probabilities: [[Float]]
        /// Rows of which there are features.
        var rows: [Int]
        var features: [[Float]]
        var episodes: [Episode]
    }

    var features: [String]
    var signals: [Signal]

    static func read() throws -> Self {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "Golden/ventricular-rhythm.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    }
}
