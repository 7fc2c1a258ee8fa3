import ECGATKGAN
public import ECGClassification
import ECGMonitor
import ECGSignal
import Glibc
public import ToolSupport

/// How much processor time the monitor takes, stage by stage, on one thread.
///
/// Processor time, not time of day, so that other work on the machine counts less; the median of several runs.
public struct SpeedEvaluation: Sendable {
    /// Figures of one record; its properties are the keys of the JSON.
    public struct Figures: Encodable, Sendable {
        public var record: String
        public var beats: Int
        public var samples: Int
        /// Everything: samples to events, per beat.
        public var milliseconds_per_beat: Double
        /// The same without the network, the contextual classifier and the gradient: per beat, and samples a second.
        public var signal_milliseconds_per_beat: Double
        public var signal_samples_per_second: Double
        /// What a beat costs after it has been found.
        public var classification_milliseconds_per_beat: Double
        /// The detector alone, samples a second at 360 Hz.
        public var detector_samples_per_second: Double
        /// The discriminator alone, per window.
        public var discriminator_milliseconds_per_window: Double
    }

    private let classifier: BeatClassifier
    private let runs: Int

    /// - Parameter runs: of which the median counts, 1 or more.
    public init(_ classifier: BeatClassifier, runs: Int) {
        self.classifier = classifier
        self.runs = runs
    }

    /// - Throws: the record cannot be read.
    public func figures(of name: String, in database: RecordDatabase) throws(ToolError) -> Figures {
        let channel = try RecordChannel(try database.record(name), name: name)
        let (samples, rate) = (channel.millivolts, channel.samplingRate)
        let workspace = classifier.makeWorkspace()
        var beats = 0
        let all = median { beats = Self.monitor(samples, rate, classifier, workspace) }
        let signal = median { _ = Self.monitor(samples, rate, nil, nil) }
        let detection = median {
            var detector = PanTompkinsDetector()
            for sample in samples { _ = detector.step(sample) }
        }
        let windows = [Float](repeating: 0.5, count: 100 * BeatWindow.length)
        var answers = [BeatClassification](
            repeating: BeatClassification(probabilities: .zero, attackSuspicion: 0), count: 100)
        let network = median {
            windows.withUnsafeBufferPointer { windows in
                answers.withUnsafeMutableBufferPointer { answers in
                    classifier.classify(windows, into: answers, workspace: workspace)
                }
            }
        }
        let perBeat = 1_000 / Double(max(beats, 1))
        return Figures(
            record: name, beats: beats, samples: samples.count, milliseconds_per_beat: all * perBeat,
            signal_milliseconds_per_beat: signal * perBeat,
            signal_samples_per_second: Double(samples.count) / signal,
            classification_milliseconds_per_beat: (all - signal) * perBeat,
            detector_samples_per_second: Double(samples.count) / detection,
            discriminator_milliseconds_per_window: network * 10)
    }

    /// Seconds of processor time.
    private func median(_ work: () -> Void) -> Double {
        var times: [Double] = []
        for _ in 0..<runs {
            let start = Self.processorSeconds
            work()
            times.append(max(Self.processorSeconds - start, 1e-9))
        }
        return times.sorted()[runs / 2]
    }

    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// - Parameter classifier: nil: every beat is N, without a look.
    /// - Returns: the number of beats.
    private static func monitor(
        _ samples: [Float], _ rate: Double, _ classifier: BeatClassifier?, _ workspace: BeatClassifier.Workspace?
    ) -> Int {
        var monitor = PatientMonitor()
        var events: [MonitorEvent] = []
        var beats = 0
        // Ten seconds at a time: the events do not depend on it.
        let length = max(1, Int(10 * rate))
        for start in stride(from: 0, to: samples.count, by: length) {
            let block = SampleBlock(
                session: 1, firstSampleIndex: Int64(start), samplingRate: rate, acquisitionTimeNanoseconds: 0,
                lead: "", millivolts: Array(samples[start..<min(start + length, samples.count)]))
            guard (try? monitor.append(block)) != nil else { break }
            if let classifier, let workspace {
                monitor.classifyAndResolve(classifier: classifier, workspace: workspace, events: &events)
            } else {
                let normal = BeatClassification(probabilities: SIMD4(1, 0, 0, 0), attackSuspicion: 0)
                let answers = [BeatClassification](repeating: normal, count: monitor.pendingWindowCount)
                answers.withUnsafeBufferPointer { monitor.resolve($0, events: &events) }
            }
            for event in events { if case .beat = event.kind { beats += 1 } }
            events.removeAll(keepingCapacity: true)
        }
        return beats
    }
}
