import Foundation
internal import StateCoding

/// Notices ECG that was received before: a loop, or a recording of the same patient played back.
///
/// A heart never repeats itself. The intervals between its beats and the heights of its R waves vary a little from beat
/// to beat, so a long series in which all of them come a second time is no coincidence. Each new beat is compared with
/// those of about the last quarter of an hour; a series that runs parallel to an earlier one collects evidence in bits:
///
///     bits of a matching beat <- min(4, -log2(chance that a beat matches another of this patient's by accident))
///
/// The chance is measured on the patient, as the greatest of three: how often beats match any other, how often they match
/// one of the last `localBeats` (a tachycardia that has just begun is regular), and how often two match that follow two
/// that match (rhythms such as bigeminy repeat their pattern). So a rhythm without variation, such as a
/// pacemaker's or a simulator's, gives no evidence, and nothing is said about it. A beat that does not match takes
/// `missBits` away, so a few beats may be changed by noise.
///
/// The comparison is of times and heights, not of samples: it holds for ECG that was resampled, requantised, filtered
/// or mixed with a little noise before it was played back.
struct ReplayRule: Sendable, Codable, RangeChecked {
    /// Earlier beats that are remembered, about a quarter of an hour.
    static let capacity = 1_024
    /// Intervals match if they differ by at most this many s.
    static let intervalTolerance = 0.004
    /// Heights match if they differ by at most this share, or by this many mV.
    static let heightTolerance: Float = 0.02
    static let minimumHeightTolerance: Float = 0.02
    /// Evidence in bits at which a replay is suspected. On the annotated beats of every second record of mitdb, svdb and
    /// qtdb (28.5 h) the evidence never exceeded 29.
    static let raiseBits = 40
    /// Evidence at or below which it is withdrawn, after `calmBeatsToWithdraw` beats.
    static let withdrawBits = 10
    static let calmBeatsToWithdraw = 10
    private static let maximumBits: Float = 4
    private static let missBits = 4
    /// Series with less evidence than this count as accidental when the chance of a match is measured.
    private static let accidentalBits = 12
    /// The newest beats, with which nothing is compared: a series runs parallel to itself.
    private static let newestBeats = 8
    private static let localBeats = 32
    /// Evidence is counted in half bits, in the upper seven bits of a byte; the lowest bit says that the beat matched.
    private static let unitsPerBit = 2
    private static let maximumEvidence = 127
    /// The greatest evidence that is counted, in bits.
    static let maximumBitsShown = 63
    /// Units of the remembered intervals and heights.
    private static let intervalUnit = 1e-4
    private static let heightUnit: Float = 1e-3
    /// Weight that the measured chance keeps with each beat.
    private static let remembering: Float = 0.99

    /// What a beat changed.
    enum Change: Equatable {
        case raised
        case withdrawn
    }

    /// What seems to be played back.
    struct Extent: Sendable, Codable, Equatable {
        /// Beats of the series, and how long before it was first received.
        var beats = 0
        var secondsAgo: Double = 0
        /// Seconds from its first beat to its last.
        var seconds: Double = 0
        /// In bits.
        var evidence = 0
    }

    // Rings, in parallel: one value for each beat. -1: the interval is not known.
    private var intervals: [Int16] = []
    private var heights: [Int16] = []
    private var evidence: [UInt8] = []
    private var next = 0
    /// Accidental matches that followed one, and how many could have.
    private var repeatedMatches: Float = 1
    private var possibleMatches: Float = 4
    private var calmBeats = 0
    private(set) var isActive = false
    private(set) var extent = Extent()

    var isInRange: Bool {
        intervals.count <= Self.capacity && heights.count == intervals.count && evidence.count == intervals.count
            && (0...max(0, intervals.count - 1)).contains(next) && calmBeats >= 0 && possibleMatches >= 1
            && repeatedMatches >= 0
    }

    /// Heap memory, in bytes.
    var heapBytes: Int { 2 * (intervals.capacity + heights.capacity) + evidence.capacity }

    /// The session ends. What is remembered stays: a recording may be played back in a session of its own.
    ///
    /// - Returns: whether a suspicion ends with it.
    mutating func endSession() -> Bool {
        defer { isActive = false }
        return isActive
    }

    /// Processes the next beat.
    ///
    /// - Parameters:
    ///   - interval: since the beat before, in s; nil if unknown: it matches no other.
    ///   - height: of the R wave, in mV.
    mutating func beat(interval: Double?, height: Float) -> Change? {
        let interval = interval.flatMap { Int16(exactly: ($0 / Self.intervalUnit).rounded()) } ?? -1
        let bounded = height.isFinite ? min(max(height / Self.heightUnit, -32_000), 32_000) : 0
        let height = Int16(bounded.rounded())
        let best = compare(interval, height)
        remember(interval, height)
        guard isActive else {
            guard let best, Int(evidence[best] >> 1) >= Self.raiseBits * Self.unitsPerBit else { return nil }
            (isActive, calmBeats) = (true, 0)
            measure(from: best)
            return .raised
        }
        if let best, Int(evidence[best] >> 1) > Self.withdrawBits * Self.unitsPerBit {
            calmBeats = 0
            measure(from: best)
            return nil
        }
        calmBeats += 1
        guard calmBeats >= Self.calmBeatsToWithdraw else { return nil }
        isActive = false
        return .withdrawn
    }

