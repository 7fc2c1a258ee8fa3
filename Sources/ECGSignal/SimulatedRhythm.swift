/// One segment of a simulated recording: a rhythm and its duration.
public struct SimulatedSegment: Sendable, Equatable {
    /// The rhythm.
    public enum Rhythm: Sendable, Equatable {
        /// Regular sinus rhythm with respiratory variation, `rate` beats per minute. Use it with low or high rates for
        /// brady- and tachycardia.
        case sinus(rate: Double)
        /// Irregularly irregular, no P waves, fibrillatory baseline, as in atrial fibrillation. `rate` is the mean.
        case atrialFibrillation(rate: Double)
        /// A ventricular beat after every sinus beat. `rate` counts all beats.
        case bigeminy(rate: Double)
        /// A ventricular beat after every second sinus beat.
        case trigeminy(rate: Double)
        /// Sinus rhythm in which every `every`-th beat is a group of `count` premature ventricular beats (1: single, 2:
        /// couplet, 3 or more: run) at `groupRate`, followed by a compensatory pause.
        case ventricularGroups(rate: Double, every: Int, count: Int, groupRate: Double)
        /// The same with supraventricular beats, without full compensation.
        case supraventricularGroups(rate: Double, every: Int, count: Int, groupRate: Double)
        /// Ventricular beats only, at `rate`: tachycardia, accelerated idioventricular rhythm, or escape rhythm.
        case ventricular(rate: Double)
        /// Ventricular beats only, at `rate`, every second one inverted: bidirectional systoles.
        case bidirectional(rate: Double)
        /// A ventricular beat after every sinus beat; the smaller `prematurity` (the preceding interval as a fraction
        /// of the mean interval), the more premature it is. Use it with low or high rates for slow and rapid
        /// alternating bigeminy.
        case alternatingBigeminy(rate: Double, prematurity: Double)
        /// No beat until the segment's end, only the waves of ventricular fibrillation.
        case ventricularFibrillation
        /// No beat until the segment's end.
        case asystole
    }

    public var rhythm: Rhythm
    /// In seconds. The segment ends with the first beat due after this time; `.asystole` lasts exactly this long.
    public var seconds: Double

    public init(_ rhythm: Rhythm, seconds: Double) {
        self.rhythm = rhythm
        self.seconds = seconds
    }
}

/// One planned beat.
struct PlannedBeat: Sendable {
    /// Time of the R apex in seconds.
    var time: Double
    /// AAMI class letter: N, S, V.
    var letter: Character
    var hasPWave: Bool
    /// Preceding RR interval in seconds, which sets the QT interval.
    var interval: Double
    var atrialFibrillation: Bool
    /// Whether its complex is inverted.
    var isInverted = false
}

/// Plans the beats of a script in order, without end: the last segment continues when the script is over.
struct RhythmPlanner: Sendable {
    private let script: [SimulatedSegment]
    private var segment = 0
    private var segmentEnd: Double
    private var beatInSegment = 0
    private var inGroup = 0
    private var last: Double
    private var pauseAfterGroup = false

    /// The episodes of ventricular fibrillation reached so far, in seconds from the start.
    private(set) var fibrillation: [ClosedRange<Double>] = []

    init(script: [SimulatedSegment], firstBeat: Double) {
        self.script = script.isEmpty ? [SimulatedSegment(.sinus(rate: 72), seconds: .infinity)] : script
        segmentEnd = self.script[0].seconds
        last = firstBeat
    }

    private static func interval(_ rate: Double) -> Double { 60 / min(max(rate, 10), 350) }

    private mutating func advanceSegment() {
        segment += 1
        segmentEnd += script[segment].seconds
        beatInSegment = 0
        inGroup = 0
        pauseAfterGroup = false
    }

    /// The next beat, or nil if there will be none (the script ends in asystole).
    mutating func next(_ random: inout SeededGenerator) -> PlannedBeat? {
        while last >= segmentEnd, segment + 1 < script.count { advanceSegment() }
        while script[segment].rhythm == .asystole || script[segment].rhythm == .ventricularFibrillation {
            let isFibrillation = script[segment].rhythm == .ventricularFibrillation
            // Starts half an interval after the last beat.
            if isFibrillation { fibrillation.append(last + 0.4...max(last + 0.4, segmentEnd)) }
            guard segment + 1 < script.count else { return nil }
            last = max(last, segmentEnd)
            advanceSegment()
        }
        let beat = plan(&random)
        last = beat.time
        beatInSegment += 1
        return beat
    }

