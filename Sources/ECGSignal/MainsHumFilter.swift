import Foundation
public import StateCoding

/// Removes mains hum of 50 and 60 Hz from a signal at 360 Hz if there is any; otherwise the samples pass unchanged.
///
/// A sine subtractor rather than a notch: the amplitude and phase of each of the two tones are tracked (least mean
/// squares on two weights per tone; Widrow et al., Proc IEEE 63(12), 1975), and a tone is subtracted only while it is
/// larger than `onAmplitude`. A clean signal therefore stays bit-identical, and a QRS complex does not ring as it would
/// in a notch. The tracker works on the second difference over +-2 samples, in which the ECG is small, and its error is
/// bounded, so that a beat hardly moves the weights. Hum that is 0.1 Hz off its nominal frequency is reduced to a fifth
/// of its amplitude.
public struct MainsHumFilter: Sendable, Codable, RangeChecked {
    /// A tone is subtracted once its amplitude in millivolts has been above this for a second...
    static let onAmplitude: Float = 0.05
    /// ...and no longer once it is below this.
    static let offAmplitude: Float = 0.03
    /// It is not subtracted above this either: the electrode then picks up more hum than heart, and that must be
    /// reported.
    static let largestAmplitude: Float = 0.6
    /// Time constant of the tracking, in s.
    static let timeConstant: Float = 0.3
    /// Maximum error in millivolts that the tracking accepts beyond the expected value of the tones.
    static let largestError: Float = 0.4
    /// Both tones repeat after this many samples, five and six periods respectively.
    static let period = 36
    /// Number of 0.1-s periods above the limit that switch a tone on.
    static let onPeriods = 10

    /// 50 and 60 Hz.
    private typealias Pair = SIMD2<Float>

    private static let turnCosine = Pair(tones { cos($0) })
    private static let turnSine = Pair(tones { sin($0) })
    /// From the second difference to the signal: two samples ahead, divided by the gain.
    private static let backCosine = Pair(tones { cos(2 * $0) / gain($0) })
    private static let backSine = Pair(tones { sin(2 * $0) / gain($0) })
    private static let gains = Pair(tones { abs(gain($0)) })

    private static func tones(_ value: (Double) -> Double) -> [Float] {
        [50.0, 60].map { Float(value(2 * .pi * $0 / InternalSampling.rate)) }
    }
    /// Gain of x(n) - 2 x(n-2) + x(n-4) about its centre, at an angle per sample.
    private static func gain(_ angle: Double) -> Double { 2 * cos(2 * angle) - 2 }

    /// Constants, kept at hand where they are used.
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
    /// The last four samples, newest last.
    private var last = SIMD4<Float>(repeating: 0)
    private var position = 0
    private var hasBegun = false

    public init() {}

    /// Restarts, as after a gap.
    public mutating func reset() { self = MainsHumFilter() }

    public var isInRange: Bool { (0..<Self.period).contains(position) }

    /// Whether a tone is being removed now.
    public var isRemoving: Bool { isOn != Pair(repeating: 0) }

    /// Takes one sample in millivolts and returns it without the hum, if there is any. A value that is not finite is
    /// returned unchanged.
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
        // The phases are back at their start, so rounding errors do not accumulate.
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
