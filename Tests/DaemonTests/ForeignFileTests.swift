import ECGWire
import Foundation
import Glibc
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// Files of others at the paths of endpoints.
@Suite(.serialized) struct ForeignFileTests {
    private func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "foreign-\(UUID().uuidString.prefix(8))")
            .path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Makes a socket file, on which nobody listens once the descriptor is closed.
    private func makeSocket(_ path: String, _ kind: __socket_type) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        return descriptor
    }

    @Test(arguments: ["ingest", "events", "commands", "ingest-acknowledged", "history"])
    func aFileAtAnEndpointsPathIsRefusedAndKept(option: String) throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/notes.txt"
        try "precious".write(toFile: file, atomically: true, encoding: .utf8)
        let daemon = try DaemonProcess(
            arguments: ["--journal", "\(folder)/journal", "--\(option)", "ipc://\(file)"], waitsUntilReady: false)
        #expect(daemon.exitCode() == ExitStatus.unavailable)
        #expect(eventually { daemon.log.contains("\(file): what lies at this path is no socket, and is left alone") })
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
    }

    @Test func onlyAnUnusedSocketFileIsReplaced() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let context = try ZeroMQContext()
        func code(_ name: String) throws -> ZeroMQError.Code? {
            let socket = try ZeroMQSocket(context, .pull)
            do throws(ZeroMQError) {
                try socket.bind("ipc://\(folder)/\(name)")
                return nil
            } catch {
                return error.code
            }
        }
        try "precious".write(toFile: "\(folder)/file", atomically: true, encoding: .utf8)
        symlink("\(folder)/file", "\(folder)/link")
        symlink("\(folder)/nothing", "\(folder)/dangling")
        mkdir("\(folder)/folder", 0o700)
        mkfifo("\(folder)/fifo", 0o600)
        for name in ["file", "link", "dangling", "folder", "fifo"] {
            #expect(try code(name) == .fileExists, "\(name)")
            #expect(FileIdentity(ofLink: "\(folder)/\(name)") != nil, "\(name) is still there")
        }
        // A socket of another kind, a listener with a full backlog, and one that is free.
        let datagram = try makeSocket("\(folder)/datagram", SOCK_DGRAM)
        let stream = try makeSocket("\(folder)/stream", SOCK_STREAM)
        listen(stream, 0)
        var waiting: [Int32] = []
        defer { for descriptor in waiting + [datagram, stream] { close(descriptor) } }
        for _ in 0..<3 {
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            waiting.append(descriptor)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(folder)/stream".utf8) }
            _ = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        #expect(try code("datagram") == .addressInUse)
        #expect(try code("stream") == .addressInUse)
        close(try makeSocket("\(folder)/left", SOCK_STREAM))
        #expect(try code("left") == nil)
        #expect(try code("new") == nil)
    }

    @Test func fileThatReplacedASocketSurvivesShutdown() throws {
        let daemon = try DaemonProcess()
        let path = "\(daemon.directory)/ingest"
        unlink(path)
        try "precious".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(daemon.terminate() == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        #expect(access("\(daemon.directory)/events", F_OK) != 0, "its own socket is gone")
    }
}
