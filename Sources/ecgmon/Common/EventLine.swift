import ECGWire
import ToolSupport

/// One event as one short terminal line, without a line end.
struct EventLine {
    let terminal: Terminal

    /// - Parameters:
    ///   - time: when `event.sampleIndex` was taken, as the reader should see it (a position in the record, a time of
    ///     day).
    /// - Returns: nil for an event of a kind that this version does not know.
    func render(_ event: WireEvent, time: String) -> String? {
        let head = "\(time)  \(printable(event.stream))  "
        switch event.payload {
        case .beat(let beat): return head + render(beat)
        case .alert(let alert): return head + render(alert)
        case .suspicion(let suspicion): return head + render(suspicion)
        case .status(let status): return head + render(status)
        case .waveform(let waveform):
            return head + "waveform  \(waveform.millivolts.count) samples at \(fixed(waveform.samplingRate, 0))/s"
        case nil: return nil
        }
    }

    /// N, S, V, F, or `?` for a beat without a class, coloured.
    func letter(of beat: WireBeat) -> String {
        switch beat.beatClass {
        case .normal: "N"
        case .supraventricular: terminal.styled("S", .yellow)
        case .ventricular: terminal.styled("V", .red)
        case .fusion: terminal.styled("F", .magenta)
        case .unspecified, .UNRECOGNIZED: terminal.styled("?", .dim)
        }
    }

    private func render(_ beat: WireBeat) -> String {
        var parts = ["beat \(letter(of: beat))"]
        if beat.rrIntervalSeconds > 0 {
            parts.append("rr \(fixed(beat.rrIntervalSeconds, 3)) s")
            parts.append("\(Int((60 / beat.rrIntervalSeconds).rounded()))/min")
        }
        switch beat.beatClass {
        case .unspecified, .UNRECOGNIZED: parts.append("not classified: \(cause(beat.notClassifiedBecause))")
        default:
            parts.append("p \(fixed(probability(of: beat), 2))")
            parts.append("suspicion \(fixed(Double(beat.attackSuspicion), 2))")
        }
        if beat.atrialPacing || beat.ventricularPacing {
            let chambers = [beat.atrialPacing ? "atrium" : nil, beat.ventricularPacing ? "ventricle" : nil]
            parts.append("pacing: \(chambers.compactMap(\.self).joined(separator: " and "))")
        }
        return parts.joined(separator: "  ")
    }

    func render(_ alert: WireAlert) -> String {
        let phase =
            switch alert.phase {
            case .started: "begins"
            case .updated: change(alert)
            case .ended: "ends"
            case .unspecified, .UNRECOGNIZED: "?"
            }
        let colour: Terminal.Colour? =
            if alert.phase == .ended {
                .dim
            } else {
                switch alert.priority {
                case .high: .red
                case .medium: .yellow
                case .low: .cyan
                case .technical: .magenta
                case .unspecified, .UNRECOGNIZED: nil
                }
            }
        let text = alert.text.isEmpty ? name(alert.kind) : printable(alert.text)
        let pause =
            switch alert.paused {
            case .audio: "  (audio paused)"
            case .alarm: "  (paused)"
            case .unspecified, .UNRECOGNIZED: ""
            }
        return terminal.styled("ALERT \(name(alert.priority)) \(phase)  \(text)\(pause)", colour)
    }

    /// An alert that is on, as a line of a list.
    func renderActive(_ alert: WireAlert) -> String {
        var parts = [
            name(alert.priority), name(alert.kind), "number \(alert.number)",
            "for \(fixed(alert.durationSeconds, 0)) s",
            printable(alert.text),
        ]
        if alert.latched { parts.append("latched") }
        if alert.acknowledged { parts.append("acknowledged by \(printable(alert.acknowledgedBy))") }
        return parts.joined(separator: "  ")
    }

    private func change(_ alert: WireAlert) -> String {
        switch alert.change {
        case .acknowledged: "acknowledged by \(printable(alert.acknowledgedBy))"
        case .conditionOver: "latched"
        case .conditionBack: "is back"
        case .reminder: "still on, acknowledged by \(printable(alert.acknowledgedBy))"
        case .figures, .unspecified, .UNRECOGNIZED: "goes on"
        }
    }

    /// A pause with the time that is left.
    func render(_ pause: WireAlarmPause) -> String {
        let what =
            switch pause.kind {
            case .audio: "audio paused"
            case .alarm, .unspecified, .UNRECOGNIZED: "alarms paused"
            }
        return "\(what) for \(fixed(pause.remainingSeconds, 0)) s by \(printable(pause.by))"
    }

    func render(_ suspicion: WireSuspicion) -> String {
        let subject = suspicion.cause == .replay ? "SUSPICION of a replay" : "SUSPICION"
        let what = "\(subject) \(suspicion.active ? "raised" : "withdrawn")"
        return terminal.styled(
            "\(what)  score \(fixed(Double(suspicion.score), 2)) over \(suspicion.beatsConsidered) beats",
            suspicion.active ? .magenta : .dim)
    }

