import AMQP
import DaemonEvaluation
import DaemonHarness
import Glibc
import MonitorDaemon
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorCluster

/// Members that differ.
@Suite(.serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"))
struct ClusterVersionTests {
    /// What no member here can read stays for one that can; everything else goes on.
    @Test func aStateOfALaterVersionIsLeftToWhoeverReadsIt() throws {
        let folder = try TemporaryFolder("cluster")
        let cluster = try ClusterBedside.cluster(in: folder)
        try cluster.start()
        let names = ClusterNames(cluster: LocalCluster.name, partitions: cluster.options.partitions)
        var state = StateMessage(
            stream: "bed-9", session: 1, nextSampleIndex: 0, sequences: [0, 0, 0, 0], lastSamplesAt: 0, state: [1],
            events: []
        ).bytes
        state[0] = 99
        let connection = try cluster.brokers.connect(0)
        try connection.openChannel(1)
        try connection.publish(
            state, to: "", key: names.states(2), channel: 1, AMQPProperties(type: "state"))
        let words = "a later version wrote it: upgrade this member"
        for worker in cluster.workers {
            #expect(ClusterBedside.eventually { worker.logLines(with: words) > 0 }, "each worker looks at it once")
        }
        let status = try ClusterStatus.read(configurationAt: cluster.gateways[0].configurationPath)
        #expect(status.partitions.filter { $0.owner == nil }.map(\.number) == [2])
        #expect(status.problems.contains { $0.contains("1 partitions have no owner (2)") })
        #expect(try connection.inspect(names.states(2)).messages > 0, "it is still there")
        // The others go on: some of these beds are theirs.
        let context = try ZeroMQContext()
        for number in 1...3 {
            try ClusterBedside.send(
                ClusterBedside.blocks("bed-\(number)", script: "sinus@75", seconds: 10), to: cluster.gateways[0],
                context, speed: .infinity)
        }
        #expect(
            ClusterBedside.eventually {
                (cluster.gateways[0].metrics()?["ecgmon_cluster_events_received_total"] ?? 0) > 5
            })
        // Whoever reads it takes it away; then the partition has an owner again.
        #expect(try cluster.brokers.control(0, "purge_queue", names.states(2)).isRight)
        try cluster.waitUntilOwned(seconds: 60)
        _ = cluster.stop()
    }

    @Test func workersWithDifferentModelsAreNamed() throws {
        let folder = try TemporaryFolder("cluster")
        let other = Checkout.model.replacing("/default.", with: "/inter-patient.")
        let cluster = try ClusterBedside.cluster(in: folder) { setup in
            setup.workerModels = [Checkout.model, other]
        }
        try cluster.start()
        for worker in cluster.workers {
            #expect(ClusterBedside.eventually { worker.logLines(with: "set model.path alike on all members") > 0 })
        }
        let status = try ClusterStatus.read(configurationAt: cluster.gateways[0].configurationPath)
        #expect(Set(status.members.map(\.model)).count == 2)
        let words = try #require(status.problems.first { $0.contains("members have different models") })
        #expect(words.contains("worker-1") && words.contains("worker-2"))
        #expect(words.hasSuffix("set model.path alike on all of them"))
        // Streams are watched all the same.
        #expect(status.partitions.allSatisfy { $0.owner != nil })
        _ = cluster.stop()
    }
}
