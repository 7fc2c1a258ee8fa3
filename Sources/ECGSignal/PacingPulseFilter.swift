public import StateCoding

/// A pacemaker's pulse as it appears in the samples.
public struct PacingPulse: Sendable, Equatable, Codable {
    /// How many samples before the latest one the pulse has its extreme value.
    public var samplesAgo: Int
    /// Its extreme value above (or, negative, below) the signal just before it, in mV.
    public var height: Float
    /// How many samples exceed half of its height.
    public var sampleCount: Int

    public init(samplesAgo: Int, height: Float, sampleCount: Int) {
        self.samplesAgo = samplesAgo
        self.height = height
        self.sampleCount = sampleCount
    }
}

/// Removes the pulses of a pacemaker, so that they are not taken for QRS complexes, and reports them.
///
/// At the electrodes a pulse lasts 0.1 to 2 ms. A front end that samples a few hundred times a second smears it over
/// about 10 ms, often with ringing before and after it. A QRS complex lasts at least 40 ms, so a triangular one is 20 ms
/// wide at half its height. Hence a deflection is a pulse if
///
/// - its largest lobe is at most 11 ms wide at half its height;
/// - no lobe of the other polarity has more than 40 % of its height, or there are three lobes or more, the largest at
///   most 9 ms wide (ringing: a QRS complex of three such lobes would last less than 40 ms);
/// - the signal returns at least half of the way to its earlier level within 60 ms and rests there for 8 ms: the q or r
///   of a QRS complex is as narrow, but it is followed at once by a larger wave;
/// - the 20 ms before it are level: it is not the apex or a notch of a QRS complex;
/// - it is 0.2 mV high or more, and 15 times the signal's usual change in 4 ms: it is not noise;
/// - of the waves of its height, those that are a little too wide for a pulse do not prevail: the narrowest of a
///   patient's R waves are as narrow as the widest pulses.
///
/// Samples are held back from the first steep step until it is known whether this is a pulse, 60 ms at most; all others
/// pass at once. The pulse is replaced by a straight line.
///
/// A large pulse may leave the amplifier with an offset that decays within 100 ms (IEC 60601-2-27 tests with up to 2
/// mV). After a pulse of at least `tailHeight` that offset is subtracted as far as the signal moves back towards its
/// earlier level.
public struct PacingPulseFilter: Sendable, Codable {
    /// Below this rate a pulse and the apex of a QRS complex cannot be told apart.
    public static let minimumRate = 240.0
    /// Width at half height of the largest lobe, in s: alone, and with ringing.
    static let maximumWidth = 0.011
    static let maximumRingingWidth = 0.009
    /// Up to this width, in s, a wave that is no pulse says that others of its height are none either, unless they are
    /// narrower than `certainWidth`.
    static let waveWidth: Float = 0.022
    static let certainWidth: Float = 0.009
    private static let mostVotes = 8
    /// The same for a pulse that resembles those of the patient's pacemaker.
    static let expectedWidth = 0.013
    static let likeness: Float = 1.25
    /// The largest lobe of the other polarity without ringing, as a share of the pulse's height; the changes of polarity
    /// that make a ringing, and the smallest lobe that counts for them.
    static let oppositeShare: Float = 0.4
    static let ringingChanges = 2
    static let ringingShare: Float = 0.08
    /// The signal returns to within this share of the pulse's height, and moves by at most `restShare` of it for
    /// `quietSeconds` then, and in the `calmSeconds` before.
    static let returnShare: Float = 0.5
    static let restShare: Float = 0.3
    /// The pulse is over where the signal has come within this share of its height of the level that follows.
    static let settledShare: Float = 0.05
    static let quietSeconds = 0.008
    static let maximumSeconds = 0.06
    /// Time without a steep step that must come before a pulse, in s.
    static let calmSeconds = 0.02
    /// A step within `lagSeconds` is steep from this many mV on, and from this many times the mean step.
    static let lagSeconds = 0.004
    static let minimumStep: Float = 0.12
    static let stepFactor: Float = 6
    static let minimumHeight: Float = 0.2
    static let heightFactor: Float = 15
    /// Seconds over which the mean step is taken.
    static let roughnessSeconds: Float = 0.25
    /// Pulses from this height on, in mV, that are at most this wide, in s, may leave an offset of at most this share.
    static let tailHeight: Float = 2
    static let tailWidth = 0.0085
    static let tailShare: Float = 0.3
    /// Time constant with which an offset that did not decay by itself is given up, in s.
    static let tailSeconds: Float = 1

