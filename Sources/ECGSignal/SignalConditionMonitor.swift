public import StateCoding

/// Whether a signal is readable, and if not, what is wrong with it. Ordered by precedence: the first condition that
/// applies is the one reported.
public enum SignalCondition: UInt8, Sendable, CaseIterable, Codable {
    case good
    /// The source reports that an electrode is off.
    case leadOff
    /// Samples are not a number or infinite.
    case invalidSamples
    /// The signal stands still far from its usual level, or at an end of its converter's range, as a converter or
    /// amplifier at its limit does.
    case saturation
    /// For seconds, no change beyond the converter's last digits: a shorted or dead input.
    case flatLine
    /// So much muscle, mains or electrode-motion noise, or such a fast drift, that beats found in it, or their absence,
    /// are doubtful.
    case noisy
}

/// Monitors one stream at 360 Hz for conditions under which no conclusion may be drawn from it.
///
/// The signal is evaluated in blocks of 125 ms, counted from the last reset, by rules with hysteresis. A change is
/// therefore detected at a definite sample, whatever sample blocks the signal arrived in. Lead-off and samples that are
/// not a number take effect at once.
public struct SignalConditionMonitor: Sendable, Codable, RangeChecked {
    /// A change of condition, reported once.
    public struct Change: Sendable, Equatable {
        /// The condition from now on.
        public var condition: SignalCondition
        /// The sample at which the new condition began.
        public var sinceIndex: Int64
        /// The sample at which it became known.
        public var knownAtIndex: Int64

        public init(condition: SignalCondition, sinceIndex: Int64, knownAtIndex: Int64) {
            self.condition = condition
            self.sinceIndex = sinceIndex
            self.knownAtIndex = knownAtIndex
        }
    }

    /// Measurements of one block of 125 ms.
    private struct Block: Sendable, Codable {
        var minimum: Float = 0
        var maximum: Float = 0
        /// Mean absolute second difference over four samples: large in muscle and mains noise, small in the ECG between
        /// beats.
        var roughness: Float = 0
        /// Samples in runs of equal values far from 0.
        var pinned: Int32 = 0
    }

    static let blockLength = 45
    static let blockCount = 16
    /// Lead-off and invalid samples end once there have been none for this long.
    static let recoverySamples: Int64 = 360
    /// Flat: a range of at most this over 2 s...
    static let flatRange: Float = 0.02
    /// ...and no longer flat once the range exceeds this within half a second.
    static let livelyRange: Float = 0.06
    /// This many equal samples in a row count as pinned if they are this far, in mV, from the signal's usual level: an
    /// electrode's offset, 300 mV and more at a DC-coupled input, is not saturation.
    static let pinnedRun: Int32 = 9
    static let pinnedLevel: Float = 2.5
    /// The usual level follows each block by this fraction, and so within 2 s.
    static let levelShare: Float = 1 / 16
    /// A sample this close to an end of the converter's range, as a fraction of it, counts as being at that end.
    static let railShare: Float = 0.002
    static let equalWithin: Float = 0.003
    /// Noise in the quietest of the last 16 blocks: limits for on and off.
    static let noisyRoughness: Float = 0.12
    static let quietRoughness: Float = 0.08
    /// The detector's noise ratio: on after this much for 2 s, off below the second value.
    static let noisyRatio: Float = 0.35
    static let quietRatio: Float = 0.2
    /// Signal range over 2 s that no ECG has: limits for on and off.
    static let wildRange: Float = 12
    static let calmRange: Float = 9
    /// Drift: the signal moves in one direction for this many blocks (a second), by at least this many millivolts. That
    /// is an electrode that moved or came off while the amplifier's coupling discharges; with a beat in between, the
    /// signal would turn back.
    static let driftBlocks: Int32 = 8
    static let driftRange: Float = 0.8
    /// Number of blocks (2 s) for which a drift still counts after its end.
    static let driftHold: Int32 = 16

