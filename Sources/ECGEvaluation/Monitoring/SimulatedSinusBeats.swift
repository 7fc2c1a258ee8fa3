public import ECGATKGAN
public import ECGClassification
import ECGMonitor
import ECGSignal
public import ToolSupport

/// Beats of simulated sinus rhythm for training the contextual classifier: slow and fast, all N.
///
/// The databases contain hardly any sinus rhythm above 110 beats a minute; without these beats a contextual classifier
/// takes fast beats for supraventricular ones. The rate changes as that of a sinus node does, by 0.5 to 3 beats a
/// minute in each second: a rhythm that starts within one beat is not sinus rhythm.
public enum SimulatedSinusBeats {
    private static let seconds = 420.0
    /// Length of a step of a rate that changes.
    private static let stepSeconds = 2.0

    /// Beats a minute.
    private static func rate(_ random: inout ECGSignal.SeededGenerator) -> Double { 50 + 115 * random.uniform() }

    /// Stretches of a steady rate, seven minutes and more, between which the rate changes gradually.
    static func script(_ random: inout ECGSignal.SeededGenerator) -> [SimulatedSegment] {
        var script: [SimulatedSegment] = []
        var planned = 0.0
        var rate = Self.rate(&random)
        while planned < seconds {
            let target = Self.rate(&random)
            let change = 0.5 + 2.5 * random.uniform()
            while abs(rate - target) > 2 * change {
                rate += (target > rate ? 1 : -1) * change * Self.stepSeconds
                script.append(SimulatedSegment(.sinus(rate: rate), seconds: Self.stepSeconds))
                planned += Self.stepSeconds
            }
            let length = 10 + 40 * random.uniform()
            script.append(SimulatedSegment(.sinus(rate: rate), seconds: length))
            planned += length
        }
        return script
    }

    /// The beats of one simulated recording of seven minutes.
    ///
    /// - Parameters:
    ///   - number: the seed for the rhythm, the amplitude and the noise.
    ///   - record: the number that identifies this recording in the samples.
    ///   - classifier: classifies the beats.
    public static func samples(number: Int, record: Int, classifier: BeatClassifier) throws(ToolError) -> ContextualSamples {
        var random = ECGSignal.SeededGenerator(seed: 0x51_4E_05 &+ UInt64(number))
        let script = script(&random)
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
