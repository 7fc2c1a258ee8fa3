import ECGSignal

/// Runs a detector over a whole signal.
func detect(_ samples: [Float], with detector: PanTompkinsDetector = PanTompkinsDetector()) -> [QRSDetection] {
    var detector = detector
    var found: [QRSDetection] = []
    for sample in samples {
        if let detection = detector.step(sample) { found.append(detection) }
    }
    return found + detector.flush()
}

/// A simulated recording at 360 Hz.
func simulate(
    _ rhythm: SimulatedSegment.Rhythm, seconds: Double, amplitude: Double = 1.2, tWave: Double? = nil,
    noise: SimulatedNoise = .resting, seed: UInt64 = 7
) -> (samples: [Float], labels: [ECGSimulator.Label]) {
    simulate([SimulatedSegment(rhythm, seconds: seconds)], amplitude: amplitude, tWave: tWave, noise: noise, seed: seed)
}

func simulate(
    _ script: [SimulatedSegment], amplitude: Double = 1.2, tWave: Double? = nil, noise: SimulatedNoise = .resting,
    seed: UInt64 = 7
) -> (samples: [Float], labels: [ECGSimulator.Label]) {
    var simulator = ECGSimulator(
        .init(seed: seed, script: script, amplitude: amplitude, tWaveAmplitude: tWave, noise: noise))
    let record = simulator.record(seconds: script.map(\.seconds).reduce(0, +))
    return (record.millivolts, record.labels)
}

/// How detections compare with the labels, for R peaks at 360 Hz.
func score(_ found: [QRSDetection], _ labels: [ECGSimulator.Label]) -> BeatScore {
    var score = BeatScore()
    score.add(reference: labels.map(\.rPeakIndex), found: found.map(\.rPeakIndex))
    return score
}
