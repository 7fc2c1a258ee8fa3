import DaemonEvaluation
import DaemonHarness
import ECGWire
import FoundationEssentials
import Glibc
import MonitorDaemon
import TestSupport
import Testing
import ToolSupport
import ZeroMQ

/// What a cluster says when something is wrong: one line with the next step.
@Suite(.serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"))
struct ClusterBadDayTests {
    /// Changes a daemon's configuration file before its start.
    private static func change(_ daemon: LocalDaemon, _ old: String, _ new: String) throws {
        let text = String(
            decoding: try Data(contentsOf: URL(filePath: daemon.configurationPath)), as: UTF8.self)
        #expect(text.contains(old))
        try daemon.write(configuration: text.replacing(old, with: new))
    }

    private static func says(_ daemon: LocalDaemon, _ words: String) -> Bool {
        for _ in 0..<400 {
            if daemon.logLines(with: words) > 0 { return true }
            usleep(50_000)
        }
        return false
    }

    @Test func sourcesKeepTheirBlocksUntilABrokerAnswers() throws {
        let folder = try TemporaryFolder("cluster")
        let cluster = try ClusterBedside.cluster(in: folder) { $0.workers = 1 }
        for daemon in cluster.gateways + cluster.workers {
            try daemon.start()
            #expect(daemon.waitUntilReady(), "it starts without a broker")
        }
        let gateway = cluster.gateways[0]
        #expect(Self.says(gateway, "nobody answers"))
        #expect(Self.says(gateway, "start the broker there, or correct cluster.brokers"))
        let context = try ZeroMQContext()
        var client = try AcknowledgedAcquisitionClient(endpoint: gateway.endpoints.acknowledged, context: context)
        for block in try ClusterBedside.blocks("bed-1", script: "sinus@75", seconds: 20) {
            #expect(try client.send(block))
        }
        #expect(try !client.waitUntilAcknowledged(timeout: .seconds(2)))
        #expect(client.unacknowledgedSamples == 20 * 360)
        try cluster.brokers.startAll()
        #expect(try client.waitUntilAcknowledged(timeout: .seconds(60)))
        for daemon in cluster.gateways + cluster.workers { #expect(daemon.end(SIGTERM) == .exited(code: 0)) }
    }

    @Test func wrongPasswordsAndTwoClustersOfOneNameAreNamed() throws {
        let folder = try TemporaryFolder("cluster")
        let cluster = try ClusterBedside.cluster(in: folder) { $0.workers = 3 }
        let (gateway, other, wrong) = (cluster.gateways[0], cluster.workers[1], cluster.workers[2])
        try Self.change(other, "partitions = 4", "partitions = 3")
        try folder.write("wrong", "not the password\n")
        chmod("\(folder.path)/wrong", 0o600)
        try Self.change(wrong, "/c/password\"", "/wrong\"")
        try cluster.brokers.startAll()
        for daemon in cluster.gateways + cluster.workers { try daemon.start() }
        #expect(Self.says(wrong, "compare cluster.user, cluster.password_file and cluster.virtual_host"))
        #expect(Self.says(cluster.workers[0], "two clusters are called test"))
        let status = try ClusterStatus.read(configurationAt: gateway.configurationPath)
        #expect(status.problems.contains { $0.contains("two clusters are called test") })
        #expect(throws: StartFailure.self) { try ClusterStatus.read(configurationAt: wrong.configurationPath) }
        _ = cluster.stop()
    }

    @Test func statusNamesOwnersAndPartitionsWithoutOne() throws {
        let folder = try TemporaryFolder("cluster")
        let cluster = try ClusterBedside.cluster(in: folder)
        try cluster.start()
        let path = cluster.gateways[0].configurationPath
        let status = try ClusterStatus.read(configurationAt: path)
        #expect(status.problems.isEmpty)
        #expect(status.members.map(\.name) == ["worker-1", "worker-2"])
        #expect(status.partitions.allSatisfy { $0.owner != nil && $0.epoch >= 1 })
        for worker in cluster.workers { worker.end(SIGKILL) }
        let left = try ClusterStatus.read(configurationAt: path)
        #expect(left.partitions.allSatisfy { $0.owner == nil })
        #expect(left.problems == ["no worker shows life: start one (cluster.role = \"worker\" or \"both\")"])
        cluster.brokers.kill(0)
        #expect(throws: StartFailure.self) { try ClusterStatus.read(configurationAt: path) }
        _ = cluster.stop()
    }

    /// A command comes to a gateway, is applied by the worker that owns the stream, and the answer goes back.
    @Test func commandsReachTheOwnerAndTheirRepliesComeBack() throws {
        let folder = try TemporaryFolder("cluster")
        let cluster = try ClusterBedside.cluster(in: folder)
        try cluster.start()
        let gateway = cluster.gateways[0]
        let context = try ZeroMQContext()
        var source = try AcknowledgedAcquisitionClient(endpoint: gateway.endpoints.acknowledged, context: context)
        for block in try ClusterBedside.blocks("bed-1", script: "sinus@75", seconds: 20) {
            _ = try source.send(block, timeout: .seconds(5))
        }
        #expect(try source.waitUntilAcknowledged(timeout: .seconds(30)))
        var client = try CommandClient(endpoint: gateway.endpoints.commands, context: context)
        var command = WireCommand()
        command.schemaVersion = 1
        command.stream = "bed-1"
        command.by = "test"
        command.pause.kind = .audio
        command.pause.seconds = 60
        var reply: WireCommandReply?
        for _ in 0..<20 where reply?.result != .done {
            command.number += 1
            reply = try client.send(command, timeout: .seconds(5))
            usleep(100_000)
        }
        #expect(reply?.result == .done)
        // Another worker knows of the pause: it rests on no sample.
        let status = try ClusterStatus.read(configurationAt: gateway.configurationPath)
        let owner = status.partitions.first { $0.streams > 0 }?.owner
        let worker = cluster.workers[owner == "worker-1" ? 0 : 1]
        // The reply does not wait until the brokers have the state.
        usleep(1_000_000)
        worker.end(SIGKILL)
        command.list = WireCommand.List()
        reply = nil
        for _ in 0..<40 where reply?.result != .done {
            command.number += 1
            reply = try client.send(command, timeout: .seconds(2))
            usleep(100_000)
        }
        #expect(reply?.pause.kind == .audio)
        command.setLimits.limits = ["bradycardia_below": 45]
        #expect(try client.send(command, timeout: .seconds(5))?.result == .done, "limits go to the owner, too")
        _ = cluster.stop()
    }
}
