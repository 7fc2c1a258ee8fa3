public import StateCoding

/// Tells ventricular tachycardia and fibrillation from the signal itself, without beats: twice a second a network of
/// 1,220 weights judges 71 features of the last 3 s (`VentricularRhythmFeatures`, `VentricularRhythmWeights`).
/// `VentricularRhythmRule` makes alarms of its rows.
///
/// The path at 360 Hz: moving averages of 6 and 7 samples (zeros at 60 and 51.4 Hz, -3 dB at about 17 Hz), every third
/// sample, high-pass of second order at 1 Hz (Butterworth), and for spectrum and periodicity moving averages of 5 and 3
/// and every third sample again. All but a share of flat samples is free of scale, so that gain does not matter.
///
/// With the records held out on which it is measured, and the rule: on vfdb and cudb every episode of VT or VF of 10 s
/// and longer is found, 3.3 s after its onset (median), and 99.7 % of vfdb's and 89 % of cudb's time in VT or VF is
/// under alarm. False alarms an hour: 2.5 on vfdb and 10 on cudb, of which a third are VT that is not marked; on mitdb,
/// svdb, qtdb and nstdb, together 23 h, none. VF is told from VT in two thirds of the rows. It is not for runs of 3 s
/// and less: `VentricularRhythmRule.largestRecentProbability` serves as a check on what the beats say of them.
///
/// One value per stream, 2.1 KB, nothing allocated a sample; the rows are a function of the samples since the last
/// restart alone.
public struct VentricularRhythmDetector: Sendable, Codable, RangeChecked {
    /// What the last 3 s are, twice a second.
    public struct Row: Sendable, Equatable, Codable {
        /// Probabilities, 0...1, with the sum 1: ventricular fibrillation or flutter,
        public var fibrillation: Float
        /// ventricular tachycardia,
        public var tachycardia: Float
        /// any other organised rhythm,
        public var other: Float
        /// noise.
        public var noise: Float
        /// Robust height of the signal from peak to peak over the 3 s, in mV: twice the .98 quantile of the distance
        /// to the median.
        public var height: Float
        /// Largest rise or fall within 0.15 s over the last 4 s, in mV; nil before there are 4 s. A heart that beats
        /// gives 0.15 mV and more (never less in 296 records of the challenge of 2017), asystole without P waves and
        /// noise less than 0.12, and a dead line less than 0.02.
        public var swing: Float?
        /// Period of the rhythm in s, by the autocorrelation; of no meaning where nothing is periodic.
        public var period: Float
        /// The last sample of the window; 360-Hz samples since the last reset, what was missing included.
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

    /// Samples of 360 Hz between rows.
    public static let rowPeriod: Int64 = 180
    /// Samples of 360 Hz from the start to the first row.
    public static let windowLength: Int64 = 1_080

    /// Samples of 360 Hz that make one of 120 Hz, and of 120 Hz that make one of 40 Hz.
    private static let decimation: Int64 = 3
    /// Samples of 120 Hz in a block of half a second, and within which a swing is measured (0.15 s).
    private static let blockLength = 60
    private static let swingLength = 18
    /// Either way in mV from the first sample: what no amplifier gives, and no power of it overflows.
    private static let inputLimit: Float = 1_000

    /// Samples since the last reset at which the stretch began.
    private var start: Int64 = 0
    /// Samples since then.
    private var taken: Int64 = 0
    /// The filters start at rest on the first sample.
    private var first: Float = 0
    private var held: Float = 0
    /// Differences to the first sample, the newest last.
    private var input = InlineArray<12, Float>(repeating: 0)
    /// Delayed values of the high-pass.
    private var highPassIn = InlineArray<2, Double>(repeating: 0)
    private var highPassOut = InlineArray<2, Double>(repeating: 0)
    /// High-passed at 120 Hz: 3 s in mV.
    private var window = InlineArray<360, Float>(repeating: 0)
    /// Low-passed once more, at 40 Hz: 3 s in mV.
    private var narrow = InlineArray<120, Float>(repeating: 0)
    /// What the high-pass takes away, least and most in each half second of 3 s, and the one begun.
    private var wanderLeast = InlineArray<6, Float>(repeating: 0)
    private var wanderMost = InlineArray<6, Float>(repeating: 0)
    private var wander = InlineArray<2, Float>(repeating: 0)
    /// Largest swing in each half second of 4 s.
    private var swings = InlineArray<8, Float>(repeating: 0)

