public import ECGATKGAN
public import ECGClassification
import ECGMonitor
import ECGSignal
public import ToolSupport

/// Beats of simulated sinus rhythm for training the contextual classifier: slow and fast, with sudden changes, all N.
///
/// The databases contain hardly any sinus rhythm above 110 beats a minute, and none that accelerates suddenly; without
/// these beats a contextual classifier takes fast beats for supraventricular ones.
public enum SimulatedSinusBeats {
    private static let seconds = 420.0

    /// The beats of one simulated recording of seven minutes.
    ///
    /// - Parameters:
    ///   - number: the seed for the rhythm, the amplitude and the noise.
    ///   - record: the number that identifies this recording in the samples.
    ///   - classifier: classifies the beats.
    public static func samples(number: Int, record: Int, classifier: BeatClassifier) throws(ToolError) -> ContextualSamples {
        var random = ECGSignal.SeededGenerator(seed: 0x51_4E_05 &+ UInt64(number))
        var script: [SimulatedSegment] = []
        var planned = 0.0
        while planned < seconds {
            let length = 15 + 60 * random.uniform()
            script.append(SimulatedSegment(.sinus(rate: 50 + 115 * random.uniform()), seconds: length))
            planned += length
        }
        let sign: Double = random.uniform() < 0.3 ? -1 : 1
        let amplitude = sign * (0.4 + 1.8 * random.uniform())
        let noise = SimulatedNoise(
            white: 0.02 * random.uniform(), baselineWander: 0.2 * random.uniform(), mains: 0.02 * random.uniform(),
            muscle: random.uniform() < 0.4 ? 0.1 * random.uniform() : 0)
        var simulator = ECGSimulator(
            .init(
                samplingRate: 360, seed: 7_000 + UInt64(number), script: script, amplitude: amplitude,
                tWaveAmplitude: amplitude * (0.1 + 0.35 * random.uniform()), noise: noise))
        let (millivolts, _) = simulator.record(seconds: seconds)
        var observed = try MonitorRun.observed(
            millivolts: millivolts, samplingRate: 360, name: "simulated \(number)", classifier: classifier)
        ObservedBeat.attachNext(&observed)
        var samples = ContextualSamples()
        for beat in observed {
            samples.append(
                window: beat.window, logits: beat.answer.logits, context: beat.context, label: .normal, record: record)
        }
        return samples
    }
}
