import EC57
public import ECGMonitor
public import WFDB

/// One record's rhythm alerts scored against its annotations; sums are gross figures.
public struct RhythmScore: Sendable {
    /// One annotated episode of ventricular flutter.
    public struct Episode: Encodable, Sendable {
        public var record_s: Double
        public var length_s: Double
        /// Time from its onset to the sample at which the alert was decided; nil: not reported. 0: reported earlier and
        /// still active.
        public var delay_s: Double?
    }

    /// A duration score, in minutes.
    public struct Duration: Encodable, Sendable {
        public var right_min = 0.0
        public var wrong_min = 0.0
        public var missed_min = 0.0
        public var rest_min = 0.0

        enum CodingKeys: CodingKey {
            case right_min, wrong_min, missed_min, rest_min, sensitivity, positive_predictivity, specificity
        }

        /// Percent of the annotated time that was reported.
        public var sensitivity: Double? { percent(right_min, missed_min) }
        /// Percent of the reported time that is annotated.
        public var positive_predictivity: Double? { percent(right_min, wrong_min) }
        public var specificity: Double? { percent(rest_min, wrong_min) }
        public var isOfInterest: Bool { right_min + wrong_min + missed_min > 0.05 }

        private func percent(_ part: Double, _ other: Double) -> Double? {
            part + other > 0 ? 100 * part / (part + other) : nil
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(right_min.rounded(decimals: 2), forKey: .right_min)
            try container.encode(wrong_min.rounded(decimals: 2), forKey: .wrong_min)
            try container.encode(missed_min.rounded(decimals: 2), forKey: .missed_min)
            try container.encode(rest_min.rounded(decimals: 2), forKey: .rest_min)
            try container.encodeIfPresent(sensitivity?.rounded(decimals: 2), forKey: .sensitivity)
            try container.encodeIfPresent(positive_predictivity?.rounded(decimals: 2), forKey: .positive_predictivity)
            try container.encodeIfPresent(specificity?.rounded(decimals: 2), forKey: .specificity)
        }
    }

    /// Annotated episodes of a rhythm, and how many were reported.
    public struct EpisodeCounts: Encodable, Sendable {
        public var annotated = 0
        public var said = 0
        /// Alerts that are not near any annotated episode.
        public var elsewhere = 0
    }

    /// An alert from onset to end.
    private struct Span {
        var kind: AlertKind
        var frames: Range<Int64>
        var decidedAt: Int64
    }

    /// The annotators' label for each rhythm, the alerts that report it, and those that are false outside it.
    private static let rhythms: [(name: String, kinds: Set<AlertKind>, own: Set<AlertKind>)] = [
        (
            "(VT", [.ventricularTachycardia, .ventricularRun, .idioventricularRhythm, .ventricularFibrillation],
            [.ventricularTachycardia, .ventricularRun]
        ),
        ("(IVR", [.idioventricularRhythm, .ventricularRun, .ventricularTachycardia], [.idioventricularRhythm]),
        ("(B", [.bigeminy], [.bigeminy]), ("(T", [.trigeminy], [.trigeminy]),
        (
            "(SVTA", [.supraventricularRun, .supraventricularTachycardia],
            [.supraventricularRun, .supraventricularTachycardia]
        ),
    ]
    /// How long after the end of an annotated rhythm its alert may still come.
    public static let allowanceSeconds = 10.0

    public var flutter: [Episode] = []
    public var flutterFalse = 0
    public var atrialFibrillation = Duration()
    public var episodes: [String: EpisodeCounts] = [:]
    public var alerts: [AlertKind: Int] = [:]
    public var hours = 0.0

    public init() {}

    public init(events: [MonitorEvent], annotations: [Annotation], record: Record) {
        let rate = record.samplingRate
        let frameCount = Int64(record.frameCount)
        let rhythm = RhythmReference(annotations: annotations, frameCount: frameCount)
        let spans = Self.spans(events, frameCount: frameCount)
        for span in spans { alerts[span.kind, default: 0] += 1 }
        hours = Double(frameCount) / rate / 3600
        let allowance = Int64(Self.allowanceSeconds * rate)
        scoreFlutter(
            EC57Reference(annotations: annotations, samplingRate: rate, frameCount: record.frameCount).flutter,
            spans.filter { $0.kind == .ventricularFibrillation }, rate: rate, allowance: allowance)
        scoreFibrillation(rhythm, spans, rate: rate, frameCount: frameCount)
        guard !rhythm.episodes.isEmpty else { return }
        for (name, kinds, own) in Self.rhythms {
            let reference = FrameRanges.united(rhythm.frames(of: name))
            let said = spans.filter { kinds.contains($0.kind) }
            let isNear = { (frames: Range<Int64>, span: Span) in
                span.decidedAt >= frames.lowerBound - allowance
                    && span.frames.lowerBound <= frames.upperBound + allowance
                    && span.decidedAt <= frames.upperBound + allowance || span.frames.overlaps(frames)
            }
            episodes[name] = EpisodeCounts(
                annotated: reference.count, said: reference.count { frames in said.contains { isNear(frames, $0) } },
                elsewhere: said.count { span in own.contains(span.kind) && !reference.contains { isNear($0, span) } })
        }
    }

