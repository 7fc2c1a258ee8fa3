internal import CKernels
public import StateCoding

/// Recognises ventricular tachycardia and fibrillation from the signal itself, without beats: twice a second a network
/// of 1,220 weights evaluates 71 features of the last 3 s (`VentricularRhythmFeatures`, `VentricularRhythmWeights`).
/// `VentricularRhythmRule` turns the resulting estimates into alarms.
///
/// Signal path at 360 Hz: moving averages of 6 and 7 samples (zeros at 60 and 51.4 Hz, -3 dB at about 17 Hz),
/// decimation by three, a second-order Butterworth high-pass at 1 Hz, and for spectrum and periodicity moving averages
/// of 5 and 3 and another decimation by three. Everything but the share of flat samples is scale-free, so gain does not
/// matter.
///
/// Measured together with the rule on held-out records: on vfdb and cudb every episode of VT or VF of at least 10 s is
/// found, 3.7 s after its onset (median), and an alarm is active for 99.7 % of vfdb's and 90 % of cudb's time in VT or
/// VF. False alarms per hour: 0.7 on vfdb and 9 on cudb, half of which are VT that is not annotated; none on mitdb,
/// svdb and qtdb, together 18.7 h. VF is correctly distinguished from VT in two thirds of the estimates. It is not
/// meant for runs of 3 s or less: there `VentricularRhythmRule.largestRecentProbability` serves as a check on the
/// result of the beat classes.
///
/// One value per stream, 2.1 KB, with no allocation per sample; the estimates depend only on the samples since the last
/// restart.
public struct VentricularRhythmDetector: Sendable, Codable, RangeChecked {
    /// The evaluation of the last 3 s, twice a second.
    public struct Estimate: Sendable, Equatable, Codable {
        /// Probabilities, 0...1, which sum to 1: ventricular fibrillation or flutter,
        public var fibrillation: Float
        /// ventricular tachycardia,
        public var tachycardia: Float
        /// any other organised rhythm,
        public var other: Float
        /// noise.
        public var noise: Float
        /// Robust peak-to-peak height of the signal over the 3 s, in mV: twice the .98 quantile of the distance from
        /// the median.
        public var height: Float
        /// Maximum rise or fall within 0.15 s over the last 3 s, in mV; nil until 3 s are available. A beating heart
        /// gives at least 0.15 mV (never less in 296 records of the 2017 challenge), asystole without P waves and noise
        /// less than 0.12, and a dead line less than 0.02.
        public var swing: Float?
        /// Period of the rhythm in s, from the autocorrelation; meaningless where nothing is periodic.
        public var period: Float
        /// The last sample of the window, in 360-Hz samples since the last reset, including missing samples.
        public var sampleIndex: Int64

        public init(
            fibrillation: Float, tachycardia: Float, other: Float, noise: Float, height: Float, swing: Float?,
            period: Float = 0, sampleIndex: Int64
        ) {
            self.fibrillation = fibrillation
            self.tachycardia = tachycardia
            self.other = other
            self.noise = noise
            self.height = height
            self.swing = swing
            self.period = period
            self.sampleIndex = sampleIndex
        }
    }

    /// 360-Hz samples between estimates.
    public static let rowPeriod: Int64 = 180
    /// 360-Hz samples from the start to the first estimate.
    public static let windowLength: Int64 = 1_080

    /// Number of 360-Hz samples per 120-Hz sample, and of 120-Hz samples per 40-Hz sample.
    private static let decimation: Int64 = 3
    /// 120-Hz samples in a block of half a second, and in the time within which a swing is measured (0.15 s).
    private static let blockLength = 60
    private static let swingLength = 18
    /// Maximum distance from the first sample in mV, either way: no amplifier gives more, and no power of it overflows.
    private static let inputLimit: Float = 1_000

