import ECGWire
import Foundation
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Connections that break in the midst of what they send.
@Suite(.serialized) struct BrokenConnectionTests {
    /// More messages than there is room for, heartbeats between them, then a reset: libzmq by itself ends the process
    /// (`Assertion failed: !_io_error`).
    @Test(
        .enabled(if: ZeroMQContext.isGuarded, "the thread sanitizer watches epoll itself"),
        arguments: [("ingest", "PUSH"), ("ingest-acknowledged", "DEALER"), ("commands", "DEALER"), ("events", "SUB")])
    func abortedFloodWithHeartbeatsDisturbsNobody(endpoint: String, type: String) throws {
        let daemon = try DaemonProcess(arguments: ["--\(endpoint)", "tcp://127.0.0.1:*"], hasJournal: true)
        let port = try #require(daemon.log.firstMatch(of: /tcp:\/\/127.0.0.1:(\d+)/).flatMap { UInt16($0.1) })
        let ping: [UInt8] = [4, 7, 4] + Array("PING".utf8) + [0, 0]
        let chunk = [[UInt8]](repeating: [0, 1, 0x78, 0, 1, 0x78, 0, 1, 0x78] + ping, count: 4000).flatMap { $0 }
        for _ in 0..<6 {
            let connection = try #require(RawConnection(port: port), "\(daemon.log.suffix(2000))")
            connection.introduce(as: type)
            connection.flood(chunk, atMost: 40)
            connection.reset()
        }
        let context = try ZeroMQContext()
        let source = try AcquisitionClient(
            endpoint: endpoint == "ingest" ? "tcp://127.0.0.1:\(port)" : daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 10, seed: 61)
        for block in recording.blocks(stream: "good", size: 360) { _ = try source.send(block, timeout: .seconds(30)) }
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        #expect(daemon.terminate() == 0, "\(daemon.log.suffix(2000))")
    }
}
