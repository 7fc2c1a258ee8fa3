import DaemonHarness
import ECGWire
import Glibc
import TestSupport
import Testing
import ToolSupport
import ZeroMQ

@testable import DaemonEvaluation

/// A source that knows two gateways.
@Suite(.serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"))
struct GatewayChangeTests {
    @Test func sourceGoesToTheOtherGatewayAndNothingIsLost() throws {
        let folder = try TemporaryFolder("cluster")
        let cluster = try ClusterBedside.cluster(in: folder) { setup in
            setup.gateways = 2
            setup.configuration = "[streams]\nsilent_after_seconds = 3600\nforgotten_after_seconds = 7200\n"
        }
        try cluster.start()
        let context = try ZeroMQContext()
        let endpoints = cluster.gateways.map(\.endpoints.acknowledged)
        var source = try AcknowledgedAcquisitionClient(endpoints: endpoints, context: context)
        let blocks = try ClusterBedside.blocks("bed-1", script: "sinus@75", seconds: 60)
        for (number, block) in blocks.enumerated() {
            // In the middle of what is on its way.
            if number == blocks.count / 2 { cluster.gateways[0].end(SIGKILL) }
            #expect(try source.send(block, timeout: .seconds(10)))
            try source.service(timeout: .milliseconds(10))
        }
        #expect(try source.waitUntilAcknowledged(timeout: .seconds(60)))
        #expect(source.endpoint == endpoints[1])
        #expect(source.takeProblems().isEmpty)
        var events: [WireEvent] = []
        #expect(
            ClusterBedside.eventually {
                let journal = try? RecoveryRun.journal(cluster.gateways[1].endpoints.history, context, nil)
                events = journal.map { Array($0.values) } ?? []
                return events.contains { $0.topicIsBeat && $0.sampleIndex > 58 * 360 }
            })
        #expect(!events.contains { $0.hasGap }, "no sample is missing")
        let beats = events.filter(\.topicIsBeat).map(\.sampleIndex).sorted()
        // From the first seconds to the last.
        #expect(beats.count >= 70 && Set(beats).count == beats.count)
        _ = cluster.stop()
    }
}

extension WireEvent {
    fileprivate var topicIsBeat: Bool { if case .beat = payload { true } else { false } }
    fileprivate var hasGap: Bool { if case .status(let status) = payload { status.hasGap } else { false } }
}
