import EC57
import ECGMonitor
import ToolSupport

/// Ventricular tachycardia, ventricular flutter and fibrillation, and asystole: which annotated episodes were told, how
/// soon, and what was told elsewhere. Sums over records are gross figures.
struct LethalRhythmScore: Sendable {
    /// A rhythm that kills.
    enum Rhythm: String, Sendable, CaseIterable {
        case ventricularFibrillation = "VF"
        case ventricularTachycardia = "VT"
        case asystole = "asystole"

        /// The databases' labels; flutter and fibrillation are taken together.
        var labels: Set<String> {
            switch self {
            case .ventricularFibrillation: ["(VF", "(VFIB", "(VFL"]
            case .ventricularTachycardia: ["(VT"]
            case .asystole: ["(ASYS"]
            }
        }

        /// The labels of the alarms that tell it.
        var told: Set<String> {
            self == .asystole ? [MarkedAlarms.label(.asystole), "(ASYS"] : MarkedAlarms.lethal
        }

        /// The alerts that tell it.
        var kinds: Set<AlertKind> {
            self == .asystole ? [.asystole] : [.ventricularTachycardia, .ventricularFibrillation]
        }
    }

    /// The episodes of one rhythm.
    struct Episodes: Sendable {
        var count = 0
        var seconds = 0.0
        /// Of these, under an alarm that tells the rhythm.
        var alarmedSeconds = 0.0
        /// Told within `limitSeconds`.
        var told = 0
        /// With any alarm of high priority within `limitSeconds`.
        var high = 0
        /// Of `silentSeconds` and more, without any alarm of high priority.
        var silent = 0
        /// From onset to the moment at which the alarm was raised, in s, where it was not on already.
        var delays: [Double] = []
        /// Episodes that began under an alarm.
        var alreadyOn = 0
    }

    /// Annotated episodes that are less than this apart are one, in s.
    static let joinGap = 2.0
    /// Shorter episodes are not scored, s.
    static let minimumSeconds = 3.0
    static let limitSeconds = 10.0
    /// An alarm for a short episode may come this long after its end, s.
    static let allowanceSeconds = 3.0
    static let silentSeconds = 10.0
    /// Marks are good to seconds only: this close to a lethal rhythm no alarm is false.
    static let marginSeconds = 5.0
    /// Where alarms are not false: lethal rhythms, what is like them, and noise that hides the rhythm.
    private static let excused: Set<String> = ["(VT", "(VFL", "(VF", "(VFIB", "(NOISE", "(HGEA", "(VER", "(ASYS"]

    /// Whether a rhythm's label, such as "(VT", names a lethal rhythm.
    static func isLethal(_ label: String) -> Bool { Rhythm.allCases.contains { $0.labels.contains(label) } }

    var episodes: [Rhythm: Episodes] = [:]
    /// Record, seconds and rhythm of each silent episode.
    var silentEpisodes: [String] = []
    /// Hours in which an alarm would be false.
    var clearHours = 0.0
    /// Alarms that began in these hours.
    var falseAlarms = FalseAlarms()
    /// Seconds of these hours under a VT or VF alarm.
    var falseLethalSeconds = 0.0

    init() {}

    /// - Parameters:
    ///   - record: the record's name, for the list of silent episodes.
    ///   - alerts: the same alarms with the times of their decisions.
    init(
        record: String, alarms: MarkedAlarms, alerts: [TimedAlert], rhythms: [MarkedRhythm], seconds: Double
    ) {
        let whole = TimeSpan(start: 0, end: seconds)
        for rhythm in Rhythm.allCases {
            let annotated = rhythms.filter { rhythm.labels.contains($0.label) }.map(\.span)
                .united(acrossGapsBelow: Self.joinGap).filter { $0.end - $0.start >= Self.minimumSeconds }
            guard !annotated.isEmpty else { continue }
            let on = rhythm.told.sorted().flatMap { alarms[$0] }.united()
            var scored = Episodes()
            for episode in annotated {
                scored.add(episode, of: rhythm, alarms: alarms, on: on, alerts: alerts)
                if episode.length >= Self.silentSeconds, !alarms.isOn(MarkedAlarms.high, in: episode) {
                    scored.silent += 1
                    let from = fixed(episode.start, 0)
                    silentEpisodes.append("\(record) \(from) to \(fixed(episode.end, 0)) s \(rhythm.rawValue)")
                }
            }
            episodes[rhythm] = scored
        }
        let excused = rhythms.filter { Self.excused.contains($0.label) }.map {
            $0.span.widened(by: Self.marginSeconds)
        }
        let excusedTime = excused.map { $0.clamped(to: whole) }.united()
        clearHours = (seconds - excusedTime.covered(of: whole)) / 3600
        for (label, spans) in alarms.spans {
            for span in spans where !excused.contains(where: { $0.contains(span.start) }) {
                falseAlarms.add(label: label)
            }
            if MarkedAlarms.lethal.contains(label) {
                for span in spans { falseLethalSeconds += span.length - excusedTime.covered(of: span) }
            }
        }
    }

