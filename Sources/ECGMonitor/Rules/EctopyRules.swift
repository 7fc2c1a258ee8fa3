internal import ECGATKGAN

/// Ectopic beats, single and in runs. In the ventricular chain, from grave to mild, a graver alert replaces a lesser
/// one:
///
/// - **ventricular tachycardia**: `ventricularTachycardiaBeats` consecutive V beats at `ventricularTachycardiaRate`
///   or faster (mean of at most the last four intervals);
/// - **accelerated idioventricular rhythm**: `idioventricularBeats` consecutive V beats, slower than that and at
///   `idioventricularRate` or faster;
/// - **ventricular run**: `ventricularRunBeats` consecutive V beats at any rate; all three end after `runEndBeats`
///   consecutive beats of other classes;
/// - **couplet**: two consecutive V beats, decided with the beat after them; continues until there has been none for
///   `coupletHoldSeconds`;
/// - **single V beat**: one V between beats of other classes, decided with the beat after it; continues until there
///   has been none for `singleVentricularBeatHoldSeconds`. Bigeminy and trigeminy replace it as well.
///
/// Noise and baseline wander produce V beats, too, so ventricular tachycardia needs confirmation from the waveform:
/// unless, within the last seconds, it has shown VT or VF with a probability of at least 0.3, or noise with less than
/// 0.2, the beats are a ventricular run until it does. (VT with a flat baseline between its complexes does not look like
/// VT to the waveform's detector.)
///
/// For `coupletHoldSeconds` after a run, neither couplets nor single V beats are raised.
///
/// None of them starts while the signal shows ventricular fibrillation, which is graver than all of them.
///
/// **Supraventricular tachycardia**: `supraventricularTachycardiaBeats` consecutive S beats at
/// `supraventricularTachycardiaRate` or faster; **supraventricular run**: `supraventricularRunBeats` consecutive S
/// beats; both end after `runEndBeats` beats of other classes. Neither starts during ventricular tachycardia: its wide
/// complexes may be assigned to S one after the other.
///
/// Beats without a class neither extend nor end a run.
struct EctopyRules: Sendable, Codable {
    private var configuration: Limits
    private var ventricular = BeatRun()
    private var supraventricular = BeatRun()
    /// V beats (S beats) since the active alert about a run began.
    private var ventricularRunBeats = 0
    private var supraventricularRunBeats = 0
    private var singles = 0
    private var couplets = 0
    private var lastSingle: Int64 = 0
    private var lastCouplet: Int64 = 0
    /// Last beat of the last run; nil before the first run.
    private var lastRun: Int64?
    /// Probability of VT according to the waveform.
    private var waveformProbability: Float = 1
    /// Probability of noise according to the waveform.
    private var noiseProbability: Float = 1
    /// The waveform shows VT, which continues whatever the beats are.
    var waveformHoldsTachycardia = false
    /// The last V beat that would have made VT if the waveform had confirmed it.
    private var unconfirmed: Int64?

    /// Minimum probability of VT or VF in the waveform for V beats to count as ventricular tachycardia.
    static let minimumProbability: Float = 0.3
    /// Below this probability of noise, V beats need no confirmation.
    static let calmNoise: Float = 0.2
    /// For this long after the last V beat, in s, the waveform may still confirm it: its window is 3 s long.
    static let confirmationSeconds = 3.0

    /// The few limits that are needed, so that ten thousand streams do not each hold the whole configuration.
    private struct Limits: Sendable, Codable {
        var run: Int
        var idioventricular: Int
        var idioventricularRate: Double
        var supraventricularTachycardia: Int
        var supraventricularTachycardiaRate: Double
        var tachycardia: Int
        var tachycardiaRate: Double
        var supraventricularRun: Int
        var runEnd: Int
        var singleHold: Double
        var coupletHold: Double

        init(_ configuration: MonitorConfiguration) {
            run = configuration.ventricularRunBeats
            idioventricular = configuration.idioventricularBeats
            idioventricularRate = configuration.idioventricularRate
            tachycardia = configuration.ventricularTachycardiaBeats
            tachycardiaRate = configuration.ventricularTachycardiaRate
            supraventricularRun = configuration.supraventricularRunBeats
            supraventricularTachycardia = configuration.supraventricularTachycardiaBeats
            supraventricularTachycardiaRate = configuration.supraventricularTachycardiaRate
            runEnd = configuration.runEndBeats
            singleHold = configuration.singleVentricularBeatHoldSeconds
            coupletHold = configuration.coupletHoldSeconds
        }
    }

    init(_ configuration: MonitorConfiguration) { self.configuration = Limits(configuration) }

    mutating func configure(_ configuration: MonitorConfiguration) { self.configuration = Limits(configuration) }