    /// Samples since the last reset at which the segment began.
    private var start: Int64 = 0
    /// Samples since then.
    private var taken: Int64 = 0
    /// The filters start at rest at the first sample.
    private var first: Float = 0
    private var held: Float = 0
    /// Differences from the first sample, newest last.
    private var input = InlineArray<12, Float>(repeating: 0)
    /// Delay line of the high-pass.
    private var highPassIn = InlineArray<2, Double>(repeating: 0)
    private var highPassOut = InlineArray<2, Double>(repeating: 0)
    /// High-passed at 120 Hz: 3 s in mV.
    private var window = InlineArray<360, Float>(repeating: 0)
    /// Low-passed once more, at 40 Hz: 3 s in mV.
    private var narrow = InlineArray<120, Float>(repeating: 0)
    /// The component removed by the high-pass: minimum and maximum in each half second of 3 s, and in the current one.
    private var wanderLeast = InlineArray<6, Float>(repeating: 0)
    private var wanderMost = InlineArray<6, Float>(repeating: 0)
    private var wander = InlineArray<2, Float>(repeating: 0)
    /// Largest swing in each half second of 3 s: less than the pause that is asystole, so that the last beat is no
    /// longer in it.
    private var swings = InlineArray<6, Float>(repeating: 0)

    public init() {}

    /// Restarts: the next sample has index 0.
    public mutating func reset() { self = VentricularRhythmDetector() }

    /// Restarts after an interruption, with a new window, but continues to count samples. After an interruption of less
    /// than 2 s `VentricularRhythmRule` may keep its estimates; see `VentricularRhythmRule.interrupt`.
    ///
    /// - Parameter missing: number of 360-Hz samples that were lost, 0 or more.
    public mutating func interrupt(missing: Int64 = 0) {
        let index = start + taken + max(0, missing)
        self = VentricularRhythmDetector()
        start = index
    }

    public var isInRange: Bool {
        // Wider than clamped input can reach: the fourth powers in the features must not overflow.
        let limit: Float = 1e5
        func areSmall(_ values: Span<Float>) -> Bool {
            for index in values.indices where !(abs(values[index]) <= limit) { return false }
            return true
        }
        let filters = [highPassIn[0], highPassIn[1], highPassOut[0], highPassOut[1]]
        return start >= 0 && taken >= 0 && areSmall(input.span) && areSmall(window.span) && areSmall(narrow.span)
            && areSmall(wanderLeast.span) && areSmall(wanderMost.span) && areSmall(wander.span)
            && areSmall(swings.span) && filters.allSatisfy { abs($0) <= Double(limit) }
    }

    /// Processes one 360-Hz sample.
    ///
    /// - Parameter millivolts: a value that is not finite is replaced by the previous one.
    /// - Returns: an estimate after each half second, the first one after 3 s.
    public mutating func step(_ millivolts: Float) -> Estimate? {
        if millivolts.isFinite { held = millivolts }
        if taken == 0 { first = held }
        let phase = Int(taken % Self.decimation)
        input[9 &+ phase] = max(-Self.inputLimit, min(Self.inputLimit, held - first))
        taken += 1
        guard taken % Self.decimation == 0 else { return nil }
        filter()
        guard taken % Self.rowPeriod == 0 else { return nil }
        closeBlock()
        return taken >= Self.windowLength ? estimate() : nil
    }

    // MARK: - Signal path