    private static let capacity = 256

    /// In samples; all 0 until the rate is known.
    private var lag = 0
    private var quiet = 0
    private var longest = 0
    private var calm = 0
    private var rate: Float = 1
    /// The last samples; `position` is where the next one goes.
    private var ring = InlineArray<256, Float>(repeating: 0)
    private var position = 0
    /// Samples in the ring, at most `capacity`.
    private var filled = 0
    /// Samples held back.
    private var held = 0
    /// Samples since the last steep step.
    private var calmFor = 0
    /// Level before the samples held back, and their extreme deviation from it.
    private var base: Float = 0
    private var extreme: Float = 0
    private var quietFor = 0
    /// Mean absolute step within `lagSeconds`, in mV.
    private var roughness: Float = 0
    /// Height of the pulses of the patient's pacemaker, in mV; 0: none is known. Pulses of this height are recognized
    /// even if they are somewhat wider than others may be.
    public var expectedHeight: Float = 0
    /// Waves of about this height, in mV: how many more of them were too wide for a pulse than were not.
    private var waveHeight: Float = 0
    private var waveVotes = 0
    /// Offset that a pulse has left, and the signal smoothed over `lagSeconds`, in mV.
    private var tail: Float = 0
    private var smooth: Float = 0
    private var tailBase: Float = 0
    /// Samples for which the offset is still settling: the front end rings.
    private var settling = 0

    public init() {}

    /// Restarts, with a rate in samples per second.
    public mutating func reset(samplingRate: Double) {
        self = PacingPulseFilter()
        guard samplingRate >= Self.minimumRate, samplingRate <= 2_000 else { return }
        func samples(_ seconds: Double) -> Int { Int((seconds * samplingRate).rounded()) }
        lag = max(1, samples(Self.lagSeconds))
        quiet = max(2, samples(Self.quietSeconds))
        longest = samples(Self.maximumSeconds)
        calm = samples(Self.calmSeconds)
        rate = Float(samplingRate)
    }

    /// Takes a sample that can be passed on at once, as nearly all can.
    ///
    /// - Parameter sample: in mV, finite.
    /// - Returns: what to pass on; nil: nothing has been taken, and the sample has to go through `step`.
    @inline(__always)
    public mutating func stepAtOnce(_ sample: Float) -> Float? {
        guard lag > 0 else { return sample }
        guard held == 0 else { return nil }
        let step = filled >= lag ? abs(sample - ring[(position - lag) & 255]) : 0
        let isSteep = step > Self.minimumStep && step > Self.stepFactor * roughness
        if isSteep, calmFor >= calm, filled + 1 >= calm + 2 * lag { return nil }
        add(sample)
        calmFor = isSteep ? 0 : min(calmFor + 1, 4_000)
        roughness += (step - roughness) / (Self.roughnessSeconds * rate)
        return withoutTail(sample)
    }

    @inline(__always)
    private mutating func add(_ sample: Float) {
        ring[position & 255] = sample
        position = (position + 1) & 255
        filled = min(filled + 1, Self.capacity)
    }

    /// Takes one sample and passes on those that are ready, in order.
    ///
    /// - Parameters:
    ///   - sample: in mV, finite.
    ///   - pass: called with each sample that is passed on.
    /// - Returns: the pulse, if this sample completes one.
    @inline(__always)
    public mutating func step(_ sample: Float, pass: (Float) -> Void) -> PacingPulse? {
        guard lag > 0 else {
            pass(sample)
            return nil
        }
        let step = filled >= lag ? abs(sample - ring[(position - lag) & 255]) : 0
        add(sample)
        let isSteep = step > Self.minimumStep && step > Self.stepFactor * roughness
        if held == 0 {
            if isSteep, calmFor >= calm, filled >= calm + 2 * lag {
                beginHolding(sample)
            } else {
                calmFor = isSteep ? 0 : min(calmFor + 1, 4_000)
                roughness += (step - roughness) / (Self.roughnessSeconds * rate)
                output(sample, pass)
            }
            return nil
        }
        return stepHolding(sample, pass)
    }

