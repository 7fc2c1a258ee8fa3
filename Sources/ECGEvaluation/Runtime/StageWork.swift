import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGReplay
import ECGSignal
public import ToolSupport

/// The monitor's stages one by one, each on the same record, for programs that time them.
///
/// Belongs to one thread.
public final class StageWork {
    private let samples: [Float]
    private let rate: Double
    private let classifier: BeatClassifier
    private let workspace: BeatClassifier.Workspace
    private let beats: [ObservedBeat]
    private let windows: [Float]
    private var answers: [BeatClassification]

    /// - Parameters:
    ///   - path: a WFDB record of 360 Hz without extension.
    ///   - model: a weights file.
    /// - Throws: either cannot be read.
    public init(recordPath path: String, model: String) throws(ToolError) {
        let material = try ReplayMaterial(recordPath: path)
        samples = material.millivolts
        rate = material.samplingRate
        classifier = try LoadedModel(contentsOf: model).classifier
        workspace = classifier.makeWorkspace()
        var monitor = PatientMonitor()
        monitor.observeBeats()
        var events: [MonitorEvent] = []
        _ = try? monitor.process(
            Self.block(samples, rate), classifier: classifier, workspace: workspace, events: &events)
        beats = monitor.takeObservedBeats()
        windows = beats.flatMap(\.window)
        answers = beats.map(\.answer)
        guard !beats.isEmpty else { throw ToolError("\(path) holds no beats", nextStep: "Name another record") }
    }

    /// Samples of the record.
    public var sampleCount: Int { samples.count }
    /// Beats of the record whose windows are complete.
    public var beatCount: Int { beats.count }

    /// R peaks.
    /// - Returns: how many were found.
    public func detect() -> Int {
        var detector = PanTompkinsDetector()
        var count = 0
        for sample in samples where detector.step(sample) != nil { count += 1 }
        return count
    }

    /// Everything but the network: filters, signal quality, R peaks, ventricular rhythms, rules.
    /// - Returns: the number of events.
    public func processSignal() -> Int {
        var monitor = PatientMonitor()
        var events: [MonitorEvent] = []
        guard (try? monitor.append(Self.block(samples, rate))) != nil else { return 0 }
        let normal = BeatClassification(probabilities: SIMD4(1, 0, 0, 0), attackSuspicion: 0)
        let all = [BeatClassification](repeating: normal, count: monitor.pendingWindowCount)
        all.withUnsafeBufferPointer { monitor.resolve($0, events: &events) }
        return events.count
    }

    /// The waveform's ventricular rhythm, twice a second.
    /// - Returns: the number of estimates.
    public func estimateVentricularRhythm() -> Int {
        var detector = VentricularRhythmDetector()
        var count = 0
        for sample in samples where detector.step(sample) != nil { count += 1 }
        return count
    }

    /// Windows scaled and classified.
    /// - Parameter batch: windows in a call, 1 or more.
    /// - Returns: how many were ectopic.
    public func classify(batch: Int) -> Int {
        let length = BeatWindow.length
        windows.withUnsafeBufferPointer { windows in
            answers.withUnsafeMutableBufferPointer { answers in
                for first in stride(from: 0, to: beats.count, by: batch) {
                    let end = min(first + batch, beats.count)
                    classifier.classify(
                        UnsafeBufferPointer(rebasing: windows[first * length..<end * length]),
                        into: UnsafeMutableBufferPointer(rebasing: answers[first..<end]), workspace: workspace)
                }
            }
        }
        return answers.count { $0.beatClass != .normal }
    }

    /// The contextual classifier's features and its first stage.
    /// - Returns: how many beats wait for the next one.
    public func classifyInContext() -> Int {
        guard let contextual = classifier.contextual else { return 0 }
        return beats.count { beat in
            let morphology = beat.window.withUnsafeBufferPointer {
                BeatMorphology(window: $0.baseAddress!, range: beat.context.windowRange)
            }
            let features = ContextualFeatures.values(morphology, logits: beat.answer.logits, context: beat.context)
            return !contextual.first(beat.answer, features: features).isFinal
        }
    }

    /// The whole monitor.
    /// - Returns: the number of events.
    public func monitor() -> Int {
        var monitor = PatientMonitor()
        var events: [MonitorEvent] = []
        let length = Int(rate)
        for start in stride(from: 0, to: samples.count, by: length) {
            let block = Self.block(Array(samples[start..<min(start + length, samples.count)]), rate, at: start)
            _ = try? monitor.process(block, classifier: classifier, workspace: workspace, events: &events)
        }
        return events.count
    }

    private static func block(_ samples: [Float], _ rate: Double, at first: Int = 0) -> SampleBlock {
        SampleBlock(
            session: 1, firstSampleIndex: Int64(first), samplingRate: rate, acquisitionTimeNanoseconds: 0, lead: "",
            millivolts: samples)
    }
}
