import Foundation
import Synchronization
import Testing
import ZeroMQ

@Suite struct FailureTests {
    @Test(arguments: [Transport.tcp, .ipc])
    func anAddressInUseIsNamed(transport: Transport) async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let first = try ZeroMQSocket(context, .pull)
            let endpoint = try first.bind(freshly: transport)
            // Another context, as another process would have.
            let other = try ZeroMQContext()
            let second = try ZeroMQSocket(other, .pull)
            let error = try #require(zeroMQError { try second.bind(endpoint) })
            #expect(error.code == .addressInUse)
            #expect(error.operation == "bind \(endpoint)")
            #expect(error.description.contains("Address already in use"))
            // The first still has it.
            let push = try ZeroMQSocket(other, .push)
            try push.connect(endpoint)
            try push.send("mine", timeout: patience)
            #expect(try first.receive(timeout: patience) == [Array("mine".utf8)])
        }
    }

    @Test func staleSocketFileIsReplaced() async throws {
        try await onThread {
            let path = freshPath()
            // What a killed process leaves behind.
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            close(descriptor)
            #expect(bound == 0)
            #expect(FileManager.default.fileExists(atPath: path))

            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            try pull.bind("ipc://" + path)
            let push = try ZeroMQSocket(context, .push)
            try push.connect("ipc://" + path)
            try push.send("x", timeout: patience)
            #expect(try pull.receive(timeout: patience) != nil)
        }
    }

    @Test(arguments: [
        ("carrier-pigeon://loft", ZeroMQError.Code.protocolNotSupported), ("nonsense", .invalidArgument),
        ("tcp://127.0.0.1:99999", .invalidArgument), ("tcp://127.0.0.1:", .invalidArgument), ("", .invalidArgument),
    ])
    func malformedEndpointIsRefusedByName(endpoint: String, code: ZeroMQError.Code) async throws {
        try await onThread {
            let socket = try ZeroMQSocket(try ZeroMQContext(), .pull)
            let error = try #require(zeroMQError { try socket.bind(endpoint) })
            #expect(error.code == code)
            #expect(error.operation == "bind \(endpoint)")
            let connecting = try #require(zeroMQError { try socket.connect(endpoint) })
            #expect(connecting.code == code)
            #expect(connecting.operation == "connect \(endpoint)")
        }
    }

    @Test func anEndpointDoesNotEndAtANUL() async throws {
        try await onThread {
            let socket = try ZeroMQSocket(try ZeroMQContext(), .pull)
            #expect(zeroMQError { try socket.bind("inproc://a\0b") }?.code == .invalidArgument)
        }
    }

    @Test func missingFolderAndForeignAddressAreRefused() async throws {
        try await onThread {
            let socket = try ZeroMQSocket(try ZeroMQContext(), .pull)
            #expect(zeroMQError { try socket.bind("ipc:///nowhere/at/all") }?.code == .notFound)
            #expect(zeroMQError { try socket.bind("tcp://192.0.2.1:5570") }?.code == .addressNotAvailable)
            #expect(zeroMQError { try socket.unbind("tcp://127.0.0.1:5570") }?.code == .notFound)
        }
    }

    @Test func aPeerThatVanishesIsNoticedAndWaitedFor() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let push = try ZeroMQSocket(context, .push)
            try push.set(.immediate(true))
            try push.set(.reconnectInterval(.milliseconds(10)))
            let monitor = try push.monitor()
            let endpoint: String
            do {
                let pull = try ZeroMQSocket(context, .pull)
                endpoint = try pull.bind(freshly: .tcp)
                try push.connect(endpoint)
                #expect(try push.send("to the first", timeout: patience))
                #expect(try pull.receive(timeout: patience) != nil)
            }
            let gone = try monitor.first("disconnected")
            #expect(gone?.endpoint == endpoint)
            #expect(try push.becomesUnwritable())
            #expect(try !push.send("to nobody", timeout: .zero))

            let pull = try ZeroMQSocket(context, .pull)
            try pull.bindAsSoonAsFree(endpoint)
            #expect(try push.send("to the second", timeout: patience))
            #expect(try pull.receive(timeout: patience) == [Array("to the second".utf8)])
        }
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func oversizedFrameDisconnectsOnlyItsSender(transport: Transport) async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            try pull.set(.maximumMessageSize(1000))
            let monitor = try pull.monitor()
            let endpoint = try pull.bind(freshly: transport)
            let polite = try ZeroMQSocket(context, .push)
            try polite.connect(endpoint)
            try polite.send([UInt8](repeating: 7, count: 1000), timeout: patience)
            #expect(try pull.receive(timeout: patience)?.first?.count == 1000)

            let rude = try ZeroMQSocket(context, .push)
            try rude.connect(endpoint)
            try rude.send([UInt8](repeating: 8, count: 10_000_000), timeout: patience)
            #expect(try monitor.first("disconnected") != nil)
            #expect(try pull.receive(timeout: .zero) == nil)

            try polite.send("still here", timeout: patience)
            #expect(try pull.receive(timeout: patience) == [Array("still here".utf8)])
        }
    }

    @Test func endedContextWakesWaiters() async throws {
        let context = try ZeroMQContext()
        let thread = InterruptibleThread()
        async let waiting = onThread {
            let pull = try ZeroMQSocket(context, .pull)
            try pull.bind("inproc://a")
            thread.enter()
            let receiving = zeroMQError { _ = try pull.receive() }
            thread.leave()
            var poller = ZeroMQPoller()
            poller.add(pull)
            let polling = zeroMQError { try poller.wait() }
            return [receiving, polling]
        }
        try await onThread {
            thread.waitUntilEntered()
            context.shutdown()
        }
        #expect(try await waiting.map { $0?.code } == [.contextTerminated, .contextTerminated])
        #expect(zeroMQError { _ = try ZeroMQSocket(context, .push) }?.code == .contextTerminated)
    }

    @Test func moreSocketsThanAllowedAreRefused() async throws {
        try await onThread {
            let context = try ZeroMQContext(maximumSockets: 2)
            let a = try ZeroMQSocket(context, .push)
            let b = try ZeroMQSocket(context, .push)
            let error = zeroMQError { _ = try ZeroMQSocket(context, .push) }
            #expect(error?.code == .tooManySockets)
            #expect(error?.operation == "open a push socket")
            a.close()
            b.close()
        }
        #expect(zeroMQError { _ = try ZeroMQContext(ioThreads: 0) }?.code == .invalidArgument)
        #expect(zeroMQError { _ = try ZeroMQContext(maximumSockets: .max) }?.code == .invalidArgument)
    }

    @Test func anErrorAboutAnOptionNamesItButNotItsValue() async throws {
        try await onThread {
            let socket = try ZeroMQSocket(try ZeroMQContext(), .push)
            let secret = "not-a-key"
            let error = try #require(zeroMQError { try socket.set(.curveSecretKey(Array(secret.utf8))) })
            #expect(error.code == .invalidArgument)
            #expect(error.operation == "set CURVE secret key")
            #expect(!error.description.contains(secret))
            #expect(zeroMQError { try socket.set(.sendHighWaterMark(-1)) }?.code == .invalidArgument)
            #expect(zeroMQError { try socket.set(.sendHighWaterMark(1 << 40)) }?.code == .invalidArgument)
            #expect(zeroMQError { try socket.set(.subscribe("")) }?.code == .invalidArgument)
        }
    }

    @Test func unsentMessagesDoNotDelayShutdown() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let push = try ZeroMQSocket(context, .push)
            try push.set(.linger(.zero))
            try push.connect("ipc://" + freshPath())
            try push.send("nobody will ever get this")
        }
    }

    /// Signals that interrupt the system calls underneath.
    @Test(arguments: ["receive for ever", "receive with a limit", "poll"])
    func interruptingSignalsGoUnnoticed(way: String) async throws {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in signalsHandled.add(1, ordering: .relaxed) }
        // Without SA_RESTART: the calls do return early.
        sigaction(SIGUSR1, &action, nil)

        let context = try ZeroMQContext()
        let endpoint = Transport.inproc.freshEndpoint()
        let before = signalsHandled.load(ordering: .relaxed)
        let thread = InterruptibleThread()
        async let received = onThread {
            let pull = try ZeroMQSocket(context, .pull)
            try pull.bind(endpoint)
            thread.enter()
            defer { thread.leave() }
            switch way {
            case "receive for ever": return try pull.receive()
            case "receive with a limit": return try pull.receive(timeout: patience)
            default:
                var poller = ZeroMQPoller()
                poller.add(pull)
                #expect(try poller.wait(timeout: patience) == 1)
                return try pull.receive(timeout: .zero)
            }
        }
        try await onThread {
            thread.waitUntilEntered()
            for _ in 0..<100 {
                thread.interrupt()
                Thread.sleep(forTimeInterval: 0.001)
            }
            let push = try ZeroMQSocket(context, .push)
            try push.connect(endpoint)
            try push.send("after all")
        }
        #expect(try await received == [Array("after all".utf8)])
        #expect(signalsHandled.load(ordering: .relaxed) > before)
    }
}

private let signalsHandled = Atomic<Int>(0)

/// A thread that tells when it is at the place that matters, and can be sent signals while it is there.
private final class InterruptibleThread: Sendable {
    private let thread = Mutex<pthread_t?>(nil)
    private let entered = Atomic<Bool>(false)

    func enter() {
        // Whoever started the tests may have had signals blocked, which is inherited.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGUSR1)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        thread.withLock { $0 = pthread_self() }
        entered.store(true, ordering: .releasing)
    }

    func leave() { thread.withLock { $0 = nil } }

    func waitUntilEntered() {
        while !entered.load(ordering: .acquiring) { Thread.sleep(forTimeInterval: 0.001) }
    }

    func interrupt() {
        thread.withLock { if let thread = $0 { pthread_kill(thread, SIGUSR1) } }
    }
}