    /// Adds another record.
    static func += (total: inout LethalRhythmScore, record: LethalRhythmScore) {
        for (rhythm, episodes) in record.episodes { total.episodes[rhythm, default: Episodes()] += episodes }
        total.silentEpisodes += record.silentEpisodes
        total.clearHours += record.clearHours
        total.falseAlarms += record.falseAlarms
        total.falseLethalSeconds += record.falseLethalSeconds
    }
}

extension LethalRhythmScore.Episodes {
    fileprivate mutating func add(
        _ episode: TimeSpan, of rhythm: LethalRhythmScore.Rhythm, alarms: MarkedAlarms, on: [TimeSpan],
        alerts: [TimedAlert]
    ) {
        let limit = TimeSpan(
            start: episode.start,
            end: min(
                episode.start + LethalRhythmScore.limitSeconds, episode.end + LethalRhythmScore.allowanceSeconds))
        count += 1
        seconds += episode.length
        alarmedSeconds += on.covered(of: episode)
        if alarms.isOn(rhythm.told, in: limit) { told += 1 }
        if alarms.isOn(MarkedAlarms.high, in: limit) { high += 1 }
        let raised = alerts.filter {
            rhythm.kinds.contains($0.kind) && TimeSpan(start: $0.onset, end: $0.end).overlaps(episode)
        }.map(\.raised).min()
        guard let raised else { return }
        if raised <= episode.start { alreadyOn += 1 } else { delays.append(raised - episode.start) }
    }

    fileprivate static func += (total: inout Self, other: Self) {
        total.count += other.count
        total.seconds += other.seconds
        total.alarmedSeconds += other.alarmedSeconds
        total.told += other.told
        total.high += other.high
        total.silent += other.silent
        total.delays += other.delays
        total.alreadyOn += other.alreadyOn
    }
}

/// Counts of false alarms.
struct FalseAlarms: Sendable, Equatable {
    /// Of high priority: the three below, and extreme rates where annotated beats tell the rate.
    var high = 0
    var ventricularTachycardia = 0
    var ventricularFibrillation = 0
    var asystole = 0

    /// Counts an alarm by its label in the annotations. Extreme rates are left out: neither rhythm marks nor the
    /// classes of records tell the rate.
    mutating func add(label: String) {
        switch label {
        case MarkedAlarms.label(.ventricularTachycardia): add(1, of: .ventricularTachycardia)
        case MarkedAlarms.label(.ventricularFibrillation), "(VF": add(1, of: .ventricularFibrillation)
        case MarkedAlarms.label(.asystole): add(1, of: .asystole)
        default: break
        }
    }

    /// Counts alarms of one kind.
    mutating func add(_ count: Int, of kind: AlertKind) {
        if kind.priority == .high { high += count }
        switch kind {
        case .ventricularTachycardia: ventricularTachycardia += count
        case .ventricularFibrillation: ventricularFibrillation += count
        case .asystole: asystole += count
        default: break
        }
    }

    static func += (total: inout FalseAlarms, other: FalseAlarms) {
        total.high += other.high
        total.ventricularTachycardia += other.ventricularTachycardia
        total.ventricularFibrillation += other.ventricularFibrillation
        total.asystole += other.asystole
    }
}
