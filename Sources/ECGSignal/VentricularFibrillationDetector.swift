import Foundation
public import StateCoding

/// Finds ventricular flutter and fibrillation in the signal itself, without beats: twice a second it looks at the last
/// 3 s.
///
/// Two published measures must agree:
///
/// - **VF-filter leakage** (Kuo & Dillman, Computers in Cardiology 1978: 347-349): a narrow band-stop filter whose
///   centre is the
///   signal's mean frequency, made by adding the signal to itself shifted by half a mean period. What a sinusoid, or a
/// fibrillation
///   that is nearly one, leaves behind is small. Limits of the paper: 0.406, and 0.625 where the amplitude is not
/// above that of the
///   QRS complexes before.
/// - **Threshold crossing sample count** (Arafat, Chowdhury & Hasan, Signal, Image and Video Processing 5, 2011:
///   1-10): the
///   share of samples, of a 3-s segment tapered at both ends by a quarter of a second, that lie beyond a fifth of its
/// largest.
///   QRS complexes are narrow and leave most samples near the baseline. The paper's limit: 48 %.
///
/// The signal is first filtered as in the literature on both (Amann, Tratnig & Unterkofler, BioMedical Engineering
/// OnLine 4:60,
/// 2005): high-pass of first order at 1 Hz, Butterworth low-pass of second order at 30 Hz, here at 120 Hz. Smaller
/// than 0.2 mV
/// from peak to peak, which counts as asystole (Kerber et al., Circulation 95, 1997: 1677-1682), and a mean frequency
/// outside
/// 2 to 9 Hz is nothing of the kind.
///
/// It is clear after two looks in a row with a leakage below 0.406, possible after seven with one below 0.625. How
/// many looks it
/// takes was chosen with record 207 of the MIT-BIH Arrhythmia Database in view, the only one there with flutter.
public struct VentricularFibrillationDetector: Sendable, Codable, RangeChecked {
    /// What the signal shows.
    public enum Finding: UInt8, Sendable, CaseIterable, Codable {
        /// Nothing of the kind.
        case none
        /// Fibrillation, or a ventricular tachycardia with complexes so wide that they look like it.
        case possible
        /// Flutter or fibrillation.
        case clear
    }

    /// Something changed, reported once.
    public struct Change: Sendable, Equatable {
        /// What the signal shows from now on.
        public var finding: Finding
        /// Where it began, or where it was last seen; 360-Hz samples since the last reset.
        public var sinceIndex: Int64
    }

    /// What one look saw.
    public struct Look: Sendable, Equatable, Codable {
        /// 0 (a sinusoid) to 1.
        public var leakage: Float
        /// 0 to 1.
        public var thresholdCrossingShare: Float
        /// Mean frequency in Hz.
        public var frequency: Float
        /// From peak to peak, in mV, after filtering.
        public var range: Float
    }

    /// Samples of 360 Hz that make one of 120 Hz.
    private static let decimation: Int64 = 3
    static let rate: Float = 120
    /// 3 s.
    static let windowLength = 360
    /// 0.5 s.
    private static let lookPeriod: Int64 = 60
    private static let taperLength = 30

    static let clearLeakage: Float = 0.406
    static let possibleLeakage: Float = 0.625
    static let crossingThreshold: Float = 0.2
    static let crossingShare: Float = 0.48
    static let frequencies: ClosedRange<Float> = 2...9
    static let minimumRange: Float = 0.2
    static let clearLooks = 2
    static let possibleLooks = 7

    public private(set) var finding = Finding.none
    /// The last look; nil before the first.
    public private(set) var lastLook: Look?

    private var sum: Float = 0
    private var taken: Int64 = 0
    private var window = InlineArray<360, Float>(repeating: 0)
    private var filtered: Int64 = 0
    /// Delayed values of the filters.
    private var highPassIn: Float = 0
    private var highPassOut: Float = 0
    private var lowPassIn = SIMD2<Float>(0, 0)
    private var lowPassOut = SIMD2<Float>(0, 0)
    private var clear = 0
    private var possible = 0
    private var possibleSince: Int64 = 0
    private var lastSeen: Int64 = 0

    public init() {}

    /// Starts again after an interruption: the next sample has index 0.
    public mutating func reset() { self = VentricularFibrillationDetector() }