    /// The current condition.
    public private(set) var condition: SignalCondition = .good
    private var index: Int64 = 0
    @FullRange private var lastLeadOff: Int64 = .min
    @FullRange private var lastInvalid: Int64 = .min
    private var blocks = InlineArray<16, Block>(repeating: Block())
    private var blockNumber = 0
    private var current = Block()
    private var filled: Int32 = 0
    private var previous = InlineArray<8, Float>(repeating: 0)
    private var noisyRatioBlocks = 0
    /// Number of blocks in which the signal has moved in one direction, and the direction: 1 up, -1 down.
    private var driftRun: Int32 = 0
    private var driftWay: Int32 = 0
    private var driftStart: Float = 0
    private var driftLeft: Int32 = 0
    private var run: Int32 = 0
    private var runLevel: Float = 0
    /// The signal's usual level, in mV, and whether any activity has been seen there.
    private var level: Float = 0
    private var hasBeenLively = false
    /// Ends of the converter's range in mV, if the source reports them.
    private var lowestRail = -Self.noRail
    private var highestRail = Self.noRail
    private static let noRail: Float = 1e5
    private var judged: SignalCondition = .good
    private var judgedSince: Int64 = 0

    public init() {}

    /// Restarts after a gap: the next sample has index 0, and the condition is good until shown otherwise.
    public mutating func reset() {
        let (lowest, highest) = (lowestRail, highestRail)
        self = SignalConditionMonitor()
        (lowestRail, highestRail) = (lowest, highest)
    }

    /// The ends of the range of the source's converter, in mV; nil: unknown. Samples there are saturated, however
    /// briefly they stay.
    public mutating func setRange(_ range: ClosedRange<Float>?) {
        guard let range else {
            (lowestRail, highestRail) = (-Self.noRail, Self.noRail)
            return
        }
        let margin = Self.railShare * (range.upperBound - range.lowerBound)
        (lowestRail, highestRail) = (range.lowerBound + margin, range.upperBound - margin)
    }

    public var isInRange: Bool {
        func isPast(_ index: Int64) -> Bool { index == .min || (0..<self.index).contains(index) }
        return index >= 0 && isPast(lastLeadOff) && isPast(lastInvalid) && blockNumber >= 0
            && (0..<Int32(Self.blockLength)).contains(filled)
    }

    /// Processes one sample.
    ///
    /// - Parameters:
    ///   - millivolts: may be infinite or not a number.
    ///   - leadOff: the source's flag for this sample.
    ///   - noiseRatio: the detector's `noiseRatio` after this sample. It detects noise in the frequency range of the
    ///     beats, which cannot be distinguished from beats by the signal alone; 0 ignores it.
    /// - Returns: the new condition, if this sample changed it.
    public mutating func step(_ millivolts: Float, leadOff: Bool, noiseRatio: Float = 0) -> Change? {
        let n = index
        index += 1
        if leadOff { lastLeadOff = n }
        let value: Float
        if millivolts.isFinite {
            value = millivolts
        } else {
            lastInvalid = n
            value = n == 0 ? 0 : previous[Int((n - 1) & 7)]
        }
        if n == 0 {
            for slot in 0..<8 { previous[slot] = value }
            runLevel = value
            level = value
        }
        take(value, n)
        if filled == Int32(Self.blockLength) { closeBlock(n, noiseRatio) }

        let now: SignalCondition
        if lastLeadOff != .min, n - lastLeadOff < Self.recoverySamples {
            now = .leadOff
        } else if lastInvalid != .min, n - lastInvalid < Self.recoverySamples {
            now = .invalidSamples
        } else {
            now = judged
        }
        guard now != condition else { return nil }
        condition = now
        let since: Int64 =
            switch now {
            case .leadOff: lastLeadOff
            case .invalidSamples: lastInvalid
            default: min(n, max(judgedSince, max(lastLeadOff, lastInvalid) + 1))
            }
        return Change(condition: now, sinceIndex: since, knownAtIndex: n)
    }

