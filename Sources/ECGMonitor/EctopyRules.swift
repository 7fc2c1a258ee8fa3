internal import ECGATKGAN

/// Ectopic beats alone and in rows. The ventricular chain, from grave to slight; a graver one takes the place of a lesser:
///
/// - **ventricular tachycardia**: `ventricularTachycardiaBeats` V in a row at `ventricularTachycardiaRate` or faster (mean of the
///   last four intervals at most);
/// - **ventricular run**: `ventricularRunBeats` V in a row at any rate; both are over after `runEndBeats` other beats in a row;
/// - **couplet**: two V in a row, known with the beat after them; goes on until there has been none for `coupletHoldSeconds`;
/// - **single V beat**: one V between others, known with the beat after it; goes on until there has been none for
///   `singleVentricularBeatHoldSeconds`. It gives way to bigeminy and trigeminy as well.
///
/// For `coupletHoldSeconds` after a run neither couplets nor single beats are raised.
///
/// **Supraventricular run**: `supraventricularRunBeats` S in a row; over after `runEndBeats` others.
///
/// Beats without a class neither extend nor break a row.
struct EctopyRules: Sendable {
    private let configuration: Limits
    private var ventricular = BeatRow()
    private var supraventricular = BeatRow()
    /// V beats (S beats) since the active run alert began.
    private var ventricularRunBeats = 0
    private var supraventricularRunBeats = 0
    private var singles = 0
    private var couplets = 0
    private var lastSingle: Int64 = 0
    private var lastCouplet: Int64 = 0
    /// Last beat of the last run, nil before the first.
    private var lastRun: Int64?

    /// The few limits that are needed, rather than the whole configuration in each of ten thousand streams.
    private struct Limits: Sendable {
        var run: Int
        var tachycardia: Int
        var tachycardiaRate: Double
        var supraventricularRun: Int
        var runEnd: Int
        var singleHold: Double
        var coupletHold: Double
    }

    init(_ configuration: MonitorConfiguration) {
        self.configuration = Limits(
            run: configuration.ventricularRunBeats, tachycardia: configuration.ventricularTachycardiaBeats,
            tachycardiaRate: configuration.ventricularTachycardiaRate,
            supraventricularRun: configuration.supraventricularRunBeats, runEnd: configuration.runEndBeats,
            singleHold: configuration.singleVentricularBeatHoldSeconds, coupletHold: configuration.coupletHoldSeconds)
    }