    /// Starts again after an interruption of a second or two: the next sample has index 0, and what the looks before saw
    /// still counts, so that a link that breaks again and again does not hide fibrillation.
    public mutating func interrupt() {
        let (clear, possible) = (self.clear, self.possible)
        self = VentricularFibrillationDetector()
        (self.clear, self.possible) = (clear, possible)
    }

    public var isInRange: Bool { taken >= 0 && filtered >= 0 }

    /// Takes one sample at 360 Hz.
    /// - Parameter millivolts: finite.
    public mutating func step(_ millivolts: Float) -> Change? {
        sum += millivolts
        taken += 1
        guard taken % Self.decimation == 0 else { return nil }
        let mean = sum / Float(Self.decimation)
        sum = 0
        filter(mean)
        guard filtered >= Int64(Self.windowLength), filtered % Self.lookPeriod == 0 else { return nil }
        return judge(look())
    }

    private mutating func filter(_ value: Float) {
        // An offset must not look like a step.
        if filtered == 0 { highPassIn = value }
        // tan(pi / 120) and tan(30 pi / 120) by the bilinear transform.
        let high = 0.974_482 * (value - highPassIn) + 0.948_964 * highPassOut
        highPassIn = value
        highPassOut = high
        let low = 0.292_893 * (high + 2 * lowPassIn.x + lowPassIn.y) - 0.171_573 * lowPassOut.y
        lowPassIn = SIMD2(high, lowPassIn.x)
        lowPassOut = SIMD2(low, lowPassOut.x)
        window[Int(filtered % Int64(Self.windowLength))] = low
        filtered += 1
    }

    /// The sample `index` (0: oldest) of the window.
    private func sample(_ index: Int) -> Float {
        window[Int((filtered + Int64(index)) % Int64(Self.windowLength))]
    }

    private func look() -> Look {
        let count = Self.windowLength
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { ordered in
            var absolute: Float = 0
            var change: Float = 0
            var least = Float.infinity
            var greatest = -Float.infinity
            for index in 0..<count {
                let value = sample(index)
                ordered[index] = value
                absolute += abs(value)
                if index > 0 { change += abs(value - ordered[index - 1]) }
                least = min(least, value)
                greatest = max(greatest, value)
            }
            guard change > 0 else {
                return Look(leakage: 1, thresholdCrossingShare: 0, frequency: 0, range: 0)
            }
            // Half of the mean period, in samples.
            let period = (Float.pi * absolute / change + 0.5).rounded(.down)
            let half = period < Float(count / 2) ? max(1, Int(period)) : count / 2
            var left: Float = 0
            var all: Float = 0
            for index in half..<count {
                left += abs(ordered[index] + ordered[index - half])
                all += abs(ordered[index]) + abs(ordered[index - half])
            }
            return Look(
                leakage: all > 0 ? left / all : 1, thresholdCrossingShare: Self.crossings(ordered),
                frequency: Self.rate / Float(2 * half), range: greatest - least)
        }
    }

    /// Tapers the window in its place.
    private static func crossings(_ ordered: UnsafeMutableBufferPointer<Float>) -> Float {
        var largest: Float = 0
        for index in 0..<ordered.count {
            let edge = min(index, ordered.count - 1 - index)
            if edge < taperLength { ordered[index] *= 0.5 * (1 - cos(.pi * Float(edge) / Float(taperLength))) }
            largest = max(largest, abs(ordered[index]))
        }
        let limit = crossingThreshold * largest
        return Float(ordered.count { abs($0) > limit }) / Float(ordered.count)
    }

    private mutating func judge(_ look: Look) -> Change? {
        lastLook = look
        let now = taken - 1
        let isPossible =
            look.leakage < Self.possibleLeakage && look.thresholdCrossingShare > Self.crossingShare
            && Self.frequencies.contains(look.frequency) && look.range >= Self.minimumRange
        if isPossible {
            if possible == 0 { possibleSince = max(0, now - Int64(Self.windowLength) * Self.decimation) }
            possible += 1
            clear = look.leakage < Self.clearLeakage ? clear + 1 : 0
            lastSeen = now
        } else {
            possible = 0
            clear = 0
        }
        let new: Finding
        if !isPossible {
            new = .none
        } else if clear >= Self.clearLooks {
            new = .clear
        } else if finding == .none, possible >= Self.possibleLooks {
            new = .possible
        } else {
            new = finding
        }
        guard new != finding else { return nil }
        finding = new
        return Change(finding: new, sinceIndex: new == .none ? lastSeen : possibleSince)
    }
}