    /// Passes on the samples held back, unchanged: no more samples follow.
    public mutating func flush(pass: (Float) -> Void) {
        for back in stride(from: held, to: 0, by: -1) { output(ring[(position - back) & 255], pass) }
        held = 0
        calmFor = 0
    }

    private mutating func output(_ sample: Float, _ pass: (Float) -> Void) { pass(withoutTail(sample)) }

    /// A sample without the offset that a pulse has left.
    private mutating func withoutTail(_ sample: Float) -> Float {
        if tail != 0 {
            smooth += (sample - smooth) / Float(lag)
            // An offset decays towards the earlier level; whatever moves away from it is the heart.
            let left = (smooth - tailBase) * (tail < 0 ? -1 : 1)
            if settling > 0 {
                settling -= 1
                tail = max(-Self.tailShare * abs(extreme), min(Self.tailShare * abs(extreme), sample - tailBase))
            } else if left < abs(tail) {
                tail = max(0, left) * (tail < 0 ? -1 : 1)
            }
            tail -= tail / (Self.tailSeconds * rate)
            if abs(tail) < 1e-3 { tail = 0 }
        }
        return sample - tail
    }

    private mutating func beginHolding(_ sample: Float) {
        // The samples of the last `lag` may already belong to the pulse; the two before them do not.
        base = (ring[(position - 1 - lag) & 255] + ring[(position - 2 - lag) & 255]) / 2
        held = 1
        extreme = sample - base
        quietFor = 0
    }

    private mutating func stepHolding(_ sample: Float, _ pass: (Float) -> Void) -> PacingPulse? {
        held += 1
        let deviation = sample - base
        if abs(deviation) > abs(extreme) { extreme = deviation }
        quietFor = abs(deviation) <= Self.returnShare * abs(extreme) ? quietFor + 1 : 0
        if quietFor >= quiet, !isStillRinging {
            let pulse = measure()
            if pulse == nil { flush(pass: pass) } else { remove(pass) }
            return pulse
        }
        if held >= longest { flush(pass: pass) }
        return nil
    }

    /// Whether the signal still moves by more than it may within the time in which it should be quiet.
    private var isStillRinging: Bool {
        var (least, most) = (Float.infinity, -Float.infinity)
        for back in 1...quiet {
            let value = ring[(position - back) & 255]
            (least, most) = (min(least, value), max(most, value))
        }
        return most - least > Self.restShare * abs(extreme)
    }

    private func deviation(_ back: Int) -> Float { ring[(position - back) & 255] - base }

    /// The samples held back as a pulse; nil if they are none.
    private mutating func measure() -> PacingPulse? {
        let height = abs(extreme)
        guard height >= Self.minimumHeight, height >= Self.heightFactor * roughness else { return nil }
        var apex = held
        var opposite: Float = 0
        var changes = 0
        var lobe: Float = 0
        for back in stride(from: min(held + calm, filled), to: 0, by: -1) {
            let value = deviation(back)
            if value == extreme, back <= held { apex = back }
            if value * extreme < 0 { opposite = max(opposite, abs(value)) }
            guard abs(value) > Self.ringingShare * height else { continue }
            if value * lobe < 0 { changes += 1 }
            lobe = value
        }
        let width = halfWidth(apex: apex)
        let isRinging = opposite > Self.oppositeShare * height && changes >= Self.ringingChanges
        let ratio = extreme / expectedHeight
        let isExpected = ratio < Self.likeness && ratio > 1 / Self.likeness
        guard isCalmBefore, isRinging || opposite <= Self.oppositeShare * height else { return nil }
        let limit = isRinging ? Self.maximumRingingWidth : isExpected ? Self.expectedWidth : Self.maximumWidth
        let isNarrow = width <= Float(limit)
        if !isRinging, !isExpected, width > Self.certainWidth, width <= Self.waveWidth {
            let areWaves = othersAreWaves
            vote(isNarrow ? -1 : 1)
            if areWaves { return nil }
        }
        guard isNarrow else { return nil }
        let left = deviation(1)
        tail =
            height >= Self.tailHeight && width <= Float(Self.tailWidth) && abs(left) <= Self.tailShare * height
            ? left : 0
        var count = 0
        for back in 1...held where abs(deviation(back)) > height / 2 { count += 1 }
        return PacingPulse(samplesAgo: apex - 1, height: extreme, sampleCount: count)
    }