    private mutating func plan(_ random: inout SeededGenerator) -> PlannedBeat {
        // About 2 % beat-to-beat scatter and 4 % respiratory sinus arrhythmia at 0.25 Hz.
        func sinus(_ rate: Double, _ random: inout SeededGenerator) -> Double {
            let base = Self.interval(rate)
            let phase = (last * 0.25).truncatingRemainder(dividingBy: 1)
            let triangle = 4 * abs(phase - 0.5) - 1
            return base * (1 + 0.03 * triangle + 0.015 * max(-2, min(2, random.normal())))
        }
        func beat(_ interval: Double, _ letter: Character, pWave: Bool, fibrillation: Bool = false) -> PlannedBeat {
            PlannedBeat(
                time: last + interval, letter: letter, hasPWave: pWave, interval: interval,
                atrialFibrillation: fibrillation)
        }
        switch script[segment].rhythm {
        case .sinus(let rate):
            return beat(sinus(rate, &random), "N", pWave: true)
        case .atrialFibrillation(let rate):
            // Right-skewed with a coefficient of variation of about 0.24, never below 0.3 s.
            let base = Self.interval(rate)
            let scatter = 0.65 + 0.7 * (random.uniform() + random.uniform() * random.uniform()) / 1.5
            return beat(max(0.3, base * scatter), "N", pWave: false, fibrillation: true)
        case .bigeminy(let rate):
            // Premature at 0.7 of the mean interval; the pause compensates for it.
            let base = Self.interval(rate)
            let jitter = 1 + 0.02 * max(-2, min(2, random.normal()))
            return beatInSegment % 2 == 1
                ? beat(0.7 * base * jitter, "V", pWave: false) : beat(1.3 * base * jitter, "N", pWave: true)
        case .trigeminy(let rate):
            let base = Self.interval(rate)
            let jitter = 1 + 0.02 * max(-2, min(2, random.normal()))
            switch beatInSegment % 3 {
            case 2: return beat(0.65 * base * jitter, "V", pWave: false)
            case 0: return beat(1.35 * base * jitter, "N", pWave: true)
            default: return beat(base * jitter, "N", pWave: true)
            }
        case .ventricularGroups(let rate, let every, let count, let groupRate):
            return group(
                letter: "V", rate, every, count, groupRate, premature: 0.62, pause: 1.38,
                sinus: sinus(rate, &random), random: &random)
        case .supraventricularGroups(let rate, let every, let count, let groupRate):
            return group(
                letter: "S", rate, every, count, groupRate, premature: 0.62, pause: 1.1,
                sinus: sinus(rate, &random), random: &random)
        case .ventricular(let rate):
            let jitter = 1 + 0.01 * max(-2, min(2, random.normal()))
            return beat(Self.interval(rate) * jitter, "V", pWave: false)
        case .bidirectional(let rate):
            var planned = beat(Self.interval(rate), "V", pWave: false)
            planned.isInverted = beatInSegment % 2 == 1
            return planned
        case .alternatingBigeminy(let rate, let prematurity):
            let share = beatInSegment % 2 == 1 ? prematurity : 2 - prematurity
            let isVentricular = beatInSegment % 2 == 1
            return beat(share * Self.interval(rate), isVentricular ? "V" : "N", pWave: !isVentricular)
        case .asystole, .ventricularFibrillation:
            return beat(Self.interval(60), "N", pWave: true)
        }
    }

    private mutating func group(
        letter: Character, _ rate: Double, _ every: Int, _ count: Int, _ groupRate: Double, premature: Double,
        pause: Double, sinus: Double, random: inout SeededGenerator
    ) -> PlannedBeat {
        let period = max(2, every)
        if inGroup > 0 || (beatInSegment > 0 && beatInSegment % period == 0 && !pauseAfterGroup) {
            let interval: Double
            if inGroup == 0 {
                inGroup = max(1, count)
                interval = min(premature * Self.interval(rate), max(Self.interval(groupRate), 0.25))
            } else {
                interval = Self.interval(groupRate) * (1 + 0.02 * max(-2, min(2, random.normal())))
            }
            inGroup -= 1
            if inGroup == 0 { pauseAfterGroup = true } else { beatInSegment -= 1 }
            return PlannedBeat(
                time: last + interval, letter: letter, hasPWave: letter == "S", interval: interval,
                atrialFibrillation: false)
        }
        let interval = pauseAfterGroup ? pause * Self.interval(rate) : sinus
        pauseAfterGroup = false
        return PlannedBeat(
            time: last + interval, letter: "N", hasPWave: true, interval: interval, atrialFibrillation: false)
    }
}
