import DaemonEvaluation
import DaemonHarness
import ECGReplay
import Glibc
import TestSupport
import Testing
import ToolSupport

/// Gateways, workers and RabbitMQ nodes as processes of their own. Where RabbitMQ is not installed, these tests are
/// skipped.
@Suite(.serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"))
struct ClusterRecoveryTests {
    private static let quiet = "[streams]\nsilent_after_seconds = 3600\nforgotten_after_seconds = 7200\n"

    private static func materials(_ count: Int, seconds: Double) throws -> [(stream: String, material: ReplayMaterial)]
    {
        let script = try #require(RhythmScript("sinus@75:40,bigeminy:20,asystole:8,vt@170:15,sinus"))
        return (0..<count).map { number in
            ("bed-\(number)", ReplayMaterial(simulating: script, seconds: seconds, seed: UInt64(number)))
        }
    }

    private static func undisturbed(
        _ materials: [(stream: String, material: ReplayMaterial)], in folder: TemporaryFolder
    ) throws -> RecoveryRun.Outcome {
        var setup = LocalDaemon.Options(programs: [Checkout.program("ecgmond")], model: Checkout.model)
        setup.configuration = quiet
        setup.journal = .file("\(folder.path)/single/journal.sqlite")
        setup.hasAcknowledgedIngest = true
        return try RecoveryRun(materials: materials, endings: 0, disturbance: .signal(SIGKILL), seed: 1).run(
            with: LocalDaemon(setup, directory: "\(folder.path)/single"))
    }

    private static func cluster(
        in folder: TemporaryFolder, _ change: (inout LocalCluster.Options) -> Void = { _ in }
    ) throws -> LocalCluster {
        var setup = LocalCluster.Options(programs: [Checkout.program("ecgmond")], model: Checkout.model)
        setup.configuration = quiet
        setup.partitions = 8
        change(&setup)
        return try LocalCluster(setup, directory: "\(folder.path)/cluster")
    }

    /// Kills of each kind: the events of an undisturbed single daemon, none lost, none twice, the bodies the same.
    @Test func killsOfEveryKindLeaveTheEventsOfOneDaemon() throws {
        let folder = try TemporaryFolder("cluster")
        let materials = try Self.materials(6, seconds: 320)
        let undisturbed = try Self.undisturbed(materials, in: folder)
        let cluster = try Self.cluster(in: folder)
        try cluster.start()
        var outcome = try ClusterRun(
            materials: materials, disturbances: [.worker, .gateway, .broker], speed: 8, pauseSeconds: 4, seed: 3
        ).run(on: cluster)
        outcome.recovery.lastEnding = cluster.stop().first { $0 != "exit code 0" } ?? "exit code 0"
        let comparison = RecoveryComparison(undisturbed: undisturbed, disturbed: outcome.recovery)
        #expect(outcome.moments.count == 3)
        #expect(comparison.missing.isEmpty)
        #expect(comparison.surplus.isEmpty)
        #expect(comparison.different.isEmpty)
        #expect(comparison.subscriber.isExact, "\(comparison.subscriber)")
        #expect(outcome.recovery.problems.isEmpty, "\(outcome.recovery.problems)")
        #expect(comparison.isExact, "\(outcome.recovery.lastEnding)")
    }
}
