import DaemonEvaluation
import DaemonHarness
import ECGReplay
import FoundationEssentials
import Glibc
import MonitorDaemon
import TestSupport
import Testing
import ToolSupport

/// Members that reach their brokers by TLS alone.
@Suite(
    .serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"),
    .enabled(if: Certificates.canBeMade, "skipped: openssl is not installed"))
struct ClusterEncryptionTests {
    private static func tls(_ folder: TemporaryFolder, certificate: String = "server.pem") -> LocalBrokers.TLS {
        LocalBrokers.TLS(
            authorities: "\(folder.path)/ca.pem", certificate: "\(folder.path)/\(certificate)",
            key: "\(folder.path)/server.key")
    }

    /// Three brokers, a gateway and workers: a worker, the gateway and a broker are killed.
    @Test func encryptedClusterLosesNothingWhenMembersAreKilled() throws {
        let folder = try TemporaryFolder("tls")
        try Certificates.make(in: folder)
        let script = try #require(RhythmScript("sinus@75:20,bigeminy:10,vt@170:15,sinus"))
        let materials = (0..<3).map { number in
            ("bed-\(number)", ReplayMaterial(simulating: script, seconds: 240, seed: UInt64(number)))
        }
        var setup = LocalCluster.Options(programs: [Checkout.program("ecgmond")], model: Checkout.model)
        setup.partitions = 4
        setup.tls = Self.tls(folder)
        setup.configuration = "[streams]\nsilent_after_seconds = 3600\nforgotten_after_seconds = 7200\n"
        let cluster = try LocalCluster(setup, directory: "\(folder.path)/c")
        try cluster.start()
        let member = try String(contentsOf: URL(filePath: cluster.workers[0].configurationPath), encoding: .utf8)
        #expect(member.contains("amqps://localhost:") && !member.contains("amqp://"))
        let run = ClusterRun(
            materials: materials, disturbances: [.worker, .gateway, .broker], speed: 8, pauseSeconds: 3, seed: 5)
        var outcome = try run.run(on: cluster)
        let connected = cluster.gateways[0].logLines(with: "connected to the broker")
        outcome.recovery.lastEnding = cluster.stop().first { $0 != "exit code 0" } ?? "exit code 0"
        #expect(connected > 0)
        #expect(outcome.moments.count == 3)
        #expect(outcome.recovery.problems.isEmpty, "\(outcome.recovery.problems)")
        #expect(outcome.recovery.unacknowledged == 0)
        // The same samples through one daemon.
        var single = LocalDaemon.Options(programs: [Checkout.program("ecgmond")], model: Checkout.model)
        single.configuration = setup.configuration
        single.journal = .file("\(folder.path)/single/journal.sqlite")
        single.hasAcknowledgedIngest = true
        let undisturbed = try RecoveryRun(
            materials: materials, endings: 0, disturbance: .signal(SIGKILL), seed: 1
        ).run(with: LocalDaemon(single, directory: "\(folder.path)/single"))
        #expect(RecoveryComparison(undisturbed: undisturbed, disturbed: outcome.recovery).isExact)
    }

    @Test func wrongAuthoritiesAndExpiredCertificatesAreSaidInOneLine() throws {
        for certificate in ["server.pem", "expired.pem"] {
            let folder = try TemporaryFolder("tls")
            try Certificates.make(in: folder)
            let cluster = try ClusterBedside.cluster(in: folder) { setup in
                setup.workers = 1
                setup.tls = Self.tls(folder, certificate: certificate)
            }
            try cluster.brokers.startAll()
            let worker = cluster.workers[0]
            if certificate == "server.pem" {
                let text = try String(contentsOf: URL(filePath: worker.configurationPath), encoding: .utf8)
                try worker.write(configuration: text.replacing("/ca.pem", with: "/other.pem"))
            }
            try worker.start()
            let words = "compare the broker's certificate with cluster.ca_file, its name with cluster.brokers, and its "
            #expect(ClusterBedside.eventually { worker.logLines(with: words) > 0 }, "\(certificate): \(worker.log)")
            #expect(worker.logLines(with: "connected to the broker") == 0)
            let failure = #expect(throws: StartFailure.self) {
                try ClusterStatus.read(configurationAt: worker.configurationPath)
            }
            #expect(failure?.words.contains(words) == true && failure?.words.contains("\n") == false)
            _ = cluster.stop()
        }
    }
}
