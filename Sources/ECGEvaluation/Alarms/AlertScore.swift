import EC57
public import ECGMonitor

/// An alert from its start to its end, in seconds of the record.
public struct AlertEpisode: Sendable {
    public var kind: AlertKind
    public var onset: Double
    public var end: Double

    /// The alerts about the patient (with `technical`, the technical ones) among events, in the order in which they
    /// began.
    public static func episodes(_ events: [MonitorEvent], samplingRate: Double, technical: Bool = false)
        -> [AlertEpisode]
    {
        var open: [AlertKind: AlertEpisode] = [:]
        var closed: [AlertEpisode] = []
        for event in events {
            guard case .alert(let alert) = event.kind, (alert.priority == .technical) == technical else { continue }
            let onset = Double(alert.onsetSampleIndex) / samplingRate
            let now = Double(event.decidedAtSampleIndex) / samplingRate
            if alert.phase == .started { open[alert.kind] = AlertEpisode(kind: alert.kind, onset: onset, end: now) }
            if alert.phase == .ended, var episode = open.removeValue(forKey: alert.kind) {
                episode.end = max(episode.end, Double(event.sampleIndex) / samplingRate)
                closed.append(episode)
            }
        }
        return (closed + open.values).sorted { ($0.onset, $0.kind.rawValue) < ($1.onset, $1.kind.rawValue) }
    }

    /// Whether both are within this many seconds of each other.
    public func overlaps(_ other: AlertEpisode, within seconds: Double) -> Bool {
        onset <= other.end + seconds && other.onset <= end + seconds
    }
}

/// Scores the alerts about the patient of one or more streams against those that the same rules report for the
/// annotated beats.
///
/// An alert is true if the reference has an alert of the same kind, or of a more severe kind of its chain, that
/// overlaps with it within `toleranceSeconds`; a reference alert is missed if the stream has no such alert. Ventricular
/// flutter and fibrillation have no annotated beats: during them no alert is false, and an episode is missed if no
/// alert of high priority falls within it.
public struct AlertScore: Sendable {
    /// Maximum distance between an alert and the reference alert that it is matched with.
    public static let toleranceSeconds = 5.0

    public var hours = 0.0
    public var raised: [AlertKind: Int] = [:]
    public var falseOnes: [AlertKind: Int] = [:]
    public var expected: [AlertKind: Int] = [:]
    public var missed: [AlertKind: Int] = [:]
    public var technical: [AlertKind: Int] = [:]
    public var flutterSegments = 0
    public var flutterMissed = 0
    /// Seconds under a technical alert about the signal, not counting suspected attacks and
    /// changed signals, whose beats can be relied on.
    public var technicalSeconds = 0.0

    public init() {}

    /// - Parameters:
    ///   - found: the monitor's events.
    ///   - reference: of `ReferenceAlerts`.
    ///   - flutter: in seconds.
    ///   - samplingRate: of the events' sample indices, in Hz.
    ///   - seconds: length of the record.
    public init(
        found: [MonitorEvent], reference: [MonitorEvent], flutter: [ClosedRange<Double>], samplingRate: Double,
        seconds: Double
    ) {
        hours = seconds / 3600
        let within = Self.toleranceSeconds
        let segments = flutter.map { AlertEpisode(kind: .asystole, onset: $0.lowerBound, end: $0.upperBound) }
        func isInFlutter(_ episode: AlertEpisode) -> Bool {
            segments.contains { episode.overlaps($0, within: within) }
        }
        let alerts = AlertEpisode.episodes(found, samplingRate: samplingRate)
        let truth = AlertEpisode.episodes(reference, samplingRate: samplingRate).filter { !isInFlutter($0) }
        func matches(_ episode: AlertEpisode, _ others: [AlertEpisode]) -> Bool {
            others.contains {
                ($0.kind == episode.kind || Self.graver(than: episode.kind).contains($0.kind))
                    && episode.overlaps($0, within: within)
            }
        }
        for alert in alerts where !isInFlutter(alert) {
            raised[alert.kind, default: 0] += 1
            if !matches(alert, truth) { falseOnes[alert.kind, default: 0] += 1 }
        }
        for alert in truth {
            expected[alert.kind, default: 0] += 1
            if !matches(alert, alerts) { missed[alert.kind, default: 0] += 1 }
        }
        flutterSegments = segments.count
        flutterMissed = segments.count { segment in
            !alerts.contains { $0.kind.priority == .high && $0.overlaps(segment, within: 0) }
        }
        for episode in AlertEpisode.episodes(found, samplingRate: samplingRate, technical: true) {
            technical[episode.kind, default: 0] += 1
            if ![.attackSuspected, .signalChanged, .replaySuspected, .clockDisagrees].contains(episode.kind) {
                technicalSeconds += episode.end - episode.onset
            }
        }
    }

