import Foundation
public import StateCoding

/// Takes mains hum of 50 and 60 Hz out of a signal at 360 Hz, where there is any; else the samples pass untouched.
///
/// A sine subtractor rather than a notch: the amplitude and phase of each of the two tones are tracked (least mean
/// squares on two weights a tone; Widrow et al., Proc IEEE 63(12), 1975), and a tone is subtracted only while it is
/// larger than `onAmplitude`. So a clean signal stays as it is, bit by bit, and a QRS complex does not ring as it would
/// in a notch. The tracking looks at the second difference over +-2 samples, in which the ECG is small, and its error
/// is bounded, so that a beat moves the weights by little. Hum that is 0.1 Hz off its nominal frequency is left with a
/// fifth of its amplitude.
public struct MainsHumFilter: Sendable, Codable, RangeChecked {
    /// A tone is subtracted when its amplitude in millivolts has been above this for a second...
    static let onAmplitude: Float = 0.05
    /// ...and no more when it is below this.
    static let offAmplitude: Float = 0.03
    /// Nor is it when it is above this: then the electrode picks up more hum than heart, and that is to be said.
    static let largestAmplitude: Float = 0.6
    /// Of the tracking, in s.
    static let timeConstant: Float = 0.3
    /// Error in millivolts that the tracking takes for real, beyond what the tones themselves are.
    static let largestError: Float = 0.4
    /// Both tones repeat after so many samples, of five and of six periods.
    static let period = 36
    /// Periods of 0.1 s above the limit that switch a tone on.
    static let onPeriods = 10

    /// 50 and 60 Hz.
    private typealias Pair = SIMD2<Float>

    private static let turnCosine = Pair(tones { cos($0) })
    private static let turnSine = Pair(tones { sin($0) })
    /// From the second difference to the signal: two samples on, and divided by the gain.
    private static let backCosine = Pair(tones { cos(2 * $0) / gain($0) })
    private static let backSine = Pair(tones { sin(2 * $0) / gain($0) })
    private static let gains = Pair(tones { abs(gain($0)) })

    private static func tones(_ value: (Double) -> Double) -> [Float] {
        [50.0, 60].map { Float(value(2 * .pi * $0 / InternalSampling.rate)) }
    }
    /// Of x(n) - 2 x(n-2) + x(n-4) about its centre, at an angle a sample.
    private static func gain(_ angle: Double) -> Double { 2 * cos(2 * angle) - 2 }

    /// What never changes, at hand where it is used.
    private struct Constants: Sendable, Renewable {
        let turn = (cosine: MainsHumFilter.turnCosine, sine: MainsHumFilter.turnSine)
        let back = (cosine: MainsHumFilter.backCosine, sine: MainsHumFilter.backSine)

        static var initialValue: Constants { Constants() }
    }

    @Uncoded private var constants = Constants()
    private var cosine = Pair(repeating: 1)
    private var sine = Pair(repeating: 0)
    private var inPhase = Pair(repeating: 0)
    private var quadrature = Pair(repeating: 0)
    /// 1 for a tone that is being subtracted.
    private var isOn = Pair(repeating: 0)
    private var loudPeriods = SIMD2<Int32>(repeating: 0)
    /// The last four samples, the newest last.
    private var last = SIMD4<Float>(repeating: 0)
    private var position = 0
    private var hasBegun = false

    public init() {}

    /// Starts again, as after a gap.
    public mutating func reset() { self = MainsHumFilter() }

    public var isInRange: Bool { (0..<Self.period).contains(position) }

    /// Whether a tone is being taken out now.
    public var isRemoving: Bool { isOn != Pair(repeating: 0) }

    /// Takes one sample in millivolts and gives it back, without the hum if there is any. A value that is not finite
    /// comes back as it is.
    @inline(__always)
    public mutating func step(_ millivolts: Float) -> Float {
        guard millivolts.isFinite else { return millivolts }
        if !hasBegun {
            hasBegun = true
            last = SIMD4(repeating: millivolts)
        }
        let (turn, back) = (constants.turn, constants.back)
        let bend = millivolts - 2 * last[2] + last[0]
        last = SIMD4(last[1], last[2], last[3], millivolts)
        let tones = inPhase * cosine + quadrature * sine
        let expected = tones.x + tones.y
        let limit = Self.largestError + abs(expected)
        let error = max(-limit, min(limit, bend - expected))
        let hum =
            isOn
            * (inPhase * (cosine * back.cosine - sine * back.sine) + quadrature
                * (sine * back.cosine + cosine * back.sine))
        let step = error * (2 / (Self.timeConstant * Float(InternalSampling.rate)))
        inPhase += step * cosine
        quadrature += step * sine
        let next = cosine * turn.cosine - sine * turn.sine
        sine = sine * turn.cosine + cosine * turn.sine
        cosine = next
        position += 1
        if position == Self.period { endPeriod() }
        return millivolts - (hum.x + hum.y)
    }

    private mutating func endPeriod() {
        position = 0
        // The phases are back where they began: rounding does not add up.
        cosine = Pair(repeating: 1)
        sine = Pair(repeating: 0)
        let amplitude = (inPhase * inPhase + quadrature * quadrature).squareRoot() / Self.gains
        for tone in 0..<2 {
            loudPeriods[tone] =
                amplitude[tone] > Self.onAmplitude ? min(loudPeriods[tone] + 1, Int32(Self.onPeriods)) : 0
            if loudPeriods[tone] == Self.onPeriods { isOn[tone] = 1 }
            if amplitude[tone] < Self.offAmplitude || amplitude[tone] > Self.largestAmplitude {
                isOn[tone] = 0
                loudPeriods[tone] = 0
            }
        }
    }
}
