internal import CRabbitMQ
import Glibc

/// A connection to a RabbitMQ broker. It belongs to the thread that made it, and does its work, heartbeats too, only
/// while one of its functions runs: call `next` several times a second.
///
/// After an error, other than one of a single channel, the connection is of no more use: make another. What was
/// published and not confirmed may or may not have been taken over; what was delivered and not acknowledged is
/// delivered again, to whoever consumes then.
public final class AMQPConnection {
    public let address: AMQPAddress
    private let state: amqp_connection_state_t
    private var contents: [UInt16: PartialContent] = [:]
    private var published: [UInt16: UInt64] = [:]
    /// The broker takes no messages for now.
    public private(set) var isBlocked = false

    /// A delivery or a return whose body has yet to come.
    struct PartialContent {
        enum Kind {
            case delivery(AMQPDelivery)
            case returned(String)
        }
        var kind: Kind
        var properties = AMQPProperties(isPersistent: false)
        var body: [UInt8] = []
        var size = 0
        var hasHeader = false
    }

    private static let maximumFrame: Int32 = 131_072
    /// Channels are numbered from 1 to this.
    public static let maximumChannels: UInt16 = 2047
    /// No message of this project is nearly as large; one that is would be somebody else's.
    private static let maximumBody = 64 << 20

    /// Connects and logs in.
    public init(_ address: AMQPAddress, _ login: AMQPLogin) throws(AMQPError) {
        guard let state = amqp_new_connection() else { throw AMQPError(.other, "no memory for a connection") }
        self.address = address
        self.state = state
        // After an error `deinit` runs, too.
        try Self.open(state, address, login)
    }

    deinit { amqp_destroy_connection(state) }

    private static func open(
        _ state: amqp_connection_state_t, _ address: AMQPAddress, _ login: AMQPLogin
    ) throws(AMQPError) {
        guard let socket = address.isEncrypted ? amqp_ssl_socket_new(state) : amqp_tcp_socket_new(state) else {
            throw AMQPError(.other, "no socket can be made")
        }
        if address.isEncrypted { try prepareTLS(socket, login) }
        var patience = timeval(tv_sec: login.patienceSeconds, tv_usec: 0)
        // A broker that does not even greet is left for another sooner than one that is busy.
        var impatience = timeval(tv_sec: min(2, login.patienceSeconds), tv_usec: 0)
        amqp_set_handshake_timeout(state, &impatience)
        amqp_set_rpc_timeout(state, &patience)
        let opened = amqp_socket_open_noblock(socket, address.host, Int32(address.port), &impatience)
        guard opened == AMQP_STATUS_OK.rawValue else {
            let error = AMQPError(status: opened, doing: "cannot connect")
            throw error.kind == .certificate ? error : AMQPError(.unreachable, "nobody answers (\(error.words))")
        }
        noticeVanishedPeer(amqp_get_sockfd(state), seconds: 3 * login.heartbeatSeconds)
        let reply = amqp_login_plain(
            state, login.virtualHost, Int32(maximumChannels), maximumFrame, Int32(login.heartbeatSeconds), login.name,
            login.user, login.password)
        guard reply.reply_type != AMQP_RESPONSE_NORMAL else { return }
        let error = AMQPError(reply, doing: "cannot log in")
        throw error.kind == .lost
            ? AMQPError(.unreachable, "\(error.words); it may be about to start or to end") : error
    }