    func render(_ status: WireStatus) -> String {
        if status.hasGap {
            let gap = status.gap
            return terminal.styled(
                "GAP  \(gap.missingSampleCount) samples missing from index \(gap.firstMissingSampleIndex)", .yellow)
        }
        var parts = ["status", name(status.state), "signal \(name(status.condition))"]
        if status.heartRate > 0 { parts.append("\(Int(status.heartRate.rounded()))/min") }
        if status.paced { parts.append("paced") }
        if status.hasPause { parts.append(render(status.pause)) }
        return terminal.styled(parts.joined(separator: "  "), status.condition == .good ? .dim : .yellow)
    }

    /// The daemon's own state.
    func render(_ health: WireHealth) -> String {
        let state =
            switch health.state {
            case .starting: "starting"
            case .ok: "ok"
            case .degraded: terminal.styled("degraded", .yellow)
            case .stopping: "stopping"
            case .unspecified, .UNRECOGNIZED: "in an unknown state"
            }
        let rejected = health.rejectedByCause.values.reduce(0, +)
        let pairs = health.sameHeartbeat.map { ", the same heartbeat in \($0.stream) and \($0.otherStream)" }
        return
            "\(timeOfDay(health.timeNs))  daemon \(state)  \(health.streams) streams  \(health.beatsDetected) beats  "
            + "\(health.eventsPublished) events, \(health.eventsDropped) dropped  \(rejected) messages rejected"
            + pairs.joined()
    }

    private func probability(of beat: WireBeat) -> Double {
        let all = beat.probabilities
        return Double(max(max(all.normal, all.supraventricular), max(all.ventricular, all.fusion)))
    }

    private func cause(_ cause: WireNotClassifiedCause) -> String {
        switch cause {
        case .gap: "gap at its edge"
        case .endOfSignal: "end of the signal"
        case .poorSignal: "poor signal"
        case .flatWindow: "flat window"
        case .noClassifier: "no classifier"
        case .unspecified, .UNRECOGNIZED: "no reason given"
        }
    }

    private func name(_ priority: WireAlertPriority) -> String {
        switch priority {
        case .high: "high"
        case .medium: "medium"
        case .low: "low"
        case .technical: "technical"
        case .unspecified, .UNRECOGNIZED: "?"
        }
    }

    func name(_ kind: WireAlertKind) -> String {
        switch kind {
        case .asystole: "asystole"
        case .pause: "pause"
        case .bradycardia: "bradycardia"
        case .tachycardia: "tachycardia"
        case .singleVentricularBeat: "single V beat"
        case .ventricularCouplet: "V couplet"
        case .ventricularRun: "V run"
        case .ventricularTachycardia: "ventricular tachycardia"
        case .bigeminy: "bigeminy"
        case .trigeminy: "trigeminy"
        case .supraventricularRun: "S run"
        case .leadOff: "lead off"
        case .signalLost: "signal lost"
        case .attackSuspected: "attack suspected"
        case .noisySignal: "noisy signal"
        case .ventricularFibrillation: "ventricular fibrillation"
        case .extremeBradycardia: "extreme bradycardia"
        case .extremeTachycardia: "extreme tachycardia"
        case .idioventricularRhythm: "idioventricular rhythm"
        case .rOnT: "R on T"
        case .frequentVentricularBeats: "frequent V beats"
        case .supraventricularTachycardia: "supraventricular tachycardia"
        case .atrialFibrillation: "atrial fibrillation"
        case .leadNotUsable: "lead not usable"
        case .signalChanged: "signal changed"
        case .replaySuspected: "replay suspected"
        case .clockDisagrees: "clock disagrees"
        case .unspecified: "unknown alert"
        case .UNRECOGNIZED(let number): "alert \(number)"
        }
    }

    private func name(_ condition: WireSignalCondition) -> String {
        switch condition {
        case .good: "good"
        case .leadOff: "lead off"
        case .flatLine: "flat line"
        case .saturation: "saturated"
        case .invalidSamples: "invalid samples"
        case .noisy: "noisy"
        case .noSignal: "none"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }

    private func name(_ state: WireMonitorState) -> String {
        switch state {
        case .learning: "learning"
        case .monitoring: "monitoring"
        case .ended: "ended"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}

/// Time of day in UTC of nanoseconds since 1970, to a tenth of a second: `12:03:04.5`.
func timeOfDay(_ nanoseconds: Int64) -> String {
    let tenths = nanoseconds / 100_000_000
    let inDay = ((tenths % 864_000) + 864_000) % 864_000
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(two(inDay / 36_000)):\(two(inDay / 600 % 60)):\(two(inDay / 10 % 60)).\(inDay % 10)"
}
