public import ECGSignal

extension ReplayMaterial {
    /// Simulated ECG from a script, passed through a 12-bit converter with 200 counts per millivolt.
    ///
    /// - Parameters:
    ///   - seconds: duration, 0 < seconds <= 86,400.
    ///   - samplingRate: 100 ... 2000 samples per second.
    ///   - amplitude: height of a normal R wave, in mV; a negative value inverts the polarity.
    public init(
        simulating script: RhythmScript, seconds: Double, samplingRate: Double = 360, amplitude: Double = 1.2,
        seed: UInt64
    ) {
        self.init(
            simulating: .init(samplingRate: samplingRate, seed: seed, script: script.segments, amplitude: amplitude),
            seconds: seconds)
    }

    /// Simulated ECG passed through a 12-bit converter with 200 counts per millivolt.
    /// - Parameters:
    ///   - seconds: duration, 0 < seconds <= 86,400.
    ///   - samplingRate: 100 ... 2000 samples per second.
    public init(simulating configuration: ECGSimulator.Configuration, seconds: Double) {
        var simulator = ECGSimulator(configuration)
        self.init(
            name: "simulator", samplingRate: configuration.samplingRate, lead: "II", gain: 200, baseline: 0,
            countRange: -2048...2047, counts: [])
        let total = max(1, Int((seconds * samplingRate).rounded()))
        counts.reserveCapacity(total)
        for _ in 0..<total { counts.append(count(ofMillivolts: simulator.next())) }
    }
}