    @inline(__always)
    private mutating func take(_ value: Float, _ n: Int64) {
        if filled == 0 {
            current = Block(minimum: value, maximum: value)
        } else {
            current.minimum = min(current.minimum, value)
            current.maximum = max(current.maximum, value)
        }
        // Second difference over +-2 samples: maximum gain at 90 Hz, a tenth of that at 20 Hz and below.
        let slot = Int(n & 7)
        let bend = value - 2 * previous[(slot + 6) & 7] + previous[(slot + 4) & 7]
        current.roughness += abs(bend)
        previous[slot] = value
        if abs(value - runLevel) <= Self.equalWithin {
            run = min(run + 1, 1_000_000)
            if abs(value - level) >= Self.pinnedLevel, run >= Self.pinnedRun {
                current.pinned += run == Self.pinnedRun ? Self.pinnedRun : 1
            }
        } else {
            run = 1
            runLevel = value
        }
        if value <= lowestRail || value >= highestRail { current.pinned += 1 }
        filled += 1
    }

    private mutating func closeBlock(_ n: Int64, _ noiseRatio: Float) {
        noisyRatioBlocks =
            noiseRatio >= (judged == .noisy ? Self.quietRatio : Self.noisyRatio) ? noisyRatioBlocks + 1 : 0
        current.roughness /= Float(Self.blockLength)
        if current.pinned == 0 {
            level += Self.levelShare * (0.5 * (current.minimum + current.maximum) - level)
            if current.maximum - current.minimum > Self.livelyRange { hasBeenLively = true }
        }
        followDrift()
        blocks[blockNumber & (Self.blockCount - 1)] = current
        blockNumber += 1
        filled = 0
        let next = judge()
        guard next != judged else { return }
        judged = next
        // A condition that is evaluated over 2 s has held for these 2 s; the return to good begins with the newest
        // block.
        let back = next == .good ? 1 : min(blockNumber, Self.blockCount)
        judgedSince = n + 1 - Int64(back * Self.blockLength)
    }

    /// Called before the current block is added to the others.
    private mutating func followDrift() {
        let before = blocks[(blockNumber - 1) & (Self.blockCount - 1)]
        var way: Int32 = 0
        if blockNumber > 0 {
            if current.minimum > before.minimum, current.maximum > before.maximum { way = 1 }
            if current.minimum < before.minimum, current.maximum < before.maximum { way = -1 }
        }
        let middle = 0.5 * (current.minimum + current.maximum)
        if way == 0 || way != driftWay {
            driftRun = 0
            driftStart = middle
        } else {
            driftRun += 1
        }
        driftWay = way
        if driftRun >= Self.driftBlocks, abs(middle - driftStart) >= Self.driftRange {
            driftLeft = Self.driftHold
        } else if driftLeft > 0 {
            driftLeft -= 1
        }
    }

    private func judge() -> SignalCondition {
        let count = min(blockNumber, Self.blockCount)
        var minimum = Float.infinity
        var maximum = -Float.infinity
        var recentMinimum = Float.infinity
        var recentMaximum = -Float.infinity
        var quietest = Float.infinity
        var pinned: Int32 = 0
        for back in 1...count {
            let block = blocks[(blockNumber - back) & (Self.blockCount - 1)]
            minimum = min(minimum, block.minimum)
            maximum = max(maximum, block.maximum)
            quietest = min(quietest, block.roughness)
            pinned += block.pinned
            if back <= 4 {
                recentMinimum = min(recentMinimum, block.minimum)
                recentMaximum = max(recentMaximum, block.maximum)
            }
        }
        let full = count == Self.blockCount
        // On after 0.25 s pinned within 2 s, off below 0.05 s.
        if pinned >= (judged == .saturation ? 18 : 90) { return .saturation }
        if judged == .flatLine
            ? recentMaximum - recentMinimum <= Self.livelyRange
            : full && maximum - minimum <= Self.flatRange
        {
            // If far from 0 from the first sample on, it is more likely a rail than a patient without a heartbeat.
            return !hasBeenLively && abs(level) >= Self.pinnedLevel ? .saturation : .flatLine
        }
        if driftLeft > 0 { return .noisy }
        let wasNoisy = judged == .noisy
        if noisyRatioBlocks >= (wasNoisy ? 1 : Self.blockCount) { return .noisy }
        if full || wasNoisy {
            if quietest > (wasNoisy ? Self.quietRoughness : Self.noisyRoughness) { return .noisy }
            if maximum - minimum > (wasNoisy ? Self.calmRange : Self.wildRange) { return .noisy }
        }
        return .good
    }
}
