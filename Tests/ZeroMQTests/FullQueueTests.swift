import Foundation
import Testing
import ZeroMQ

/// What a socket with several peers says of one whose queue is full.
@Suite struct FullQueueTests {
    private static let body = [UInt8](repeating: 7, count: 20_000)

    /// An XPUB at which a queue is found full says so once, and goes on for the others.
    @Test(arguments: [false, true])
    func fullQueueIsReportedOnceUntilTheSubscriberReads(isManual: Bool) async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.set(.sendHighWaterMark(10))
            try xpub.set(.xpubVerboser(true))
            if isManual { try xpub.set(.xpubManual(true)) }
            try xpub.set(.xpubNoDrop(true))
            let endpoint = try xpub.bind(freshly: .ipc)
            let slow = try Self.subscriber(context, endpoint, "a", of: xpub, isManual: isManual)
            let fast = try Self.subscriber(context, endpoint, "", of: xpub, isManual: isManual)
            var sent: [UInt8] = []
            var full: [UInt8] = []
            /// As a publisher does: who is full misses it, the others do not.
            func publish(_ topic: String) throws {
                let number = UInt8(truncatingIfNeeded: sent.count)
                let parts = [Array(topic.utf8), [number] + Self.body]
                if try !xpub.send(parts: parts, timeout: .zero) {
                    full.append(number)
                    try xpub.set(.xpubNoDrop(false))
                    try xpub.send(parts: parts)
                    try xpub.set(.xpubNoDrop(true))
                }
                sent.append(number)
                let frames = try #require(try fast.receive(timeout: patience))
                #expect(frames.count == 2 && frames[0] == Array(topic.utf8) && frames[1].first == number)
            }
            for _ in 0..<200 { try publish("a") }
            #expect(full.count == 1, "\(full)")
            try publish("b")
            #expect(full.count == 1, "what nobody misses")
            var read: [UInt8] = []
            while let frames = try slow.receive(timeout: .milliseconds(200)) { read.append(frames[1][0]) }
            #expect(read == Array(0..<full[0]), "everything until it was full, and nothing after it")
            for _ in 0..<200 { try publish("a") }
            #expect(full.count == 2, "\(full)")
        }
    }

    private static func subscriber(
        _ context: ZeroMQContext, _ endpoint: String, _ prefix: String, of xpub: borrowing ZeroMQSocket, isManual: Bool
    ) throws -> ZeroMQSocket {
        let socket = try ZeroMQSocket(context, .sub)
        try socket.set(.receiveHighWaterMark(10))
        try socket.set(.subscribe(prefix))
        try socket.connect(endpoint)
        _ = try #require(try xpub.receive(timeout: patience))
        if isManual { try xpub.set(.subscribe(prefix)) }
        return socket
    }

    /// The socket is writable, for the other peer.
    @Test func nonblockingSendReturnsEvenIfOnlyThisPeersQueueIsFull() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let router = try ZeroMQSocket(context, .router)
            try router.set(.sendHighWaterMark(10))
            try router.set(.routerMandatory(true))
            let endpoint = try router.bind(freshly: .ipc)
            let idle = try ZeroMQSocket(context, .dealer)
            try idle.set(.routingID(Array("idle".utf8)))
            try idle.set(.receiveHighWaterMark(10))
            let other = try ZeroMQSocket(context, .dealer)
            try other.set(.routingID(Array("other".utf8)))
            try idle.connect(endpoint)
            try idle.send("hello")
            try other.connect(endpoint)
            try other.send("hello")
            for _ in 0..<2 { _ = try #require(try router.receive(timeout: patience)) }
            var sent = 0
            let toIdle = [Array("idle".utf8), Self.body]
            while sent < 10_000, try router.send(parts: toIdle, timeout: .milliseconds(100)) { sent += 1 }
            #expect(sent < 10_000)
            #expect(try router.send(parts: toIdle, timeout: .zero) == false)
            #expect(try router.send(parts: [Array("other".utf8), Self.body], timeout: .zero))
            #expect(try other.receive(timeout: patience) == [Self.body])
        }
    }
}