    private static func prepareTLS(_ socket: OpaquePointer, _ login: AMQPLogin) throws(AMQPError) {
        amqp_ssl_socket_set_verify_peer(socket, 1)
        amqp_ssl_socket_set_verify_hostname(socket, 1)
        guard amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(.certificate, "the TLS library has no TLS 1.2")
        }
        if amqp_ssl_socket_set_cacert(socket, login.authorities) != AMQP_STATUS_OK.rawValue {
            throw AMQPError(.certificate, "the file of authorities \(login.authorities) cannot be read")
        }
        guard !login.certificate.isEmpty else { return }
        if amqp_ssl_socket_set_key(socket, login.certificate, login.key) != AMQP_STATUS_OK.rawValue {
            throw AMQPError(.certificate, "the certificate \(login.certificate) and its key cannot be read")
        }
    }

    /// A broker that vanished without a word is noticed while something is sent, too.
    private static func noticeVanishedPeer(_ descriptor: Int32, seconds: Int) {
        var milliseconds = UInt32(clamping: seconds * 1000)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, 4)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// To be polled for readability. `next` may have something even where it is not readable: call that until it is
    /// nil.
    public var fileDescriptor: Int32 { amqp_get_sockfd(state) }

    // MARK: Channels

    /// Opens a channel on which what is published is confirmed, numbered from 1 on.
    ///
    /// Neither this nor closing nor consuming waits for the broker: a queue whose leader is gone answers late, and must
    /// not hold up the other channels. What goes wrong comes as `channelClosed`.
    public func openChannel(_ channel: UInt16) throws(AMQPError) {
        var open = amqp_channel_open_t(out_of_band: amqp_empty_bytes)
        try send(Methods.channelOpen, &open, channel, "cannot open a channel")
        var confirms = amqp_confirm_select_t(nowait: 1)
        try send(Methods.confirmSelect, &confirms, channel, "cannot ask for confirms")
        published[channel] = 0
    }

    /// Closes a channel: its consumers end, and what they have not acknowledged goes back to its queues. What still
    /// comes on it is of no interest; its number must not be used again soon.
    public func closeChannel(_ channel: UInt16) throws(AMQPError) {
        contents[channel] = nil
        published[channel] = nil
        var close = amqp_channel_close_t(reply_code: 200, reply_text: amqp_empty_bytes, class_id: 0, method_id: 0)
        try send(Methods.channelClose, &close, channel, "cannot close a channel")
    }

    private func send<Method>(
        _ id: UInt32, _ method: inout Method, _ channel: UInt16, _ what: String
    ) throws(AMQPError) {
        let status = amqp_send_method(state, channel, id, &method)
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPError(status: status, doing: what) }
    }

    // MARK: Topology

    public func declareExchange(_ name: String, type: String, isDurable: Bool = true) throws(AMQPError) {
        name.withBytes { name in
            type.withBytes { type in
                _ = amqp_exchange_declare(state, 1, name, type, 0, isDurable ? 1 : 0, 0, 0, amqp_empty_table)
            }
        }
        try check("cannot declare the exchange \(name)")
    }

    /// - Parameter isExclusive: it ends with this connection.
    public func declareQueue(
        _ name: String, isExclusive: Bool = false, _ arguments: [AMQPArgument] = []
    ) throws(AMQPError) {
        let table = ArgumentTable(arguments)
        name.withBytes { name in
            table.withTable { table in
                _ = amqp_queue_declare(
                    state, 1, name, 0, isExclusive ? 0 : 1, isExclusive ? 1 : 0, isExclusive ? 1 : 0, table)
            }
        }
        try check("cannot declare the queue \(name)")
    }

    /// How a queue stands.
    public func inspect(_ name: String) throws(AMQPError) -> (messages: Int, consumers: Int) {
        var found = (messages: 0, consumers: 0)
        name.withBytes { name in
            if let reply = amqp_queue_declare(state, 1, name, 1, 1, 0, 0, amqp_empty_table) {
                found = (Int(reply.pointee.message_count), Int(reply.pointee.consumer_count))
            }
        }
        try check("cannot look at the queue \(name)")
        return found
    }

    public func bind(_ queue: String, to exchange: String, key: String) throws(AMQPError) {
        queue.withBytes { queue in
            exchange.withBytes { exchange in
                key.withBytes { key in _ = amqp_queue_bind(state, 1, queue, exchange, key, amqp_empty_table) }
            }
        }
        try check("cannot bind the queue \(queue)")
    }

    // MARK: Consuming

    /// - Parameters:
    ///   - consumer: what deliveries call it; no other of the connection has it.
    ///   - prefetch: how many deliveries may be unacknowledged, 1 to 65535.
    ///   - acknowledges: false: what is delivered counts as acknowledged.
    public func consume(
        _ queue: String, as consumer: String, channel: UInt16, prefetch: UInt16, acknowledges: Bool = true
    ) throws(AMQPError) {
        var limit = amqp_basic_qos_t(prefetch_size: 0, prefetch_count: prefetch, global: 0)
        try send(Methods.qos, &limit, channel, "cannot limit what is delivered")
        var status = AMQP_STATUS_OK.rawValue
        queue.withBytes { queue in
            consumer.withBytes { consumer in
                var consume = amqp_basic_consume_t()
                consume.queue = queue
                consume.consumer_tag = consumer
                consume.no_ack = acknowledges ? 0 : 1
                consume.nowait = 1
                status = amqp_send_method(state, channel, Methods.consume, &consume)
            }
        }
        guard status == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(status: status, doing: "cannot consume the queue \(queue)")
        }
    }

    public func acknowledge(_ tag: UInt64, channel: UInt16) throws(AMQPError) {
        let status = amqp_basic_ack(state, channel, tag, 0)
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPError(status: status, doing: "cannot acknowledge") }
    }

    // MARK: Publishing

    /// Publishes a message.
    /// - Parameters:
    ///   - exchange: empty: the routing key is a queue's name.
    ///   - isMandatory: the message comes back if no queue takes it.
    /// - Returns: its number on the channel, which its confirm carries.
    @discardableResult
    public func publish(
        _ body: [UInt8], to exchange: String, key: String, channel: UInt16,
        _ properties: AMQPProperties = AMQPProperties(), isMandatory: Bool = false
    ) throws(AMQPError) -> UInt64 {
        var status = AMQP_STATUS_OK.rawValue
        exchange.withBytes { exchange in
            key.withBytes { key in
                properties.withRaw { raw in
                    body.withBytes { body in
                        status = withUnsafePointer(to: raw) {
                            amqp_basic_publish(state, channel, exchange, key, isMandatory ? 1 : 0, 0, $0, body)
                        }
                    }
                }
            }
        }
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPError(status: status, doing: "cannot publish") }
        let number = (published[channel] ?? 0) + 1
        published[channel] = number
        return number
    }

    // MARK: What comes

    /// The next thing that the broker says; nil: nothing within the time.
    public func next(timeout: Duration = .zero) throws(AMQPError) -> AMQPEvent? {
        let parts = timeout.components
        while true {
            var wait = timeval(tv_sec: Int(parts.seconds), tv_usec: Int(parts.attoseconds / 1_000_000_000_000))
            var frame = amqp_frame_t()
            let status = amqp_simple_wait_frame_noblock(state, &frame, &wait)
            if status == AMQP_STATUS_TIMEOUT.rawValue {
                amqp_maybe_release_buffers(state)
                return nil
            }
            guard status == AMQP_STATUS_OK.rawValue else {
                throw AMQPError(status: status, doing: "the connection to the broker broke")
            }
            if let event = try take(frame) {
                amqp_maybe_release_buffers(state)
                return event
            }
        }
    }

    private func take(_ frame: amqp_frame_t) throws(AMQPError) -> AMQPEvent? {
        let channel = frame.channel
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: return try take(frame.payload.method, channel)
        case AMQP_FRAME_HEADER:
            guard var content = contents[channel], !content.hasHeader else {
                throw AMQPError(.other, "a header without a message")
            }
            guard frame.payload.properties.body_size <= UInt64(Self.maximumBody) else {
                throw AMQPError(.other, "a message of \(frame.payload.properties.body_size) bytes")
            }
            content.hasHeader = true
            content.size = Int(frame.payload.properties.body_size)
            content.body.reserveCapacity(content.size)
            if let decoded = frame.payload.properties.decoded {
                content.properties = AMQPProperties(
                    decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee)
            }
            return finish(content, channel)
        case AMQP_FRAME_BODY:
            guard var content = contents.removeValue(forKey: channel), content.hasHeader else {
                throw AMQPError(.other, "a body without a message")
            }
            let fragment = frame.payload.body_fragment
            if let start = fragment.bytes {
                content.body.append(contentsOf: UnsafeRawBufferPointer(start: start, count: fragment.len))
            }
            return finish(content, channel)
        default: return nil
        }
    }

    private func finish(_ content: PartialContent, _ channel: UInt16) -> AMQPEvent? {
        guard content.body.count >= content.size else {
            contents[channel] = content
            return nil
        }
        contents[channel] = nil
        switch content.kind {
        case .delivery(var delivery):
            delivery.properties = content.properties
            delivery.body = content.body
            return .delivery(delivery)
        case .returned(let words): return .returned(channel: channel, properties: content.properties, words: words)
        }
    }

    private func take(_ method: amqp_method_t, _ channel: UInt16) throws(AMQPError) -> AMQPEvent? {
        func decoded<Method>(_ type: Method.Type) throws(AMQPError) -> Method {
            guard let pointer = method.decoded else { throw AMQPError(.other, "a method without arguments") }
            return pointer.assumingMemoryBound(to: type).pointee
        }
        switch method.id {
        case Methods.deliver:
            let deliver = try decoded(amqp_basic_deliver_t.self)
            contents[channel] = PartialContent(
                kind: .delivery(
                    AMQPDelivery(
                        channel: channel, consumer: String(deliver.consumer_tag), tag: deliver.delivery_tag,
                        isRedelivered: deliver.redelivered != 0, routingKey: String(deliver.routing_key),
                        properties: AMQPProperties(), body: [])))
            return nil
        case Methods.returned:
            let returned = try decoded(amqp_basic_return_t.self)
            contents[channel] = PartialContent(kind: .returned(String(returned.reply_text)))
            return nil
        case Methods.ack:
            let ack = try decoded(amqp_basic_ack_t.self)
            return .confirmed(channel: channel, upTo: ack.delivery_tag, isMultiple: ack.multiple != 0)
        case Methods.nack:
            let nack = try decoded(amqp_basic_nack_t.self)
            return .rejected(channel: channel, upTo: nack.delivery_tag, isMultiple: nack.multiple != 0)
        case Methods.cancel:
            let cancel = try decoded(amqp_basic_cancel_t.self)
            return .consumerEnded(channel: channel, consumer: String(cancel.consumer_tag))
        case Methods.blocked:
            isBlocked = true
            return .blocked(String(try decoded(amqp_connection_blocked_t.self).reason))
        case Methods.unblocked:
            isBlocked = false
            return .unblocked
        case Methods.channelClose:
            let error = AMQPError(method: method, doing: "the broker closed a channel")
            var answer = amqp_channel_close_ok_t()
            amqp_send_method(state, channel, Methods.channelCloseOK, &answer)
            contents[channel] = nil
            published[channel] = nil
            return .channelClosed(channel, error)
        case Methods.connectionClose: throw AMQPError(method: method, doing: "the broker closed the connection")
        default: return nil
        }
    }

    /// Whether the last call that asked the broker something went well.
    private func check(_ what: @autoclosure () -> String) throws(AMQPError) {
        let reply = amqp_get_rpc_reply(state)
        if reply.reply_type != AMQP_RESPONSE_NORMAL { throw AMQPError(reply, doing: what()) }
    }

    private enum Methods {
        static let connectionClose: UInt32 = 0x000A_0032
        static let blocked: UInt32 = 0x000A_003C
        static let unblocked: UInt32 = 0x000A_003D
        static let channelOpen: UInt32 = 0x0014_000A
        static let confirmSelect: UInt32 = 0x0055_000A
        static let qos: UInt32 = 0x003C_000A
        static let consume: UInt32 = 0x003C_0014
        static let channelClose: UInt32 = 0x0014_0028
        static let channelCloseOK: UInt32 = 0x0014_0029
        static let cancel: UInt32 = 0x003C_001E
        static let returned: UInt32 = 0x003C_0032
        static let deliver: UInt32 = 0x003C_003C
        static let ack: UInt32 = 0x003C_0050
        static let nack: UInt32 = 0x003C_0078
    }
}
