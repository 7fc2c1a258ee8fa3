import AMQP
import DaemonHarness
import TestSupport
import Testing

/// Connections to a real broker.
@Suite(.serialized, .enabled(if: LocalBrokers.isInstalled, "skipped: rabbitmq-server is not installed"))
struct BrokerConnectionTests {
    @Test(.enabled(if: Certificates.canBeMade, "skipped: openssl is not installed"))
    func brokerIsKnownByItsCertificateAndItsName() throws {
        let folder = try TemporaryFolder("tls")
        try Certificates.make(in: folder)
        let port = try LocalBrokers.freePorts(1)[0]
        let brokers = try LocalBrokers(
            count: 1, directory: folder.path,
            configuration: """
                listeners.ssl.1 = 127.0.0.1:\(port)
                ssl_options.cacertfile = \(folder.path)/ca.pem
                ssl_options.certfile = \(folder.path)/server.pem
                ssl_options.keyfile = \(folder.path)/server.key

                """)
        try brokers.startAll()
        func connect(_ host: String, _ authorities: String) throws -> AMQPConnection {
            try AMQPConnection(
                AMQPAddress(host: host, port: port, isEncrypted: true),
                AMQPLogin(
                    user: LocalBrokers.user, password: LocalBrokers.password, name: "test",
                    authorities: "\(folder.path)/\(authorities)"))
        }
        let connection = try connect("localhost", "ca.pem")
        try connection.openChannel(1)
        try connection.declareQueue("q", isExclusive: true)
        try connection.consume("q", as: "c", channel: 1, prefetch: 10)
        // Longer than a frame.
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        let number = try connection.publish(body, to: "", key: "q", channel: 1, AMQPProperties(type: "t"))
        var isConfirmed = false
        var received: AMQPDelivery?
        for _ in 0..<200 where received == nil || !isConfirmed {
            switch try connection.next(timeout: .milliseconds(50)) {
            case .confirmed(_, let upTo, _): isConfirmed = upTo == number
            case .delivery(let delivery): received = delivery
            default: break
            }
        }
        #expect(isConfirmed)
        #expect(received?.body == body)
        #expect(received?.properties.type == "t")
        for (host, authorities) in [("localhost", "other.pem"), ("127.0.0.1", "ca.pem"), ("localhost", "absent.pem")] {
            let error = #expect(throws: AMQPError.self) { try connect(host, authorities) }
            #expect(error?.kind == .certificate, "\(error?.words ?? "")")
        }
    }

    @Test func refusalsAreTypedAndNothingTraps() throws {
        let folder = try TemporaryFolder("amqp")
        let brokers = try LocalBrokers(count: 1, directory: folder.path)
        try brokers.startAll()
        let wrong = #expect(throws: AMQPError.self) {
            try AMQPConnection(brokers.address(0), AMQPLogin(user: "guest", password: "wrong", name: "test"))
        }
        #expect(wrong?.kind == .refused)
        let connection = try brokers.connect(0)
        try connection.openChannel(1)
        let absent = #expect(throws: AMQPError.self) { try connection.inspect("absent") }
        #expect(absent?.kind == .closed(code: 404))
        let other = try brokers.connect(0)
        try other.openChannel(1)
        // A message that no queue takes comes back, and is confirmed all the same.
        try other.publish([1], to: "amq.direct", key: "nowhere", channel: 1, isMandatory: true)
        var hasReturned = false
        for _ in 0..<100 where !hasReturned {
            if case .returned = try other.next(timeout: .milliseconds(50)) { hasReturned = true }
        }
        #expect(hasReturned)
        brokers.kill(0)
        #expect(throws: AMQPError.self) { for _ in 0..<100 { _ = try other.next(timeout: .milliseconds(50)) } }
        let gone = #expect(throws: AMQPError.self) { try brokers.connect(0) }
        #expect(gone?.kind == .unreachable)
    }

    @Test func addressesAreReadAndOthersRefused() {
        #expect(
            AMQPAddress("amqps://broker-1.example")
                == AMQPAddress(host: "broker-1.example", port: 5671, isEncrypted: true))
        #expect(AMQPAddress("amqp://[::1]:5673") == AMQPAddress(host: "::1", port: 5673, isEncrypted: false))
        for text in [
            "", "amqp://", "http://a", "amqp://user:secret@host", "amqp://host/vhost", "amqp://host:0",
            "amqp://host:70000",
        ] {
            #expect(AMQPAddress(text) == nil, "\(text)")
        }
    }
}
