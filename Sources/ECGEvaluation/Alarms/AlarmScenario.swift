public import ECGMonitor
public import ECGSignal

/// A simulated patient for measuring the time to an alarm or the heart rate reading.
public struct AlarmScenario: Sendable {
    public var name: String
    public var script: [SimulatedSegment]
    /// Any of these counts as the expected alarm.
    public var expected: Set<AlertKind>
    public var onset: Onset
    public var configuration = MonitorConfiguration()

    /// The moment from which the time is measured.
    public enum Onset: Sendable {
        /// The last beat before the segment of this index.
        case lastBeatBefore(Int)
        /// The first beat in the segment of this index.
        case firstBeatOf(Int)
    }

    /// Seconds of the script before a segment.
    public func start(of segment: Int) -> Double { script.prefix(segment).reduce(0) { $0 + $1.seconds } }

    /// Amplitude of a normal R wave in millivolts.
    public static let amplitude = 1.0
    /// Half and double amplitude, as the standard requires for the ventricular tachycardias.
    public static let factors = [1.0, 0.5, 2.0]
    /// Each scenario runs with each of these seeds of the simulator.
    public static let seeds: [UInt64] = [1, 2, 3, 4, 5]

    /// EC13 (4.2.7, 4.2.8) sets the rate limits to 60 and 100.
    private static var rateLimits: MonitorConfiguration {
        var configuration = MonitorConfiguration()
        configuration.bradycardiaBelow = 60
        configuration.tachycardiaAbove = 100
        return configuration
    }

    /// The onsets whose alarms are timed: asystole, ventricular tachycardia and fibrillation, and rates beyond the
    /// limits.
    public static let timed: [AlarmScenario] = [
        AlarmScenario(
            name: "asystole",
            script: [.init(.sinus(rate: 80), seconds: 30), .init(.asystole, seconds: 15)], expected: [.asystole],
            onset: .lastBeatBefore(1)),
        AlarmScenario(
            name: "ventricular tachycardia 206/min",
            script: [.init(.sinus(rate: 80), seconds: 30), .init(.ventricular(rate: 206), seconds: 20)],
            expected: [.ventricularTachycardia, .ventricularFibrillation], onset: .firstBeatOf(1)),
        AlarmScenario(
            name: "ventricular tachycardia 195/min",
            script: [.init(.sinus(rate: 80), seconds: 30), .init(.ventricular(rate: 195), seconds: 20)],
            expected: [.ventricularTachycardia, .ventricularFibrillation], onset: .firstBeatOf(1)),
        AlarmScenario(
            name: "ventricular fibrillation",
            script: [.init(.sinus(rate: 80), seconds: 30), .init(.ventricularFibrillation, seconds: 20)],
            expected: [.ventricularFibrillation], onset: .lastBeatBefore(1)),
        AlarmScenario(
            name: "rate 80 to 120, limit 100",
            script: [.init(.sinus(rate: 80), seconds: 30), .init(.sinus(rate: 120), seconds: 30)],
            expected: [.tachycardia, .extremeTachycardia], onset: .lastBeatBefore(1), configuration: rateLimits),
        AlarmScenario(
            name: "rate 80 to 40, limit 60",
            script: [.init(.sinus(rate: 80), seconds: 30), .init(.sinus(rate: 40), seconds: 30)],
            expected: [.bradycardia, .extremeBradycardia], onset: .lastBeatBefore(1), configuration: rateLimits),
    ]

    /// A rhythm whose heart rate must be read correctly.
    public struct Pattern: Sendable {
        public var name: String
        public var rhythm: SimulatedSegment.Rhythm
        /// The rate over all beats, per minute.
        public var rate: Double
        public var tWave: Double?
    }

    /// The patterns of EC13 4.1.2.1 e), based on their descriptions, not their drawings; and tall T waves (4.1.2.1 c)
    /// of up to 1.2 mV.
    public static let patterns: [Pattern] =
        [
            Pattern(name: "ventricular bigeminy", rhythm: .bigeminy(rate: 80), rate: 80),
            Pattern(
                name: "slow alternating bigeminy", rhythm: .alternatingBigeminy(rate: 60, prematurity: 0.6), rate: 60),
            Pattern(
                name: "rapid alternating bigeminy", rhythm: .alternatingBigeminy(rate: 120, prematurity: 0.8), rate: 120
            ),
            Pattern(name: "bidirectional systoles", rhythm: .bidirectional(rate: 90), rate: 90),
        ]
        + [0.4, 0.6, 0.8, 1.0, 1.2].map {
            Pattern(name: "QRS 1 mV, T \($0 as Double) mV", rhythm: .sinus(rate: 80), rate: 80, tWave: $0)
        }
}
