import Foundation

/// Noise added to a simulated ECG. All amplitudes are in millivolts; 0 turns a kind off.
public struct SimulatedNoise: Sendable, Equatable {
    /// White noise, RMS amplitude.
    public var white: Double
    /// Baseline wander from breathing and electrodes, 0.05 to 0.4 Hz, peak amplitude.
    public var baselineWander: Double
    /// Mains interference: peak amplitude, and frequency in hertz.
    public var mains: Double
    public var mainsFrequency: Double
    /// Muscle noise, RMS amplitude during a burst: bursts of a few seconds, about half of the time.
    public var muscle: Double
    /// Electrode motion, RMS amplitude: slow random deflections of 0.5 to 8 Hz, which resemble beats.
    public var electrodeMotion: Double

    public init(
        white: Double = 0, baselineWander: Double = 0, mains: Double = 0, mainsFrequency: Double = 50,
        muscle: Double = 0, electrodeMotion: Double = 0
    ) {
        self.white = white
        self.baselineWander = baselineWander
        self.mains = mains
        self.mainsFrequency = mainsFrequency
        self.muscle = muscle
        self.electrodeMotion = electrodeMotion
    }

    /// No noise.
    public static let none = SimulatedNoise()
    /// Typical of a resting patient with good electrodes.
    public static let resting = SimulatedNoise(white: 0.01, baselineWander: 0.08, mains: 0.005)
}

/// Generates the noise, one sample per step.
struct NoiseGenerator: Sendable {
    private let noise: SimulatedNoise
    private let rate: Double
    private var index = 0
    private var wanderPhases = InlineArray<3, Double>(repeating: 0)
    private static let wanderFrequencies: InlineArray<3, Double> = [0.07, 0.17, 0.31]
    private var previousWhite = 0.0
    private var muscleGain = 0.0
    private var muscleTarget = 0.0
    private var muscleUntil = 0
    /// Two leaky integrators whose difference passes roughly 0.5 to 8 Hz.
    private var fast = 0.0
    private var slow = 0.0
    private let fastShare: Double
    private let slowShare: Double

    init(_ noise: SimulatedNoise, rate: Double, random: inout SeededGenerator) {
        self.noise = noise
        self.rate = rate
        for wave in 0..<3 { wanderPhases[wave] = 2 * .pi * random.uniform() }
        fastShare = 1 - exp(-2 * .pi * 8 / rate)
        slowShare = 1 - exp(-2 * .pi * 0.5 / rate)
    }

    mutating func next(_ random: inout SeededGenerator) -> Double {
        let time = Double(index) / rate
        index += 1
        var sum = 0.0
        if noise.white != 0 { sum += noise.white * random.normal() }
        if noise.baselineWander != 0 {
            for wave in 0..<3 {
                let angle = 2 * .pi * Self.wanderFrequencies[wave] * time + wanderPhases[wave]
                sum += noise.baselineWander / 3 * sin(angle)
            }
        }
        if noise.mains != 0 { sum += noise.mains * sin(2 * .pi * noise.mainsFrequency * time) }
        if noise.muscle != 0 {
            if index >= muscleUntil {
                muscleTarget = muscleTarget == 0 ? 1 : 0
                muscleUntil = index + Int((1 + 4 * random.uniform()) * rate)
            }
            muscleGain += (muscleTarget - muscleGain) * min(1, 8 / rate)
            // A first difference removes the low frequencies; its RMS is sqrt(2) times that of the white noise.
            let white = random.normal()
            sum += noise.muscle * muscleGain * (white - previousWhite) / 2.0.squareRoot()
            previousWhite = white
        }
        if noise.electrodeMotion != 0 {
            fast += fastShare * (random.normal() - fast)
            slow += slowShare * (fast - slow)
            // RMS of the first leaky integrator driven by unit white noise; slightly less after the second.
            let level = (fastShare / (2 - fastShare)).squareRoot()
            sum += noise.electrodeMotion * (fast - slow) / level
        }
        return sum
    }
}
