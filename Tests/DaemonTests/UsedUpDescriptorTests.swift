import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// A process that has no file descriptor free.
@Suite(.serialized) struct UsedUpDescriptorTests {
    /// Sets how many files the daemon may have open, by prlimit(1).
    private func limitOpenFiles(of daemon: DaemonProcess, to count: Int) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/prlimit")
        process.arguments = ["--pid", "\(daemon.processIdentifier)", "--nofile=\(count):"]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private func connect(toPath path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return descriptor
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/prlimit"), "needs prlimit (util-linux)"))
    func connectionsWaitWithoutSpinningForAFreeDescriptor() throws {
        let daemon = try DaemonProcess(arguments: ["--ingest", "tcp://127.0.0.1:*"])
        let ingest = try #require(daemon.log.firstMatch(of: /tcp:\/\/127.0.0.1:(\d+)/).flatMap { UInt16($0.1) })
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        let recording = Recording(samplingRate: 360, seconds: 20, seed: 73)
        let blocks = recording.blocks(stream: "a", size: 360)
        _ = try client.send(blocks[0], timeout: .seconds(30))
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == 360 })

        let open = try FileManager.default.contentsOfDirectory(
            atPath: "/proc/\(daemon.processIdentifier)/fd")
        try limitOpenFiles(of: daemon, to: (open.compactMap { Int($0) }.max() ?? 0) + 4)
        var connections: [RawConnection] = []
        for _ in 0..<40 { if let connection = RawConnection(port: ingest) { connections.append(connection) } }
        // libzmq by itself ends the process for these (ipc_listener.cpp).
        let local = ["ingest", "events", "commands"].flatMap { name in
            (0..<4).map { _ in connect(toPath: "\(daemon.directory)/\(name)") }
        }
        defer { for descriptor in local { close(descriptor) } }
        if ZeroMQContext.isGuarded {
            #expect(eventually { daemon.log.contains("no file descriptor is free cause=no_descriptor\n") })
        }
        // The pages are served all the same, and so is whoever is connected.
        #expect(
            eventually {
                (try? daemon.page("/healthz").body) == "ok\n"
                    && daemon.log.contains("no file descriptor is free cause=no_descriptor_http")
            })
        for block in blocks.dropFirst() { _ = try client.send(block, timeout: .seconds(30)) }
        sleep(2)

        try limitOpenFiles(of: daemon, to: 512)
        connections.removeAll()
        for descriptor in local { shutdown(descriptor, Int32(SHUT_RDWR)) }
        #expect(eventually { (try? daemon.page("/healthz").body) == "ok\n" })
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 == Double(recording.millivolts.count) })
        let pages = try #require(daemon.metric("ecgmon_accept_failures_total{by=\"http\"}"))
        let sockets = try #require(daemon.metric("ecgmon_accept_failures_total{by=\"sockets\"}"))
        // A thread that spins fails a hundred thousand times in these seconds.
        #expect(pages > 0 && pages < 10_000)
        #expect(sockets < 10_000 && (sockets > 0 || !ZeroMQContext.isGuarded))
        #expect(daemon.terminate() == 0)
    }
}
