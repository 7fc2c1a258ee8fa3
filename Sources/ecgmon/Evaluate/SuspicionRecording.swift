import ECGATKGAN
import ECGMonitor
import ECGSignal

/// One stream through the monitor, boiled down to what the suspicion rule saw and said. The rule can be run over it
/// again with other parameters.
struct SuspicionRecording: Codable, Sendable, Equatable {
    /// An attacked stretch, by its place among the beats.
    struct Stretch: Codable, Sendable, Equatable {
        /// First attacked beat, and how many there are.
        var firstBeat: Int
        var beatCount: Int
        /// Attacked beats that got another class than in the stream before the attack, of those that were found in
        /// both.
        var changedClasses: Int
        var comparedBeats: Int
    }

    /// Length of the stream.
    var seconds: Double
    var samplingRate: Double
    /// Of every beat that the rule took: R peak in samples, class (N, S, V or F), suspicion (0 ... 1).
    var rPeaks: [Int]
    var classes: String
    var scores: [Float]
    /// Beats with which the monitor raised the suspicion, and the rule's parameters then.
    var raisedAtBeats: [Int]
    var rule: AttackSuspicionRule.Parameters
    var stretches: [Stretch] = []

    /// Runs the monitor over a stream as the daemon would.
    init(
        _ material: ReplayMaterial, classifier: BeatClassifier, workspace: BeatClassifier.Workspace,
        rule: AttackSuspicionRule.Parameters
    ) throws(ToolError) {
        var configuration = MonitorConfiguration()
        configuration.suspicion = rule
        var monitor = PatientMonitor(configuration: configuration)
        var events: [MonitorEvent] = []
        let millivolts = material.millivolts
        let segmentLength = 3_600
        do throws(BlockRejection) {
            for start in stride(from: 0, to: millivolts.count, by: segmentLength) {
                let segment = SampleBlock(
                    session: 1, firstSampleIndex: Int64(start), samplingRate: material.samplingRate,
                    acquisitionTimeNanoseconds: 0, lead: material.lead,
                    millivolts: Array(millivolts[start..<min(start + segmentLength, millivolts.count)]))
                _ = try monitor.process(segment, classifier: classifier, workspace: workspace, events: &events)
            }
        } catch {
            throw ToolError(
                "the monitor refuses \(material.name): \(error.cause)", nextStep: "Leave it out with --records")
        }
        monitor.finish(classifier: classifier, workspace: workspace, events: &events)
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
    func raises(_ parameters: AttackSuspicionRule.Parameters) -> [Int] {
        parameters == rule ? raisedAtBeats : replayedRaises(parameters)
    }

    func replayedRaises(_ parameters: AttackSuspicionRule.Parameters) -> [Int] {
        AttackSuspicionRule.stretches(in: scores, parameters).map(\.noticedAt)
    }

    /// The beats as an attacker locates them, who runs the pipeline himself.
    var locatedBeats: [AttackedEpisode.LocatedBeat] {
        zip(rPeaks, classes).compactMap { rPeak, letter in
            BeatClass.allCases.first { $0.letter == letter }.map { .init(rPeak: rPeak, beatClass: $0) }
        }
    }

    /// Notes which beats lie in the attacked stretches, and what became of their classes.
    mutating func mark(_ ranges: [Range<Int>], clean: SuspicionRecording) {
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
struct SuspicionNotice: Sendable, Equatable {
    /// A stretch is noticed when the suspicion is raised with one of its first so many beats.
    static let beats = 10

    private(set) var stretches = 0
    private(set) var noticed = 0
    /// Attacked beats up to and with the one that raised the suspicion, for each stretch in which one did, however
    /// late.
    private(set) var delays: [Int] = []

    /// - Parameter raises: beats of the recording with which the suspicion was raised.
    mutating func add(_ recording: SuspicionRecording, raises: [Int]) {
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
    var share: Double? { stretches == 0 ? nil : 100 * Double(noticed) / Double(stretches) }
    var medianDelay: Double? {
        guard !delays.isEmpty else { return nil }
        let sorted = delays.sorted()
        return Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