    /// - Parameter lowPriority: whether low-priority alerts may start; not in noise, which produces false ectopic
    ///   beats.
    mutating func beat(_ beatClass: BeatClass, at index: Int64, lowPriority: Bool, alerts: inout AlertManager) {
        if beatClass == .ventricular {
            ventricular.extend(to: index)
            ventricularBeat(at: index, alerts: &alerts)
        } else {
            endRun(lowPriority: lowPriority, alerts: &alerts)
            ventricular.interrupt()
            if ventricular.others >= configuration.runEnd { endVentricularRun(.cleared, alerts: &alerts) }
        }
        if beatClass == .supraventricular {
            supraventricular.extend(to: index)
            supraventricularBeat(lowPriority: lowPriority, alerts: &alerts)
        } else {
            supraventricular.interrupt()
            if supraventricular.others >= configuration.runEnd {
                alerts.end(.supraventricularRun, .cleared, at: supraventricular.last)
                alerts.end(.supraventricularTachycardia, .cleared, at: supraventricular.last)
            }
        }
    }

    /// Records what the waveform shows.
    mutating func follow(_ evidence: WaveformEvidence) {
        waveformProbability = evidence.ventricularProbability ?? 1
        noiseProbability = evidence.noiseProbability
    }

    private var waveformConfirms: Bool {
        waveformProbability >= Self.minimumProbability || noiseProbability < Self.calmNoise
    }

    /// Whether a run of V beats is in progress, up to the last beat.
    var isInVentricularRun: Bool { ventricular.count >= configuration.run }

