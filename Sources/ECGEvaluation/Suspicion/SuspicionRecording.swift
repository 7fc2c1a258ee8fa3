import EC57
public import ECGATKGAN
public import ECGClassification
public import ECGMonitor
public import ECGReplay
import ECGSignal
public import ToolSupport

/// One stream through the monitor, reduced to the inputs and results of the suspicion rule, so that the rule can be
/// rerun with other parameters.
public struct SuspicionRecording: Codable, Sendable, Equatable {
    /// An attacked episode, by its position among the beats.
    public struct AttackedSegment: Codable, Sendable, Equatable {
        /// Index of the first attacked beat, and the number of attacked beats.
        public var firstBeat: Int
        public var beatCount: Int
        /// Number of attacked beats classified differently from before the attack, among those found in both streams.
        public var changedClasses: Int
        public var comparedBeats: Int
        /// Those of them at which no suspicion was active.
        public var changedUnsuspected = 0
    }

    /// Length of the stream.
    public var seconds: Double
    public var samplingRate: Double
    /// For every classified beat in good signal: R peak in samples, class (N, S, V or F), and the head's suspicion, 0
    /// ... 1.
    public var rPeaks: [Int]
    public var classes: String
    public var scores: [Float]
    /// The agreement of each; nil: not compared, so the rule did not use the beat.
    public var agreements: [Float?] = []
    /// Whether the suspicion was active after each.
    public var suspected: [Bool] = []
    /// Alerts that the signal changed.
    public var signalChanges = 0
    /// Beats at which the monitor raised the suspicion, and the rule's parameters at that time.
    public var raisedAtBeats: [Int]
    public var rule: AttackSuspicionRule.Parameters
    public var segments: [AttackedSegment] = []

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
        var isSuspected = false
        for event in events {
            switch event.kind {
            case .status(let status): condition = status.condition
            // Beats are not compared while signal quality is poor.
            case .beat(let beat) where beat.beatClass != nil && (condition == .good || beat.agreement != nil):
                rPeaks.append(Int(event.sampleIndex))
                classes.append(beat.beatClass?.letter ?? "?")
                scores.append(beat.attackSuspicion)
                agreements.append(beat.agreement)
                suspected.append(isSuspected)
            case .suspicion(let suspicion) where suspicion.cause == .perturbation:
                isSuspected = suspicion.active
                if suspicion.active { raisedAtBeats.append(max(scores.count - 1, 0)) }
                if let last = suspected.indices.last { suspected[last] = isSuspected }
            case .alert(let alert) where alert.kind == .signalChanged && alert.phase == .started: signalChanges += 1
            default: break
            }
        }
    }

    /// Beats at which this rule raises the suspicion: from the monitor if it ran with this rule, otherwise from the
    /// scores.
    public func raises(_ parameters: AttackSuspicionRule.Parameters) -> [Int] {
        parameters == rule ? raisedAtBeats : replayedRaises(parameters)
    }

    /// Beats at which the rule raises the suspicion when rerun over the scores alone.
    public func replayedRaises(_ parameters: AttackSuspicionRule.Parameters) -> [Int] {
        AttackSuspicionRule.suspicions(in: measures, parameters).map(\.noticedAt)
    }

    /// What the rule saw of each beat; nil: the beat was not compared.
    public var measures: [AttackSuspicionRule.Measures?] {
        zip(agreements, scores).map { agreement, score in
            agreement.map { .init(agreement: $0, attackSuspicion: score) }
        }
    }

    /// How long the longest suspicion lasted.
    public var longestSuspicionSeconds: Double {
        var (longest, start): (Int, Int?) = (0, nil)
        for (beat, isSuspected) in suspected.enumerated() {
            start = isSuspected ? start ?? rPeaks[beat] : nil
            if let start { longest = max(longest, rPeaks[beat] - start) }
        }
        return Double(longest) / samplingRate
    }

    /// The beats as located by an attacker who runs the pipeline.
    public var locatedBeats: [AttackedEpisode.LocatedBeat] {
        zip(rPeaks, classes).compactMap { rPeak, letter in
            BeatClass.allCases.first { $0.letter == letter }.map { .init(rPeak: rPeak, beatClass: $0) }
        }
    }

    /// Records which beats are in the attacked episodes, and how their classes changed.
    public mutating func mark(_ ranges: [Range<Int>], clean: SuspicionRecording) {
        let letters = Array(classes)
        let cleanLetters = Array(clean.classes)
        let tolerance = Int(EC57Score.matchWindowSeconds * samplingRate)
        segments = ranges.compactMap { range in
            let own = rPeaks.indices.filter { range.contains(rPeaks[$0]) }
            guard let first = own.first else { return nil }
            var segment = AttackedSegment(firstBeat: first, beatCount: own.count, changedClasses: 0, comparedBeats: 0)
            for beat in own {
                guard let match = clean.nearestBeat(to: rPeaks[beat]),
                    abs(clean.rPeaks[match] - rPeaks[beat]) <= tolerance
                else { continue }
                segment.comparedBeats += 1
                guard letters[beat] != cleanLetters[match] else { continue }
                segment.changedClasses += 1
                if !suspected[beat] { segment.changedUnsuspected += 1 }
            }
            return segment
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

/// When attacked episodes were detected.
public struct SuspicionNotice: Sendable, Equatable {
    /// An episode counts as detected if the suspicion is raised at one of its first beats, up to this number.
    public static let beats = 10

    public private(set) var segments = 0
    public private(set) var noticed = 0
    /// Number of attacked beats up to and including the one that raised the suspicion, for each episode in which one
    /// did, however late.
    public private(set) var delays: [Int] = []

    /// - Parameters:
    ///   - recording: one stream.
    ///   - raises: beats of the recording at which the suspicion was raised.
    public mutating func add(_ recording: SuspicionRecording, raises: [Int]) {
        for segment in recording.segments {
            segments += 1
            let end = segment.firstBeat + segment.beatCount
            guard let raise = raises.first(where: { $0 >= segment.firstBeat && $0 < end }) else { continue }
            let delay = raise - segment.firstBeat + 1
            delays.append(delay)
            if delay <= Self.beats { noticed += 1 }
        }
    }

    /// In percent; nil: there were no episodes.
    public var share: Double? { segments == 0 ? nil : 100 * Double(noticed) / Double(segments) }
    public var medianDelay: Double? {
        guard !delays.isEmpty else { return nil }
        let sorted = delays.sorted()
        return Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
