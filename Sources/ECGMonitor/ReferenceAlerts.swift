public import ECGATKGAN

/// The alerts that the rules produce for annotated beats, that is, the alerts of a perfect detector and classifier.
/// An evaluation compares a stream's alerts with these.
public enum ReferenceAlerts {
    /// A beat as annotated.
    public struct Beat: Sendable {
        /// The R peak, source rate.
        public var sampleIndex: Int64
        /// nil if it belongs to none of the four classes, such as a paced beat.
        public var beatClass: BeatClass?

        public init(sampleIndex: Int64, beatClass: BeatClass?) {
            self.sampleIndex = sampleIndex
            self.beatClass = beatClass
        }
    }

    /// Half a window: time after its R peak until a stream knows a beat, in s.
    private static let beatDelaySeconds = 0.39

    /// The events of a session that starts at sample 0 and ends before `sampleCount`.
    ///
    /// - Parameters:
    ///   - beats: in chronological order.
    ///   - samplingRate: samples per second, above 0.
    public static func events(
        ofBeats beats: [Beat], samplingRate: Double, sampleCount: Int64, configuration: MonitorConfiguration = .init()
    ) -> [MonitorEvent] {
        var analyzer = ArrhythmiaAnalyzer(configuration)
        var signalEvents: [SignalEvent] = []
        var answers: [BeatClassification] = []
        func add(_ content: SignalEvent.Content, at index: Int64, decidedAt: Int64) {
            signalEvents.append(SignalEvent(sampleIndex: index, decidedAt: decidedAt, time: 0, content: content))
        }
        add(.sessionStarted(1), at: 0, decidedAt: 0)
        add(.segmentStarted(samplingRate: samplingRate), at: 0, decidedAt: 0)
        let period = max(1, Int64((samplingRate / 4).rounded()))
        let delay = Int64((beatDelaySeconds * samplingRate).rounded())
        var next = 0
        var clock: Int64 = 0
        while clock < sampleCount {
            while next < beats.count, beats[next].sampleIndex + delay <= clock {
                let beat = beats[next]
                next += 1
                var finding = BeatFinding(
                    window: nil, notClassifiedBecause: .poorSignal, amplitude: 1, foundBySearchBack: false)
                if let beatClass = beat.beatClass {
                    finding.window = Int32(answers.count)
                    finding.notClassifiedBecause = nil
                    var probabilities = SIMD4<Float>(repeating: 0)
                    probabilities[Int(beatClass.rawValue)] = 1
                    answers.append(BeatClassification(probabilities: probabilities, attackSuspicion: 0))
                }
                add(.beat(finding), at: beat.sampleIndex, decidedAt: beat.sampleIndex + delay)
            }
            add(.clock(WaveformEvidence()), at: clock, decidedAt: clock)
            clock += period
        }
        add(.sessionEnded, at: sampleCount - 1, decidedAt: sampleCount - 1)
        var events: [MonitorEvent] = []
        answers.withUnsafeBufferPointer {
            analyzer.process(signalEvents, windows: [], $0, contextual: nil, events: &events)
        }
        return events
    }
}
