import Foundation

/// The morphology of one simulated beat as a sum of Gaussians around the R apex (McSharry et al., IEEE TBME 50(3),
/// 2003, give such waves for sinus beats; the premature beats follow the textbook description of lead II).
struct SimulatedBeatShape: Sendable {
    /// One wave: amplitude in millivolts, centre and width (standard deviation) in seconds relative to the R apex.
    struct Wave: Sendable {
        var amplitude: Double
        var centre: Double
        var width: Double
    }

    /// At most six waves; unused ones have amplitude 0.
    private(set) var waves = InlineArray<6, Wave>(repeating: Wave(amplitude: 0, centre: 0, width: 1))
    private(set) var count = 0
    /// First and last time, in seconds relative to the R apex, at which the beat is visible.
    private(set) var start = 0.0
    private(set) var end = 0.0

    /// - Parameters:
    ///   - beat: class and timing.
    ///   - scale: amplitude of a normal R wave in millivolts.
    ///   - tWave: amplitude of a normal T wave relative to R.
    init(_ beat: PlannedBeat, scale: Double, tWave: Double, random: inout SeededGenerator) {
        let vary = 1 + 0.04 * max(-2, min(2, random.normal()))
        let amplitude = scale * vary * (beat.isInverted ? -1 : 1)
        // The T peak is at roughly 0.3 s for an RR interval of 1 s, earlier at fast rates (Bazett's square root,
        // bounded).
        let stretch = min(1.15, max(0.62, beat.interval.squareRoot()))
        switch beat.letter {
        case "V":
            // 160 ms wide, taller, discordant T, no P.
            add(1.5 * amplitude, 0, 0.023)
            add(0.7 * amplitude, 0.045, 0.025)
            add(-0.4 * amplitude, 0.110, 0.026)
            add(-0.55 * amplitude, 0.30 * stretch + 0.03, 0.060)
        case "S":
            // Conducted as usual but early, so its P wave differs and falls on the preceding T wave.
            if beat.hasPWave { add(0.09 * scale, -0.12, 0.016) }
            addNarrow(amplitude * 0.95, stretch, tWave * scale)
        default:
            if beat.hasPWave { add(0.14 * scale, -0.16, 0.022) }
            addNarrow(amplitude, stretch, tWave * scale)
        }
        centreApex()
        for index in 0..<count {
            start = min(start, waves[index].centre - 5 * waves[index].width)
            end = max(end, waves[index].centre + 5 * waves[index].width)
        }
    }

    private mutating func add(_ amplitude: Double, _ centre: Double, _ width: Double) {
        waves[count] = Wave(amplitude: amplitude, centre: centre, width: width)
        count += 1
    }

    private mutating func addNarrow(_ amplitude: Double, _ stretch: Double, _ tAmplitude: Double) {
        add(-0.10 * amplitude, -0.032, 0.008)
        add(amplitude, 0, 0.011)
        add(-0.22 * amplitude, 0.034, 0.010)
        // The T wave rises more slowly than it falls.
        add(tAmplitude * 0.6, 0.255 * stretch, 0.045 * stretch)
        add(tAmplitude * 0.7, 0.300 * stretch, 0.030 * stretch)
    }

    /// Value in millivolts at a time in seconds relative to the R apex.
    func value(_ time: Double) -> Double {
        var sum = 0.0
        for index in 0..<count {
            let wave = waves[index]
            let z = (time - wave.centre) / wave.width
            if abs(z) < 5 { sum += wave.amplitude * exp(-0.5 * z * z) }
        }
        return sum
    }

    /// Neighbouring waves shift the apex by a few milliseconds; this moves it back to time 0, so that labels are exact.
    private mutating func centreApex() {
        var low = -0.02
        var high = 0.02
        // Golden-section search: |value| has one maximum within +-20 ms.
        let ratio = 0.618_033_988_749_895
        while high - low > 1e-6 {
            let a = high - ratio * (high - low)
            let b = low + ratio * (high - low)
            if abs(value(a)) > abs(value(b)) { high = b } else { low = a }
        }
        let apex = 0.5 * (low + high)
        for index in 0..<count { waves[index].centre -= apex }
    }
}