    private mutating func filter() {
        // Averages of 6 and of 7 combined: 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1.
        var sum: Float = 0
        for lag in 0..<6 { sum += Float(lag &+ 1) * (input[lag] + input[11 &- lag]) }
        for lag in 0..<9 { input[lag] = input[lag &+ 3] }
        let value = Double(sum) / 42
        // Butterworth, 1 Hz at 120 Hz, by the bilinear transform.
        let output =
            0.963_652_763_964_173_2 * (value - 2 * highPassIn[0] + highPassIn[1])
            + 1.925_983_969_731_885_7 * highPassOut[0] - 0.928_627_086_124_807_4 * highPassOut[1]
        highPassIn = [value, highPassIn[0]]
        highPassOut = [output, highPassOut[0]]

        let index = taken / Self.decimation - 1
        let place = Int(index % Int64(VentricularRhythmFeatures.windowLength))
        window[place] = Float(output)
        let drift = Float(value - output)
        let begins = index % Int64(Self.blockLength) == 0
        wander = begins ? [drift, drift] : [min(wander[0], drift), max(wander[1], drift)]
        guard (index + 1) % Self.decimation == 0 else { return }
        // Averages of 5 and of 3 combined.
        let weights: InlineArray<7, Float> = [1, 2, 3, 3, 3, 2, 1]
        var low: Float = 0
        // Read through a span: reading a stored array element by element copies it each time.
        let samples = window.span
        for lag in 0..<7 { low += weights[lag] * samples[place >= lag ? place &- lag : place &- lag &+ samples.count] }
        narrow[Int(index / Self.decimation % Int64(VentricularRhythmFeatures.narrowLength))] = low / 15
    }

    /// At the end of half a second.
    private mutating func closeBlock() {
        let block = taken / Self.rowPeriod - 1
        wanderLeast[Int(block % 6)] = wander[0]
        wanderMost[Int(block % 6)] = wander[1]
        let place = Int((taken / Self.decimation - 1) % Int64(VentricularRhythmFeatures.windowLength))
        swings[Int(block % 6)] = largestSwing(endingAt: place)
    }

    /// Maximum difference of two samples within 0.15 s, the later of which is in the last block.
    private func largestSwing(endingAt place: Int) -> Float {
        let count = Self.blockLength + Self.swingLength - 1
        let samples = window.span
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { memory in
            var position = place + 1 - count
            if position < 0 { position += samples.count }
            for index in 0..<count {
                memory[index] = samples[position]
                position = position + 1 == samples.count ? 0 : position + 1
            }
            return ck_largest_swing(Int32(count), memory.baseAddress)
        }
    }

    // MARK: - Estimates

    private func estimate() -> Estimate {
        let features = features()
        let probabilities = VentricularRhythmNetwork.inUse.probabilities(features.values)
        var swing: Float = 0
        for block in swings.indices { swing = max(swing, swings[block]) }
        return Estimate(
            fibrillation: probabilities.x, tachycardia: probabilities.y, other: probabilities.z,
            noise: probabilities.w, height: features.height, swing: taken >= 6 * Self.rowPeriod ? swing : nil,
            period: features.period, sampleIndex: start + taken - 1)
    }

    /// The estimate for the window that ends with the last sample, at the end of a half second.
    func features() -> VentricularRhythmFeatures {
        let windowLength = VentricularRhythmFeatures.windowLength
        let narrowLength = VentricularRhythmFeatures.narrowLength
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: windowLength + narrowLength) { memory in
            Self.copy(window.span, from: taken / Self.decimation, to: memory, at: 0)
            Self.copy(narrow.span, from: taken / (Self.decimation * Self.decimation), to: memory, at: windowLength)
            var least = Float.infinity
            var most = -Float.infinity
            for block in 0..<6 {
                least = min(least, wanderLeast[block])
                most = max(most, wanderMost[block])
            }
            guard let base = UnsafePointer(memory.baseAddress) else { preconditionFailure("the capacity is not 0") }
            return VentricularRhythmFeatures(window: base, narrow: base + windowLength, wander: most - least)
        }
    }

    /// Unrolls a ring buffer, oldest sample first.
    private static func copy(
        _ ring: Span<Float>, from number: Int64, to memory: UnsafeMutableBufferPointer<Float>, at position: Int
    ) {
        let oldest = Int(number % Int64(ring.count))
        ring.withUnsafeBufferPointer { ring in
            guard let first = ring.baseAddress, let target = memory.baseAddress else { return }
            let older = ring.count - oldest
            (target + position).initialize(from: first + oldest, count: older)
            (target + position + older).initialize(from: first, count: oldest)
        }
    }
}