    /// - Parameter lowPriority: whether alerts of low priority may start; not in noise, which breeds ectopic beats.
    mutating func beat(_ beatClass: BeatClass, at index: Int64, lowPriority: Bool, alerts: inout AlertRegister) {
        if beatClass == .ventricular {
            ventricular.extend(to: index)
            ventricularBeat(at: index, alerts: &alerts)
        } else {
            closeRow(lowPriority: lowPriority, alerts: &alerts)
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
            }
        }
    }

    /// Ends what has held for long enough.
    mutating func clock(at index: Int64, alerts: inout AlertRegister) {
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

    /// The signal was interrupted: rows do not go on beyond it, alerts do.
    mutating func cut(lowPriority: Bool, alerts: inout AlertRegister) {
        closeRow(lowPriority: lowPriority, alerts: &alerts)
        ventricular.cut()
        supraventricular.cut()
    }

    mutating func reset() {
        ventricular = BeatRow()
        supraventricular = BeatRow()
        lastRun = nil
    }

    private func inVentricularRun(_ alerts: borrowing AlertRegister) -> Bool {
        alerts.isActive(.ventricularRun) || alerts.isActive(.ventricularTachycardia)
    }

    private mutating func ventricularBeat(at index: Int64, alerts: inout AlertRegister) {
        let rate = ventricular.rate(samplingRate: alerts.now.samplingRate)
        let isTachycardia =
            ventricular.count >= configuration.tachycardia && (rate ?? 0) >= configuration.tachycardiaRate
        let wasInRun = inVentricularRun(alerts)
        guard wasInRun || isTachycardia || ventricular.count >= configuration.run else { return }
        lastRun = index
        ventricularRunBeats = wasInRun ? ventricularRunBeats + 1 : ventricular.count
        let figures = "\(ventricularRunBeats) beats" + (rate.map { " at \(fixed($0, decimals: 0))/min" } ?? "")
        if isTachycardia, !alerts.isActive(.ventricularTachycardia) {
            let onset = alerts.isActive(.ventricularRun) ? alerts.onset(.ventricularRun) : ventricular.first
            for lesser in [AlertKind.ventricularRun, .ventricularCouplet, .singleVentricularBeat, .bigeminy, .trigeminy, .tachycardia] {
                alerts.end(lesser, .shadowed, at: index)
            }
            alerts.start(
                .ventricularTachycardia, onset: onset, heartRate: rate, beatCount: ventricularRunBeats,
                text: "ventricular tachycardia, \(figures)")
        } else if !wasInRun {
            for lesser in [AlertKind.ventricularCouplet, .singleVentricularBeat, .bigeminy, .trigeminy] {
                alerts.end(lesser, .shadowed, at: index)
            }
            alerts.start(
                .ventricularRun, onset: ventricular.first, heartRate: rate, beatCount: ventricularRunBeats,
                text: "ventricular run, \(figures)")
        } else {
            let kind = alerts.isActive(.ventricularTachycardia) ? AlertKind.ventricularTachycardia : .ventricularRun
            alerts.update(kind, heartRate: rate, beatCount: ventricularRunBeats, text: "\(kind.name), \(figures)")
        }
    }

    private mutating func endVentricularRun(_ cause: AlertEnd, alerts: inout AlertRegister) {
        alerts.end(.ventricularTachycardia, cause, at: ventricular.last)
        alerts.end(.ventricularRun, cause, at: ventricular.last)
    }

    /// The row of V beats is complete: one or two of them are a finding of their own.
    private mutating func closeRow(lowPriority: Bool, alerts: inout AlertRegister) {
        guard ventricular.count == 1 || ventricular.count == 2, !inVentricularRun(alerts), lowPriority else { return }
        if let lastRun, alerts.now.seconds(from: lastRun, to: ventricular.first) < configuration.coupletHold { return }
        if ventricular.count == 2 {
            couplets = alerts.isActive(.ventricularCouplet) ? couplets + 1 : 1
            lastCouplet = ventricular.last
            alerts.end(.singleVentricularBeat, .shadowed, at: ventricular.first)
            let text = couplets == 1 ? "ventricular couplet" : "\(couplets) ventricular couplets"
            let rate = ventricular.rate(samplingRate: alerts.now.samplingRate)
            alerts.start(.ventricularCouplet, onset: ventricular.first, heartRate: rate, beatCount: 2 * couplets, text: text)
            alerts.update(.ventricularCouplet, heartRate: rate, beatCount: 2 * couplets, text: text)
        } else if !alerts.isActive(.ventricularCouplet), !alerts.isActive(.bigeminy), !alerts.isActive(.trigeminy) {
            singles = alerts.isActive(.singleVentricularBeat) ? singles + 1 : 1
            lastSingle = ventricular.last
            let text = singles == 1 ? "ventricular ectopic beat" : "\(singles) ventricular ectopic beats"
            alerts.start(.singleVentricularBeat, onset: ventricular.first, beatCount: singles, text: text)
            alerts.update(.singleVentricularBeat, beatCount: singles, text: text)
        }
    }

    private mutating func supraventricularBeat(lowPriority: Bool, alerts: inout AlertRegister) {
        let active = alerts.isActive(.supraventricularRun)
        guard active || (lowPriority && supraventricular.count >= configuration.supraventricularRun) else { return }
        supraventricularRunBeats = active ? supraventricularRunBeats + 1 : supraventricular.count
        let rate = supraventricular.rate(samplingRate: alerts.now.samplingRate)
        let text = "supraventricular run, \(supraventricularRunBeats) beats"
            + (rate.map { " at \(fixed($0, decimals: 0))/min" } ?? "")
        alerts.start(
            .supraventricularRun, onset: supraventricular.first, heartRate: rate, beatCount: supraventricularRunBeats,
            text: text)
        alerts.update(.supraventricularRun, heartRate: rate, beatCount: supraventricularRunBeats, text: text)
    }
}