    private static func spans(_ events: [MonitorEvent], frameCount: Int64) -> [Span] {
        var open: [AlertKind: (onset: Int64, decidedAt: Int64)] = [:]
        var spans: [Span] = []
        for event in events {
            guard case .alert(let alert) = event.kind, alert.basis == .samples else { continue }
            if alert.phase == .started {
                open[alert.kind] = (event.sampleIndex, event.decidedAtSampleIndex)
            } else if alert.phase == .ended, let begun = open.removeValue(forKey: alert.kind) {
                let end = max(begun.onset, event.sampleIndex)
                spans.append(Span(kind: alert.kind, frames: begun.onset..<end, decidedAt: begun.decidedAt))
            }
        }
        return spans
    }

    private mutating func scoreFlutter(
        _ reference: [ClosedRange<Int64>], _ said: [Span], rate: Double, allowance: Int64
    ) {
        for episode in reference {
            let hit = said.first {
                $0.decidedAt >= episode.lowerBound && $0.decidedAt <= episode.upperBound + allowance
                    || $0.decidedAt < episode.lowerBound && $0.frames.upperBound >= episode.lowerBound
            }
            flutter.append(
                Episode(
                    record_s: (Double(episode.lowerBound) / rate).rounded(decimals: 1),
                    length_s: (Double(episode.upperBound - episode.lowerBound) / rate).rounded(decimals: 1),
                    delay_s: hit.map { max(0, Double($0.decidedAt - episode.lowerBound) / rate).rounded(decimals: 2) }))
        }
        flutterFalse = said.count { span in
            !reference.contains {
                span.decidedAt >= $0.lowerBound && span.decidedAt <= $0.upperBound + allowance
            }
        }
    }

    private mutating func scoreFibrillation(
        _ rhythm: RhythmReference, _ spans: [Span], rate: Double, frameCount: Int64
    ) {
        guard !rhythm.episodes.isEmpty else { return }
        let minutes = { (ranges: [Range<Int64>]) in Double(FrameRanges.length(ranges)) / rate / 60 }
        let reference = FrameRanges.united(rhythm.frames(of: "(AFIB"))
        let neither = FrameRanges.united(rhythm.frames(of: "(AFL"))
        let said = FrameRanges.united(spans.filter { $0.kind == .atrialFibrillation }.map(\.frames))
        let right = minutes(FrameRanges.common(said, reference))
        let wrong = minutes(said) - right - minutes(FrameRanges.common(said, neither))
        let all = Double(frameCount) / rate / 60
        atrialFibrillation = Duration(
            right_min: right, wrong_min: max(0, wrong), missed_min: max(0, minutes(reference) - right),
            rest_min: max(0, all - minutes(reference) - minutes(neither) - max(0, wrong)))
    }

    /// Alerts that began, by name.
    public var namedAlerts: [String: Int] { Dictionary(uniqueKeysWithValues: alerts.map { ($0.key.name, $0.value) }) }

    /// Adds the counts and durations of another record.
    public static func += (total: inout RhythmScore, record: RhythmScore) {
        total.flutter += record.flutter
        total.flutterFalse += record.flutterFalse
        total.atrialFibrillation.right_min += record.atrialFibrillation.right_min
        total.atrialFibrillation.wrong_min += record.atrialFibrillation.wrong_min
        total.atrialFibrillation.missed_min += record.atrialFibrillation.missed_min
        total.atrialFibrillation.rest_min += record.atrialFibrillation.rest_min
        for (name, episodes) in record.episodes {
            total.episodes[name, default: EpisodeCounts()].annotated += episodes.annotated
            total.episodes[name, default: EpisodeCounts()].said += episodes.said
            total.episodes[name, default: EpisodeCounts()].elsewhere += episodes.elsewhere
        }
        for (kind, count) in record.alerts { total.alerts[kind, default: 0] += count }
        total.hours += record.hours
    }
}