    /// Adds the counts and hours of another stream.
    public static func += (total: inout AlertScore, other: AlertScore) {
        total.hours += other.hours
        total.raised.merge(other.raised, uniquingKeysWith: +)
        total.falseOnes.merge(other.falseOnes, uniquingKeysWith: +)
        total.expected.merge(other.expected, uniquingKeysWith: +)
        total.missed.merge(other.missed, uniquingKeysWith: +)
        total.technical.merge(other.technical, uniquingKeysWith: +)
        total.flutterSegments += other.flutterSegments
        total.flutterMissed += other.flutterMissed
        total.technicalSeconds += other.technicalSeconds
    }

    /// Kinds that replace a kind, or include it.
    private static func graver(than kind: AlertKind) -> [AlertKind] {
        switch kind {
        case .pause, .extremeBradycardia: [.asystole]
        case .bradycardia: [.extremeBradycardia, .asystole]
        case .ventricularTachycardia: [.ventricularFibrillation]
        case .ventricularRun: [.idioventricularRhythm, .ventricularTachycardia, .ventricularFibrillation]
        case .extremeTachycardia: [.ventricularTachycardia, .ventricularFibrillation]
        case .tachycardia:
            [.extremeTachycardia, .supraventricularTachycardia, .ventricularTachycardia, .ventricularFibrillation]
        case .supraventricularRun: [.supraventricularTachycardia]
        case .ventricularCouplet, .bigeminy, .trigeminy:
            [.ventricularRun, .idioventricularRhythm, .ventricularTachycardia]
        case .singleVentricularBeat:
            [
                .ventricularCouplet, .bigeminy, .trigeminy, .ventricularRun, .idioventricularRhythm,
                .ventricularTachycardia,
            ]
        default: []
        }
    }

    /// The figures as they are printed.
    public struct Figures: Encodable, Sendable {
        /// The figures of one kind of alert.
        public struct Kind: Encodable, Sendable {
            public var alert: String
            public var priority: String
            public var raised: Int
            public var not_true: Int
            public var expected: Int
            public var missed: Int
        }

        public var hours: Double
        public var false_per_hour_high: Double
        public var false_per_hour_medium: Double
        public var false_per_hour_low: Double
        public var expected_high_and_medium: Int
        public var missed_high_and_medium: Int
        public var expected_low: Int
        public var missed_low: Int
        public var flutter_stretches: Int
        public var flutter_missed: Int
        public var technical_alerts: [String: Int]
        /// Percent of the time.
        public var technical_time: Double
        public var kinds: [Kind]
    }

    /// The figures of these counts.
    public var figures: Figures {
        func sum(_ counts: [AlertKind: Int], _ priorities: AlertPriority...) -> Int {
            counts.reduce(0) { $0 + (priorities.contains($1.key.priority) ? $1.value : 0) }
        }
        func hourly(_ priority: AlertPriority) -> Double {
            hours > 0 ? (Double(sum(falseOnes, priority)) / hours).rounded(decimals: 2) : 0
        }
        return Figures(
            hours: hours.rounded(decimals: 2), false_per_hour_high: hourly(.high),
            false_per_hour_medium: hourly(.medium), false_per_hour_low: hourly(.low),
            expected_high_and_medium: sum(expected, .high, .medium),
            missed_high_and_medium: sum(missed, .high, .medium),
            expected_low: sum(expected, .low), missed_low: sum(missed, .low), flutter_stretches: flutterSegments,
            flutter_missed: flutterMissed,
            technical_alerts: Dictionary(uniqueKeysWithValues: technical.map { ($0.key.name, $0.value) }),
            technical_time: hours > 0 ? (technicalSeconds / hours / 36).rounded(decimals: 2) : 0,
            kinds: AlertKind.allCases.filter { raised[$0] != nil || expected[$0] != nil }.map {
                .init(
                    alert: $0.name, priority: "\($0.priority)", raised: raised[$0] ?? 0, not_true: falseOnes[$0] ?? 0,
                    expected: expected[$0] ?? 0, missed: missed[$0] ?? 0)
            })
    }
}
