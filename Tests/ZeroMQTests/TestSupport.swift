import Foundation
import Testing
import ZeroMQ

/// Runs something that blocks on a thread of its own, so that it does not hold up the other tests.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// Long enough for anything that is going to happen, on the slowest machine.
let patience = Duration.seconds(20)

enum Transport: String, CaseIterable, CustomTestStringConvertible {
    case tcp, ipc, inproc

    var testDescription: String { rawValue }

    /// An endpoint that nobody else has.
    func freshEndpoint() -> String {
        switch self {
        case .tcp: "tcp://127.0.0.1:*"
        case .ipc: "ipc://" + freshPath()
        case .inproc: "inproc://" + UUID().uuidString
        }
    }
}

/// The files of ipc endpoints outlive their sockets: they go when the tests end.
private let folderOfSockets: URL = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("zeromq-\(getpid())")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: folderOfSockets) }
    return folder
}()

func freshPath() -> String { folderOfSockets.appendingPathComponent(UUID().uuidString).path }

extension ZeroMQSocket {
    /// Binds to a fresh endpoint.
    func bind(freshly transport: Transport) throws -> String {
        try bind(transport.freshEndpoint())
        return try lastEndpoint()
    }

    /// Waits until nothing can be sent. The monitor tells of a lost peer as soon as libzmq's thread knows of it, which
    /// is before the socket itself does.
    /// - Returns: false where patience came to its end.
    func becomesUnwritable() throws -> Bool {
        let deadline = ContinuousClock.now + patience
        var poller = ZeroMQPoller()
        poller.add(self, for: .writable)
        while try poller.wait(timeout: .zero) > 0 {
            if ContinuousClock.now > deadline { return false }
            Thread.sleep(forTimeInterval: 0.001)
        }
        return true
    }

    /// Closing a socket goes on in the background: its endpoint becomes free a little later.
    func bindAsSoonAsFree(_ endpoint: String) throws {
        while true {
            do {
                return try bind(endpoint)
            } catch  where error.code == .addressInUse {
                Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }
}

extension ZeroMQMonitor {
    /// Waits for the next event of a kind, given as the name of its case.
    /// - Returns: nil where patience came to its end.
    func first(_ name: String) throws -> ZeroMQMonitorEvent? {
        while let event = try next(timeout: patience) {
            if String(describing: event.kind).prefix(while: { $0 != "(" }) == name { return event }
        }
        return nil
    }
}

/// The error that a call threw.
func zeroMQError(_ body: () throws -> Void) -> ZeroMQError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ZeroMQError
    }
}

/// A plain TCP connection of the test's own, to be rude with.
struct RawConnection: ~Copyable {
    let descriptor: Int32

    init(to endpoint: String) throws {
        let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(result == 0)
    }

    func write(_ bytes: [UInt8]) {
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    deinit { close(descriptor) }
}