    /// Ends alerts whose hold time has passed.
    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        confirm(at: index, alerts: &alerts)
        if alerts.isActive(.singleVentricularBeat),
            alerts.now.seconds(from: lastSingle, to: index) >= configuration.singleHold
        {
            alerts.end(.singleVentricularBeat, .cleared, at: lastSingle)
        }
        if alerts.isActive(.ventricularCouplet),
            alerts.now.seconds(from: lastCouplet, to: index) >= configuration.coupletHold
        {
            alerts.end(.ventricularCouplet, .cleared, at: lastCouplet)
        }
    }

    /// The signal was interrupted: runs do not continue across the interruption, alerts do.
    mutating func cut(lowPriority: Bool, alerts: inout AlertManager) {
        endRun(lowPriority: lowPriority, alerts: &alerts)
        ventricular.cut()
        supraventricular.cut()
    }

    mutating func reset() {
        ventricular = BeatRun()
        supraventricular = BeatRun()
        lastRun = nil
        unconfirmed = nil
    }

    /// The waveform confirms belatedly that a run is ventricular tachycardia.
    private mutating func confirm(at index: Int64, alerts: inout AlertManager) {
        guard let last = unconfirmed else { return }
        guard alerts.now.seconds(from: last, to: index) <= Self.confirmationSeconds else {
            unconfirmed = nil
            return
        }
        guard waveformConfirms, !alerts.isActive(anyOf: .ventricularTachycardia, .ventricularFibrillation) else {
            return
        }
        unconfirmed = nil
        let present = Self.runs.first { alerts.isActive($0) }
        let onset = present.map { alerts.onset($0) } ?? last
        let kind = AlertKind.ventricularTachycardia
        for lesser in Self.lesser(than: kind) { alerts.end(lesser, .shadowed, at: index) }
        alerts.start(
            kind, onset: onset, beatCount: ventricularRunBeats, text: "\(kind.name), \(ventricularRunBeats) beats")
    }

    private func inVentricularRun(_ alerts: borrowing AlertManager) -> Bool {
        alerts.isActive(anyOf: .ventricularRun, .idioventricularRhythm, .ventricularTachycardia)
    }

    /// The alerts of the chain that a graver one replaces.
    private static func lesser(than kind: AlertKind) -> [AlertKind] {
        let isolated: [AlertKind] = [.ventricularCouplet, .singleVentricularBeat, .bigeminy, .trigeminy]
        return switch kind {
        case .ventricularTachycardia:
            isolated + [.ventricularRun, .idioventricularRhythm, .tachycardia, .extremeTachycardia]
        case .idioventricularRhythm: isolated + [.ventricularRun]
        default: isolated
        }
    }

    /// The current alert kind of the run of V beats.
    private func runKind(_ rate: Double?) -> AlertKind? {
        let (count, rate) = (ventricular.count, rate ?? 0)
        if count >= configuration.tachycardia, rate >= configuration.tachycardiaRate { return .ventricularTachycardia }
        if count >= configuration.idioventricular, rate >= configuration.idioventricularRate {
            return .idioventricularRhythm
        }
        return count >= configuration.run ? .ventricularRun : nil
    }

    private mutating func ventricularBeat(at index: Int64, alerts: inout AlertManager) {
        let rate = ventricular.rate(samplingRate: alerts.now.samplingRate)
        var kind = runKind(rate)
        if kind == .ventricularTachycardia {
            unconfirmed = waveformConfirms ? nil : index
            if !waveformConfirms { kind = .ventricularRun }
        }
        let present = Self.runs.first { alerts.isActive($0) }
        guard present != nil || kind != nil else { return }
        lastRun = index
        ventricularRunBeats = present != nil ? ventricularRunBeats + 1 : ventricular.count
        guard !alerts.isActive(.ventricularFibrillation) else { return }
        let figures = "\(ventricularRunBeats) beats" + (rate.map { " at \(fixed($0, decimals: 0))/min" } ?? "")
        if let kind, Self.grade(kind) > Self.grade(present) {
            let onset = present.map { alerts.onset($0) } ?? ventricular.first
            for lesser in Self.lesser(than: kind) { alerts.end(lesser, .shadowed, at: index) }
            alerts.start(
                kind, onset: onset, heartRate: rate, beatCount: ventricularRunBeats, text: "\(kind.name), \(figures)")
        } else if let present {
            alerts.update(present, heartRate: rate, beatCount: ventricularRunBeats, text: "\(present.name), \(figures)")
        }
    }

    /// From grave to mild.
    private static let runs: [AlertKind] = [.ventricularTachycardia, .idioventricularRhythm, .ventricularRun]

    private static func grade(_ kind: AlertKind?) -> Int {
        switch kind {
        case .ventricularTachycardia: 3
        case .idioventricularRhythm: 2
        case .ventricularRun: 1
        default: 0
        }
    }

    private mutating func endVentricularRun(_ cause: AlertEnd, alerts: inout AlertManager) {
        if !waveformHoldsTachycardia || cause != .cleared {
            alerts.end(.ventricularTachycardia, cause, at: ventricular.last)
        }
        alerts.end(.idioventricularRhythm, cause, at: ventricular.last)
        alerts.end(.ventricularRun, cause, at: ventricular.last)
    }

    /// The run of V beats is complete: one or two of them are a finding of their own.
    private mutating func endRun(lowPriority: Bool, alerts: inout AlertManager) {
        guard ventricular.count == 1 || ventricular.count == 2, !inVentricularRun(alerts), lowPriority,
            !alerts.isActive(.ventricularFibrillation)
        else { return }
        if let lastRun, alerts.now.seconds(from: lastRun, to: ventricular.first) < configuration.coupletHold { return }
        if ventricular.count == 2 {
            couplets = alerts.isActive(.ventricularCouplet) ? couplets + 1 : 1
            lastCouplet = ventricular.last
            alerts.end(.singleVentricularBeat, .shadowed, at: ventricular.first)
            let text = couplets == 1 ? "ventricular couplet" : "\(couplets) ventricular couplets"
            let rate = ventricular.rate(samplingRate: alerts.now.samplingRate)
            alerts.start(
                .ventricularCouplet, onset: ventricular.first, heartRate: rate, beatCount: 2 * couplets, text: text)
            alerts.update(.ventricularCouplet, heartRate: rate, beatCount: 2 * couplets, text: text)
        } else if !alerts.isActive(.ventricularCouplet), !alerts.isActive(.bigeminy), !alerts.isActive(.trigeminy) {
            singles = alerts.isActive(.singleVentricularBeat) ? singles + 1 : 1
            lastSingle = ventricular.last
            let text = singles == 1 ? "ventricular ectopic beat" : "\(singles) ventricular ectopic beats"
            alerts.start(.singleVentricularBeat, onset: ventricular.first, beatCount: singles, text: text)
            alerts.update(.singleVentricularBeat, beatCount: singles, text: text)
        }
    }

    private mutating func supraventricularBeat(lowPriority: Bool, alerts: inout AlertManager) {
        let isRun = alerts.isActive(.supraventricularRun)
        let wasTachycardia = alerts.isActive(.supraventricularTachycardia)
        let rate = supraventricular.rate(samplingRate: alerts.now.samplingRate)
        let isTachycardia =
            supraventricular.count >= configuration.supraventricularTachycardia
            && (rate ?? 0) >= configuration.supraventricularTachycardiaRate
        let isNewRun = lowPriority && supraventricular.count >= configuration.supraventricularRun
        guard isRun || wasTachycardia || isTachycardia || isNewRun else { return }
        guard isRun || wasTachycardia || !alerts.isActive(anyOf: .ventricularFibrillation, .ventricularTachycardia)
        else { return }
        supraventricularRunBeats = isRun || wasTachycardia ? supraventricularRunBeats + 1 : supraventricular.count
        let figures = "\(supraventricularRunBeats) beats" + (rate.map { " at \(fixed($0, decimals: 0))/min" } ?? "")
        let kind = wasTachycardia || isTachycardia ? AlertKind.supraventricularTachycardia : .supraventricularRun
        let onset = isRun ? alerts.onset(.supraventricularRun) : supraventricular.first
        if isTachycardia, !wasTachycardia {
            for lesser in [AlertKind.supraventricularRun, .tachycardia] {
                alerts.end(lesser, .shadowed, at: supraventricular.last)
            }
        }
        let text = "\(kind.name), \(figures)"
        alerts.start(kind, onset: onset, heartRate: rate, beatCount: supraventricularRunBeats, text: text)
        alerts.update(kind, heartRate: rate, beatCount: supraventricularRunBeats, text: text)
    }
}
