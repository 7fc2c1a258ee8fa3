import FoundationEssentials

/// An endless simulated ECG with exact labels: the same seed and settings always give the same samples and labels.
///
///     var simulator = ECGSimulator(.init(samplingRate: 360, script: [.init(.sinus(rate: 72), seconds: 60)]))
///     let (millivolts, labels) = simulator.record(seconds: 10)
public struct ECGSimulator: Sendable {
    /// Settings of the simulation.
    public struct Configuration: Sendable, Equatable {
        /// Samples per second, 50...10,000.
        public var samplingRate: Double
        public var seed: UInt64
        /// Rhythms in order; the last one continues without end.
        public var script: [SimulatedSegment]
        /// Amplitude of a normal R wave in millivolts; a negative value inverts the polarity.
        public var amplitude: Double
        /// Amplitude of a normal T wave in millivolts (with the sign of R); nil: a quarter of R.
        public var tWaveAmplitude: Double?
        public var noise: SimulatedNoise
        /// Constant offset in millivolts.
        public var offset: Double

        public init(
            samplingRate: Double = 360, seed: UInt64 = 1,
            script: [SimulatedSegment] = [SimulatedSegment(.sinus(rate: 72), seconds: .infinity)],
            amplitude: Double = 1.2, tWaveAmplitude: Double? = nil, noise: SimulatedNoise = .none, offset: Double = 0
        ) {
            self.samplingRate = samplingRate
            self.seed = seed
            self.script = script
            self.amplitude = amplitude
            self.tWaveAmplitude = tWaveAmplitude
            self.noise = noise
            self.offset = offset
        }
    }

    /// Position and class of a beat.
    public struct Label: Sendable, Equatable {
        /// Index of the sample at the R apex, at the simulator's own rate.
        public var rPeakIndex: Int64
        /// AAMI class letter: N, S or V.
        public var letter: Character

        public init(rPeakIndex: Int64, letter: Character) {
            self.rPeakIndex = rPeakIndex
            self.letter = letter
        }
    }

    /// A beat that is visible now or will be soon.
    private struct ActiveBeat {
        var rPeakIndex: Int64
        var firstIndex: Int64
        var lastIndex: Int64
        var letter: Character
        var atrialFibrillation: Bool
        var shape: SimulatedBeatShape
    }

    public let configuration: Configuration
    private let rate: Double
    private var random: SeededGenerator
    private var noiseRandom: SeededGenerator
    private var planner: RhythmPlanner
    private var noise: NoiseGenerator
    /// In order of R peak; the last one starts later than the current sample, so that none is missed.
    private var beats: [ActiveBeat] = []
    private var exhausted = false
    private var labelled: [Label] = []
    private var fibrillationGain = 0.0
    /// Index of the next sample.
    public private(set) var sampleIndex: Int64 = 0

    /// The first beat comes 0.6 s after the start. A sampling rate out of range is clamped to 50...10,000.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        let wanted = configuration.samplingRate
        rate = wanted.isFinite ? min(max(wanted, 50), 10_000) : InternalSampling.rate
        random = SeededGenerator(seed: configuration.seed)
        noiseRandom = SeededGenerator(seed: configuration.seed ^ 0xA5A5_5A5A_1234_8765)
        planner = RhythmPlanner(script: configuration.script, firstBeat: -0.2)
        noise = NoiseGenerator(configuration.noise, rate: rate, random: &noiseRandom)
    }

    /// The next sample in millivolts.
    public mutating func next() -> Float {
        let n = sampleIndex
        sampleIndex += 1
        planAhead(n)
        var sum = configuration.offset
        var fibrillating = false
        var passed = 0
        for index in beats.indices {
            let first = beats[index].firstIndex
            if beats[index].rPeakIndex == n {
                labelled.append(Label(rPeakIndex: n, letter: beats[index].letter))
            }
            if beats[index].atrialFibrillation { fibrillating = true }
            if n >= first, n <= beats[index].lastIndex {
                sum += beats[index].shape.value(Double(n - beats[index].rPeakIndex) / rate)
            }
            if n >= beats[index].lastIndex, index == passed { passed += 1 }
        }
        if passed > 0 { beats.removeFirst(passed) }
        // Fibrillatory waves of about 6 Hz and 0.06 mV fade in and out within a second.
        fibrillationGain += ((fibrillating ? 1 : 0) - fibrillationGain) / rate
        if fibrillationGain > 0.01 {
            let time = Double(n) / rate
            let depth = 0.05 * configuration.amplitude * fibrillationGain
            sum += depth * (sine(6.1 * time) + 0.5 * sine(7.3 * time + 0.4 * sine(0.7 * time)))
        }
        sum += ventricularFibrillation(Double(n) / rate)
        sum += noise.next(&noiseRandom)
        return Float(sum)
    }

    /// Coarse fibrillation: three waves of 4 to 6 Hz with wavering frequencies, whose sum waxes and wanes.
    private func ventricularFibrillation(_ time: Double) -> Double {
        guard let stretch = planner.fibrillation.first(where: { $0.contains(time) }) else { return 0 }
        let edge = min(1, min(time - stretch.lowerBound, stretch.upperBound - time) / 0.3)
        let waves =
            sine(4.7 * time + 0.25 * sine(0.31 * time)) + 0.45 * sine(5.9 * time + 0.3 * sine(0.43 * time))
            + 0.3 * sine(3.8 * time)
        return 0.35 * configuration.amplitude * edge * waves
    }

    private func sine(_ turns: Double) -> Double {
        // A parabola per half turn: smooth enough for fibrillatory waves, and identical on every platform.
        let phase = turns - turns.rounded(.down)
        return phase < 0.5 ? 16 * phase * (0.5 - phase) : -16 * (phase - 0.5) * (1 - phase)
    }

    private mutating func planAhead(_ n: Int64) {
        while !exhausted, beats.last.map({ $0.rPeakIndex <= n + Int64(rate) }) ?? true {
            guard let planned = planner.next(&random), planned.time < 1e9 else {
                // Only asystole or fibrillation remains.
                exhausted = true
                return
            }
            let scale = configuration.amplitude
            let shape = SimulatedBeatShape(
                planned, scale: scale, tWave: (configuration.tWaveAmplitude ?? 0.25 * scale) / (scale == 0 ? 1 : scale),
                random: &random)
            let r = Int64((planned.time * rate).rounded())
            guard r > (beats.last?.rPeakIndex ?? -1) else { continue }
            beats.append(
                ActiveBeat(
                    rPeakIndex: r, firstIndex: r + Int64((shape.start * rate).rounded(.down)),
                    lastIndex: r + Int64((shape.end * rate).rounded(.up)), letter: planned.letter,
                    atrialFibrillation: planned.atrialFibrillation, shape: shape))
        }
    }

    /// The labels of the beats whose R peak has been generated since the last call, in order.
    public mutating func takeLabels() -> [Label] {
        defer { labelled.removeAll(keepingCapacity: true) }
        return labelled
    }

    /// A segment of samples with the labels of the beats whose R peaks lie in it.
    public mutating func record(seconds: Double) -> (millivolts: [Float], labels: [Label]) {
        let count = max(0, Int((seconds * rate).rounded()))
        var millivolts: [Float] = []
        millivolts.reserveCapacity(count)
        for _ in 0..<count { millivolts.append(next()) }
        return (millivolts, takeLabels())
    }
}
