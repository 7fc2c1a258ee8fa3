import Testing
import ZeroMQ

/// Keys, encrypted connections, and the authenticator that lets them in.
@Suite struct CurveTests {
    @Test func aKeyReadsBackFromItsTextAndItsBytes() throws {
        let pair = try CurveKeyPair.generate()
        #expect(CurvePublicKey(z85: pair.publicKey.z85) == pair.publicKey)
        #expect(CurveKeyPair(secretZ85: pair.secretZ85) == pair, "the public half follows from the secret one")
        #expect(try CurveKeyPair.generate() != pair)
        // ZeroMQ RFC 32's example: 86 4F D2 6F B5 59 F7 5B is HelloWorld.
        let bytes: [UInt8] = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b]
        let key = CurvePublicKey(bytes: bytes + bytes + bytes + bytes)
        #expect(key?.z85 == "HelloWorldHelloWorldHelloWorldHelloWorld")
    }

    @Test(arguments: [0, 39, 41, 80])
    func anotherLengthIsNoKey(length: Int) {
        #expect(CurvePublicKey(z85: String(repeating: "a", count: length)) == nil)
        #expect(CurveKeyPair(secretZ85: String(repeating: "a", count: length)) == nil)
        #expect(CurvePublicKey(bytes: [UInt8](repeating: 1, count: length)) == nil)
    }

    @Test(arguments: ["\"", "\\", "~", " ", "\u{0}", "\u{7f}", "\n"])
    func charactersOutsideZ85AreNoKey(sign: String) {
        #expect(CurvePublicKey(z85: String(repeating: "a", count: 39) + sign) == nil)
        #expect(CurvePublicKey(z85: String(repeating: "ü", count: 20)) == nil)
    }

    @Test func admittedPeersCarryTheirKeysNameAndOthersSendNothing() throws {
        let context = try ZeroMQContext()
        var authenticator = try ZAPAuthenticator(context)
        let (server, friend, stranger) = (
            try CurveKeyPair.generate(), try CurveKeyPair.generate(), try CurveKeyPair.generate()
        )
        let receiver = try ZeroMQSocket(context, .pull)
        try receiver.serveCurve(server, domain: "test")
        try receiver.bind("tcp://127.0.0.1:*")
        let endpoint = try receiver.lastEndpoint()
        func sender(_ keys: CurveClientKeys?) throws -> ZeroMQSocket {
            let socket = try ZeroMQSocket(context, .push)
            try socket.set(.immediate(true))
            try socket.set(.linger(.zero))
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            return socket
        }
        let good = try sender(CurveClientKeys(own: friend, server: server.publicKey))
        let unknown = try sender(CurveClientKeys(own: stranger, server: server.publicKey))
        let mistaken = try sender(CurveClientKeys(own: friend, server: stranger.publicKey))
        let bare = try sender(nil)
        var requests: [ZAPRequest] = []
        for _ in 0..<200 where requests.count < 2 {
            _ = try authenticator.answer { request in
                requests.append(request)
                return request.credentials == .curve(friend.publicKey) ? .allow(userID: "friend") : .refuse
            }
            _ = try good.wait(milliseconds: 10)
        }
        #expect(requests.allSatisfy { $0.domain == "test" && $0.address == "127.0.0.1" })
        #expect(Set(requests.map { "\($0.credentials)" }).count == 2, "the two that know the server's key")
        #expect(try good.send("hello", timeout: .seconds(10)))
        #expect(try !unknown.send("x", timeout: .milliseconds(100)))
        #expect(try !mistaken.send("x", timeout: .zero) && !bare.send("x", timeout: .zero))
        var message = ZeroMQMessage()
        #expect(try receiver.receive(into: &message, timeout: .seconds(10)))
        #expect(message.userID == "friend" && message.text(ofFrame: 0) == "hello")
        #expect(throws: ZeroMQError.self, "one for a context") { _ = try ZAPAuthenticator(context) }
    }

    @Test func messagesHaveNoNameWithoutAnAuthenticator() throws {
        let context = try ZeroMQContext()
        let receiver = try ZeroMQSocket(context, .pull)
        try receiver.bind("inproc://plain")
        let sender = try ZeroMQSocket(context, .push)
        try sender.connect("inproc://plain")
        try sender.send("x", timeout: .seconds(10))
        var message = ZeroMQMessage()
        #expect(message.userID == nil)
        #expect(try receiver.receive(into: &message, timeout: .seconds(10)))
        #expect(message.userID == nil)
    }
}

extension ZeroMQSocket {
    /// Lets libzmq's threads work for a moment.
    fileprivate borrowing func wait(milliseconds: Int) throws -> Int {
        var poller = ZeroMQPoller()
        poller.add(self, for: [])
        return try poller.wait(timeout: .milliseconds(milliseconds))
    }
}
