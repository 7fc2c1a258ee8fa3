import DaemonEvaluation
import DaemonHarness
import ECGReplay
import ECGWire
import Glibc
import TestSupport
import Testing
import ToolSupport
import ZeroMQ

/// A small cluster on one broker, and beds that send to it.
enum ClusterBedside {
    static func cluster(
        in folder: TemporaryFolder, _ change: (inout LocalCluster.Options) -> Void = { _ in }
    ) throws -> LocalCluster {
        var setup = LocalCluster.Options(programs: [Checkout.program("ecgmond")], model: Checkout.model)
        setup.brokers = 1
        setup.partitions = 4
        change(&setup)
        return try LocalCluster(setup, directory: "\(folder.path)/c")
    }

    /// Blocks of a quarter of a second.
    static func blocks(_ stream: String, script words: String, seconds: Double) throws -> [WireSampleBlock] {
        let script = try #require(RhythmScript(words))
        let material = ReplayMaterial(simulating: script, seconds: seconds, seed: 1)
        return stride(from: 0, to: material.counts.count, by: 90).map { first in
            material.block(
                stream: stream, session: 1, firstSampleIndex: Int64(first), acquisitionTimeNanoseconds: 0,
                counts: Array(material.counts[first..<min(first + 90, material.counts.count)]))
        }
    }

    /// Sends blocks some times as fast as in real time, so that what is shown keeps up with what is found.
    static func send(_ blocks: [WireSampleBlock], to gateway: LocalDaemon, _ context: ZeroMQContext, speed: Double)
        throws
    {
        var source = try AcknowledgedAcquisitionClient(endpoint: gateway.endpoints.acknowledged, context: context)
        let start = monotonicNanoseconds()
        for (number, block) in blocks.enumerated() {
            while monotonicNanoseconds() < start + Int64(Double(number) * 0.25e9 / speed) {
                try source.service(timeout: .milliseconds(5))
            }
            _ = try source.send(block, timeout: .seconds(10))
        }
        #expect(try source.waitUntilAcknowledged(timeout: .seconds(60)))
    }

    /// Whether a condition holds within half a minute.
    static func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<600 {
            if condition() { return true }
            usleep(50_000)
        }
        return false
    }
}