    /// Compares a beat with all that are remembered.
    ///
    /// - Returns: the place of the one that ends the series with the most evidence.
    private mutating func compare(_ interval: Int16, _ height: Int16) -> Int? {
        let count = intervals.count
        guard count > 2 * Self.newestBeats else { return nil }
        let tolerance = Int32((Self.intervalTolerance / Self.intervalUnit).rounded())
        let reach = Int32(
            max(Self.heightTolerance * abs(Float(height)), Self.minimumHeightTolerance / Self.heightUnit))
        let accidental = UInt8(Self.accidentalBits * Self.unitsPerBit) << 1
        let isFull = count == Self.capacity
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { matches in
            // Without branches, so that the compiler takes many beats at a time.
            var (all, alike, chances, repeats): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
            intervals.withUnsafeBufferPointer { intervals in
                heights.withUnsafeBufferPointer { heights in
                    for place in 0..<count {
                        let isKnown = (interval > 0) && (intervals[place] > 0)
                        let isNear = abs(Int32(intervals[place]) &- Int32(interval)) <= tolerance
                        let isAsHigh = abs(Int32(heights[place]) &- Int32(height)) <= reach
                        matches[place] = (isKnown ? 1 : 0) & (isNear ? 1 : 0) & (isAsHigh ? 1 : 0)
                    }
                }
            }
            evidence.withUnsafeBufferPointer { evidence in
                func count(_ place: Int, after before: UInt8) {
                    let counts: Int32 = before < accidental ? 1 : 0
                    let match = counts & Int32(matches[place])
                    let followed = counts & Int32(before & 1)
                    all &+= counts
                    alike &+= match
                    chances &+= followed
                    repeats &+= followed & match
                }
                count(0, after: isFull ? evidence[evidence.count - 1] : 0)
                for place in 1..<evidence.count { count(place, after: evidence[place - 1]) }
            }
            let newest = isFull ? (next + count - 1) % count : count - 1
            let local = Int32(min(count, Self.localBeats))
            var localAlike: Int32 = 0
            for age in 0..<Int(local) { localAlike &+= Int32(matches[(newest - age + count) % count]) }
            let chance = max(
                Float(alike + 1) / Float(all + 2), Float(localAlike + 1) / Float(local + 4),
                repeatedMatches / possibleMatches)
            let bits = min(Self.maximumBits, -log2f(min(chance, 1)))
            repeatedMatches = Self.remembering * repeatedMatches + Float(repeats)
            possibleMatches = max(1, Self.remembering * possibleMatches + Float(chances))
            return add(Int(bits * Float(Self.unitsPerBit)), matches, isFull)
        }
    }

    /// Moves the evidence of each series on to the next beat.
    private mutating func add(_ units: Int, _ matches: UnsafeMutableBufferPointer<UInt8>, _ isFull: Bool) -> Int? {
        let count = intervals.count
        var (best, most): (Int?, UInt8) = (nil, 0)
        let last = evidence[count - 1]
        let newest = isFull ? (next + count - 1) % count : count - 1
        for place in stride(from: count - 1, through: 0, by: -1) {
            let before = Int((place > 0 ? evidence[place - 1] : isFull ? last : 0) >> 1)
            let now =
                matches[place] == 1
                ? UInt8(min(before + units, Self.maximumEvidence)) << 1 | 1
                : UInt8(max(before - Self.missBits * Self.unitsPerBit, 0)) << 1
            evidence[place] = now
            let age = (newest - place + count) % count
            if age >= Self.newestBeats, now > most { (best, most) = (place, now) }
        }
        return best
    }

    private mutating func remember(_ interval: Int16, _ height: Int16) {
        guard intervals.count == Self.capacity else {
            // All at once, so that a stream does not grow.
            intervals.reserveCapacity(Self.capacity)
            heights.reserveCapacity(Self.capacity)
            evidence.reserveCapacity(Self.capacity)
            intervals.append(interval)
            heights.append(height)
            evidence.append(0)
            return
        }
        (intervals[next], heights[next], evidence[next]) = (interval, height, 0)
        next = (next + 1) % Self.capacity
    }

    /// Follows a series back to its beginning. The newest beat is already remembered.
    private mutating func measure(from place: Int) {
        let count = intervals.count
        let newest = count == Self.capacity ? (next + count - 1) % count : count - 1
        let lag = (newest - place + count) % count
        let tolerance = Int32((Self.intervalTolerance / Self.intervalUnit).rounded())
        var (beats, misses, seconds, ago) = (0, 0, 0.0, 0.0)
        var (length, total) = (0, 0.0)
        while length + lag < count, misses < 3 {
            let mine = intervals[(newest - length + count) % count]
            let other = intervals[(place - length + count) % count]
            total += max(0, Double(mine)) * Self.intervalUnit
            length += 1
            if mine > 0, other > 0, abs(Int32(mine) - Int32(other)) <= tolerance {
                misses = 0
                (beats, seconds) = (length, total)
            } else {
                misses += 1
            }
        }
        for back in 0..<lag { ago += max(0, Double(intervals[(newest - back + count) % count])) * Self.intervalUnit }
        extent = Extent(beats: beats, secondsAgo: ago, seconds: seconds, evidence: Int(evidence[place] >> 1) / 2)
    }
}