    public init() {}

    /// Starts again: the next sample has index 0.
    public mutating func reset() { self = VentricularRhythmDetector() }

    /// Starts again after an interruption, with a new window, but goes on counting samples. After one of less than 2 s
    /// `VentricularRhythmRule` may keep its rows; see `VentricularRhythmRule.interrupt`.
    ///
    /// - Parameter missing: samples of 360 Hz that were lost, 0 or more.
    public mutating func interrupt(missing: Int64 = 0) {
        let index = start + taken + max(0, missing)
        self = VentricularRhythmDetector()
        start = index
    }

    public var isInRange: Bool {
        // What clamped input can give, and more: the features' fourth powers must not overflow.
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

    /// Takes one sample at 360 Hz.
    ///
    /// - Parameter millivolts: a value that is not finite is taken as the one before it.
    /// - Returns: a row after each half second, the first after 3 s.
    public mutating func step(_ millivolts: Float) -> Row? {
        if millivolts.isFinite { held = millivolts }
        if taken == 0 { first = held }
        let phase = Int(taken % Self.decimation)
        input[9 &+ phase] = max(-Self.inputLimit, min(Self.inputLimit, held - first))
        taken += 1
        guard taken % Self.decimation == 0 else { return nil }
        filter()
        guard taken % Self.rowPeriod == 0 else { return nil }
        closeBlock()
        return taken >= Self.windowLength ? row() : nil
    }

    // MARK: - Signal path

    private mutating func filter() {
        // Averages of 6 and of 7 in one: 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1.
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
        // Averages of 5 and of 3 in one.
        let weights: InlineArray<7, Float> = [1, 2, 3, 3, 3, 2, 1]
        var low: Float = 0
        // Read through a span: reading a stored array's elements one by one copies it each time.
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
        swings[Int(block % 8)] = largestSwing(endingAt: place)
    }

    /// Largest difference of two samples within 0.15 s, of which the later one is of the last block.
    private func largestSwing(endingAt place: Int) -> Float {
        let count = Self.blockLength + Self.swingLength - 1
        let samples = window.span
        return withUnsafeTemporaryAllocation(of: SIMD2<Float>.self, capacity: count) { memory in
            var position = place + 1 - count
            if position < 0 { position += samples.count }
            for index in 0..<count {
                memory[index] = SIMD2(samples[position], -samples[position])
                position = position + 1 == samples.count ? 0 : position + 1
            }
            // The largest, and the least turned round, of 2, 4, 8 and 16 samples in a row, and of 18.
            var length = count
            for reach in [1, 2, 4, 8, 2] {
                length -= reach
                for index in 0..<length { memory[index] = pointwiseMax(memory[index], memory[index &+ reach]) }
            }
            var largest: Float = 0
            for index in 0..<length { largest = max(largest, memory[index].sum()) }
            return largest
        }
    }

    // MARK: - Rows

    private func row() -> Row {
        let features = features()
        let probabilities = VentricularRhythmNetwork.probabilities(features.values)
        var swing: Float = 0
        for block in swings.indices { swing = max(swing, swings[block]) }
        return Row(
            fibrillation: probabilities.x, tachycardia: probabilities.y, other: probabilities.z,
            noise: probabilities.w, height: features.height, swing: taken >= 8 * Self.rowPeriod ? swing : nil,
            period: features.period, sampleIndex: start + taken - 1)
    }

    /// Of the window that ends with the last sample, which ends a half second.
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

    /// Puts a ring in order, its oldest sample first.
    private static func copy(
        _ ring: Span<Float>, from number: Int64, to memory: UnsafeMutableBufferPointer<Float>, at position: Int
    ) {
        var place = Int(number % Int64(ring.count))
        for index in position..<position + ring.count {
            memory.initializeElement(at: index, to: ring[place])
            place = place + 1 == ring.count ? 0 : place + 1
        }
    }
}