    private var resemblesOthers: Bool {
        let ratio = extreme / waveHeight
        return ratio < Self.likeness && ratio > 1 / Self.likeness
    }

    private var othersAreWaves: Bool { waveVotes > 0 && resemblesOthers }

    /// Counts a wave, of the height of those before or of a new one.
    private mutating func vote(_ vote: Int) {
        if resemblesOthers {
            waveVotes = max(-Self.mostVotes, min(Self.mostVotes, waveVotes + vote))
            waveHeight += (extreme - waveHeight) / 4
        } else {
            (waveHeight, waveVotes) = (extreme, vote)
        }
    }

    /// Whether the signal was level before the samples held back.
    private var isCalmBefore: Bool {
        var (least, most) = (Float.infinity, -Float.infinity)
        for back in held + lag + 1...held + lag + calm {
            let value = ring[(position - back) & 255]
            (least, most) = (min(least, value), max(most, value))
        }
        return most - least <= Self.restShare * abs(extreme)
    }

    /// Width of the lobe at its half height, in s, interpolated between samples.
    private func halfWidth(apex: Int) -> Float {
        let half = abs(extreme) / 2
        let sign: Float = extreme < 0 ? -1 : 1
        func reach(_ direction: Int) -> Float {
            var back = apex
            var steps: Float = 0
            while true {
                let next = back + direction
                guard next >= 1, next <= min(held + lag, filled) else { return steps }
                let (here, there) = (sign * deviation(back), sign * deviation(next))
                if there <= half { return steps + (here - half) / (here - there) }
                steps += 1
                back = next
            }
        }
        return (reach(1) + reach(-1)) / rate
    }

    /// Passes on a straight line in place of the pulse.
    private mutating func remove(_ pass: (Float) -> Void) {
        // The samples that are already at rest are the heart's.
        var resting = 1
        let level = deviation(1)
        while tail == 0, resting < quietFor, abs(deviation(resting + 1) - level) <= Self.settledShare * abs(extreme) { resting += 1 }
        let end = deviation(resting) + base - tail
        let count = held - resting
        for index in 0..<count { pass(base + (end - base) * Float(index + 1) / Float(count + 1)) }
        let settled = tail
        smooth = ring[(position - 1) & 255]
        tailBase = base
        settling = tail == 0 ? 0 : quiet
        for back in stride(from: resting, to: 0, by: -1) { pass(ring[(position - back) & 255] - settled) }
        held = 0
        calmFor = 0
    }
}

extension PacingPulseFilter: RangeChecked {
    public var isInRange: Bool {
        (0...8).contains(lag) && (0...16).contains(quiet) && (0...120).contains(longest) && (0...40).contains(calm)
            && (1...2_000).contains(rate) && (0..<Self.capacity).contains(position)
            && (0...Self.capacity).contains(filled) && (0...max(0, longest - 1)).contains(held)
            && (0...max(0, longest - 1)).contains(quietFor) && (0...4_000).contains(calmFor) && roughness >= 0 && (0...16).contains(settling)
            && (lag > 0 || held == 0) && held <= filled
            && ring.indices.allSatisfy { abs(ring[$0]) <= 1e4 } && abs(base) <= 1e4 && abs(extreme) <= 2e4
            && abs(tail) <= 1e4 && abs(smooth) <= 1e4 && abs(tailBase) <= 1e4 && expectedHeight.isFinite
            && abs(waveHeight) <= 1e5 && (-Self.mostVotes...Self.mostVotes).contains(waveVotes)
    }
}
