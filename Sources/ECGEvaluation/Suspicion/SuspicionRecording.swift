import EC57
public import ECGATKGAN
public import ECGMonitor
public import ECGReplay
import ECGSignal
public import ToolSupport

/// One stream through the monitor, boiled down to what the suspicion rule saw and said. The rule can be run over it
/// again with other parameters.
public struct SuspicionRecording: Codable, Sendable, Equatable {
    /// An attacked stretch, by its place among the beats.
    public struct Stretch: Codable, Sendable, Equatable {
        /// First attacked beat, and how many there are.
        public var firstBeat: Int
        public var beatCount: Int
        /// Attacked beats that got another class than in the stream before the attack, of those that were found in
        /// both.
        public var changedClasses: Int
        public var comparedBeats: Int
    }

    /// Length of the stream.
    public var seconds: Double
    public var samplingRate: Double
    /// Of every beat that the rule took: R peak in samples, class (N, S, V or F), suspicion (0 ... 1).
    public var rPeaks: [Int]
    public var classes: String
    public var scores: [Float]
    /// Beats with which the monitor raised the suspicion, and the rule's parameters then.
    public var raisedAtBeats: [Int]
    public var rule: AttackSuspicionRule.Parameters
    public var stretches: [Stretch] = []

    /// Runs the monitor over a stream as the daemon would.
    public init(
        _ material: ReplayMaterial, classifier: BeatClassifier, workspace: BeatClassifier.Workspace,
        rule: AttackSuspicionRule.Parameters
    ) throws(ToolError) {
        var configuration = MonitorConfiguration()
        configuration.suspicion = rule
        let events = try MonitorRun.events(
            of: material, classifier: classifier, workspace: workspace, configuration: configuration,
            refusal: ("the monitor refuses \(material.name)", "Leave it out with --records"))
        seconds = material.duration
        samplingRate = material.samplingRate
        self.rule = rule
        (rPeaks, classes, scores, raisedAtBeats) = ([], "", [], [])
        var condition = SignalCondition.good
        for event in events {
            switch event.kind {
            case .status(let status): condition = status.condition
            // The rule takes no beat in a poor signal.
            case .beat(let beat) where beat.beatClass != nil && condition == .good:
                rPeaks.append(Int(event.sampleIndex))
                classes.append(beat.beatClass?.letter ?? "?")
                scores.append(beat.attackSuspicion)
            case .suspicion(let suspicion) where suspicion.active: raisedAtBeats.append(max(scores.count - 1, 0))
            default: break
            }
        }
    }

    /// Beats with which this rule raises the suspicion: as the monitor did where it ran with it, else from the scores.
    public func raises(_ parameters: AttackSuspicionRule.Parameters) -> [Int] {
        parameters == rule ? raisedAtBeats : replayedRaises(parameters)
    }

    /// Beats with which the rule raises the suspicion when it is run over the scores alone.
    public func replayedRaises(_ parameters: AttackSuspicionRule.Parameters) -> [Int] {
        AttackSuspicionRule.stretches(in: scores, parameters).map(\.noticedAt)
    }

    /// The beats as an attacker locates them, who runs the pipeline himself.
    public var locatedBeats: [AttackedEpisode.LocatedBeat] {
        zip(rPeaks, classes).compactMap { rPeak, letter in
            BeatClass.allCases.first { $0.letter == letter }.map { .init(rPeak: rPeak, beatClass: $0) }
        }
    }

    /// Notes which beats lie in the attacked stretches, and what became of their classes.
    public mutating func mark(_ ranges: [Range<Int>], clean: SuspicionRecording) {
        let letters = Array(classes)
        let cleanLetters = Array(clean.classes)
        let tolerance = Int(EC57Score.matchWindowSeconds * samplingRate)
        stretches = ranges.compactMap { range in
            let own = rPeaks.indices.filter { range.contains(rPeaks[$0]) }
            guard let first = own.first else { return nil }
            var stretch = Stretch(firstBeat: first, beatCount: own.count, changedClasses: 0, comparedBeats: 0)
            for beat in own {
                guard let match = clean.nearestBeat(to: rPeaks[beat]),
                    abs(clean.rPeaks[match] - rPeaks[beat]) <= tolerance
                else { continue }
                stretch.comparedBeats += 1
                if letters[beat] != cleanLetters[match] { stretch.changedClasses += 1 }
            }
            return stretch
        }
    }

    private func nearestBeat(to sample: Int) -> Int? {
        var low = 0
        var high = rPeaks.count
        while low < high {
            let middle = (low + high) / 2
            if rPeaks[middle] < sample { low = middle + 1 } else { high = middle }
        }
        return [low - 1, low].filter(rPeaks.indices.contains).min {
            abs(rPeaks[$0] - sample) < abs(rPeaks[$1] - sample)
        }
    }
}

/// When attacked stretches were noticed.
public struct SuspicionNotice: Sendable, Equatable {
    /// A stretch is noticed when the suspicion is raised with one of its first so many beats.
    public static let beats = 10

    public private(set) var stretches = 0
    public private(set) var noticed = 0
    /// Attacked beats up to and with the one that raised the suspicion, for each stretch in which one did, however
    /// late.
    public private(set) var delays: [Int] = []

    /// - Parameter raises: beats of the recording with which the suspicion was raised.
    public mutating func add(_ recording: SuspicionRecording, raises: [Int]) {
        for stretch in recording.stretches {
            stretches += 1
            let end = stretch.firstBeat + stretch.beatCount
            guard let raise = raises.first(where: { $0 >= stretch.firstBeat && $0 < end }) else { continue }
            let delay = raise - stretch.firstBeat + 1
            delays.append(delay)
            if delay <= Self.beats { noticed += 1 }
        }
    }

    /// In percent; nil: there was no stretch.
    public var share: Double? { stretches == 0 ? nil : 100 * Double(noticed) / Double(stretches) }
    public var medianDelay: Double? {
        guard !delays.isEmpty else { return nil }
        let sorted = delays.sorted()
        return Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
