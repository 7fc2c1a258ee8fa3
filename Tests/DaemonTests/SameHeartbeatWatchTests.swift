import ECGWire
import Foundation
import Testing
import ZeroMQ

@Suite struct SameHeartbeatWatchTests {
    /// One source sends a patient's ECG to two beds; another patient is beside them.
    @Test func aStreamThatIsCopiedToAnotherIsTold() throws {
        let daemon = try DaemonProcess(configuration: "[events]\nhealth_period_seconds = 0.2\n")
        let context = try ZeroMQContext()
        var subscriber = try SubscriberClient(endpoint: daemon.events, filters: [.all(.health)], context: context)
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context, linger: .seconds(60))
        let own = Recording(samplingRate: 250, seconds: 90, seed: 61)
        let other = Recording(samplingRate: 250, seconds: 90, seed: 62)
        for start in stride(from: 0, to: 90 * 250, by: 250) {
            for (stream, recording) in [("bed-1", own), ("bed-2", other), ("bed-7", own)] {
                let block = recording.block(stream: stream, start..<start + 250)
                _ = try client.send(block, timeout: .seconds(30))
            }
        }
        #expect(daemon.wait(for: "ecgmon_same_heartbeat_pairs") { $0 == 1 }, "\(daemon.log)")
        var told: [WireHealth.StreamPair] = []
        let end = Date.now + 30
        while told.isEmpty, Date.now < end {
            guard let publication = try subscriber.receive(timeout: .seconds(1)) else { continue }
            if case .health(let health) = publication.body { told = health.sameHeartbeat }
        }
        #expect(told.map(\.stream) == ["bed-1"] && told.map(\.otherStream) == ["bed-7"])
        #expect(daemon.log.contains("two streams have the same heartbeat"))
        #expect(daemon.terminate() == 0)
    }
}
