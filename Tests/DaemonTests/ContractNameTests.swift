import ECGMonitor
import ECGSignal
import ECGWire
import MonitorWire
import Testing

@testable import MonitorDaemon

/// The names that leave the daemon. Stored event ids, dashboards, journals and configuration files rely on them: a test
/// that fails here says that others would break.
@Suite struct ContractNameTests {
    private func names<Value: CaseIterable & ContractNamed>(_: Value.Type) -> [String] {
        Value.allCases.map(\.contractName)
    }

    @Test func namesInEventIDsMetricsAndJournalNeverChange() {
        #expect(
            names(AlertKind.self) == [
                "asystole", "pause", "bradycardia", "tachycardia", "singleVentricularBeat", "ventricularCouplet",
                "ventricularRun", "ventricularTachycardia", "bigeminy", "trigeminy", "supraventricularRun", "leadOff",
                "signalLost", "attackSuspected", "noisySignal", "ventricularFibrillation", "extremeBradycardia",
                "extremeTachycardia", "idioventricularRhythm", "rOnT", "frequentVentricularBeats",
                "supraventricularTachycardia", "atrialFibrillation", "leadNotUsable", "signalChanged",
                "replaySuspected", "clockDisagrees",
            ])
        #expect(names(AlertPhase.self) == ["started", "updated", "ended"])
        #expect(names(AlertPriority.self) == ["technical", "low", "medium", "high"])
        #expect(names(AlertBasis.self) == ["samples", "wallClock"])
        #expect(
            names(AlertChange.self) == ["figures", "acknowledged", "conditionOver", "conditionBack", "reminder"])
        #expect(names(MonitorState.self) == ["learning", "monitoring", "ended"])
        #expect(
            names(SignalCondition.self) == ["good", "leadOff", "invalidSamples", "saturation", "flatLine", "noisy"])
    }

    @Test func metricLabelsArePinned() {
        #expect(DaemonMetrics.BeatLabel.allCases.map(\.rawValue) == ["N", "S", "V", "F", "unclassified"])
        #expect(DaemonMetrics.ReloadResult.allCases.map(\.rawValue) == ["ok", "failed"])
        #expect(
            CommandLabel.allCases.map(\.rawValue) == [
                "done", "nothing_to_do", "invalid", "unknown_stream", "too_long", "unavailable", "not_permitted",
            ])
        #expect(
            JournalMetrics.DropCause.allCases.map(\.rawValue) == ["old", "space", "pending_full", "ending"])
        #expect(
            AuthenticatorService.RefusalCause.allCases.map(\.rawValue) == [
                "unknown_key", "expired_key", "banned_key", "mechanism",
            ])
        #expect(
            SubscriberAdmission.Offence.allCases.map(\.rawValue) == [
                "no_subscription", "too_many_subscriptions", "too_short",
            ])
        #expect(
            Topic.Kind.allCases.map(\.rawValue) == ["alert", "beat", "suspicion", "status", "waveform", "health"])
        #expect(JournalKind.allCases.map { JournalDatabase.table($0) } == ["beat", "alert", "suspicion", "status"])
    }

    private func id(_ kind: MonitorEvent.Kind) -> String {
        let event = MonitorEvent(
            session: 7, sampleIndex: 100, decidedAtSampleIndex: 150, acquisitionTimeNanoseconds: 0, kind: kind)
        return WireEvent(event, stream: "bed-1", sequence: 1).id
    }

    @Test func idsAreMadeOfContractNames() {
        var alert = Alert(
            kind: .rOnT, phase: .updated, priority: .low, number: 3, basis: .wallClock, onsetSampleIndex: 100,
            durationSeconds: 1, heartRate: nil, beatCount: 0, text: "", change: .conditionOver)
        #expect(id(.alert(alert)) == "bed-1/7/alert/100/150/rOnT/3/updated/clock/conditionOver")
        alert.basis = .samples
        alert.change = .figures
        #expect(id(.alert(alert)) == "bed-1/7/alert/100/150/rOnT/3/updated")
        var status = Status(condition: .leadOff, conditionSinceSampleIndex: 0, state: .learning, heartRate: nil)
        #expect(id(.status(status)) == "bed-1/7/status/100/150/learning/leadOff")
        status.pauseChange = 2
        #expect(id(.status(status)) == "bed-1/7/status/100/150/learning/leadOff/pause-2")
        status.pauseChange = 0
        status.leadChange = 3
        #expect(id(.status(status)) == "bed-1/7/status/100/150/learning/leadOff/leads-3")
        status.leadChange = 0
        status.gap = Gap(firstMissingSampleIndex: 90, missingSampleCount: 10)
        #expect(id(.status(status)) == "bed-1/7/status/100/150/gap")
    }
}
