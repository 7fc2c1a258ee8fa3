import SwiftProtobuf
public import ZeroMQ

/// The acquisition side of a connection on which nothing may be lost. It keeps every block until the daemon confirms
/// that it will never need it again, and resends it after a broken connection or a daemon restart.
///
///     var client = try AcknowledgedAcquisitionClient(endpoint: "tcp://127.0.0.1:5571", context: context)
///     while let block = nextBlock() {
///         while try !client.send(block, timeout: .seconds(1)) { /* the buffer is full: the daemon is away or slow */ }
///     }
///     _ = try client.waitUntilAcknowledged(timeout: .seconds(60))
///
/// It does its work only while one of its functions is running, so call one, such as `service`, at least about once a
/// second. Like its socket, it belongs to the thread that created it.
public struct AcknowledgedAcquisitionClient: ~Copyable {
    /// An event that the program should know about. Nothing is lost except what the event states.
    public enum Problem: Sendable, Equatable {
        /// The daemon will never accept this block; carries the cause as named on `/metrics`.
        case refused(stream: String, firstSampleIndex: Int64, cause: String)
        /// The daemon is monitoring a later session of the stream; this many samples of this session will never be
        /// accepted.
        case stale(stream: String, samples: Int)
    }

    /// The endpoints that it may send to: one daemon's, or those of a cluster's gateways.
    public let endpoints: [String]
    /// The endpoint that it sends to now.
    public private(set) var endpoint: String
    /// Maximum number of samples that it keeps, over all streams.
    public let bufferSamples: Int
    /// Whether the connection is up.
    public private(set) var isConnected = false
    /// Number of times that the connection broke.
    public private(set) var disconnections = 0
    /// Number of samples sent, including those sent again.
    public private(set) var samplesSent = 0
    /// Number of samples currently kept.
    public private(set) var unacknowledgedSamples = 0

    private let socket: ZeroMQSocket
    private let monitor: ZeroMQMonitor
    private var streams: [String: UnacknowledgedBlocks] = [:]
    private var lastHeard: [String: ContinuousClock.Instant] = [:]
    private var problems: [Problem] = []
    private var nextSweep = ContinuousClock.now
    private var nextMove = ContinuousClock.now + movePatience

    /// Without a connection for this long, the next endpoint is tried.
    private static let movePatience = Duration.seconds(2)
    /// A hello that has gone unanswered for this long is repeated.
    private static let patience = Duration.seconds(2)
    /// The same where only the release of blocks is waited for, which takes the daemon some seconds.
    private static let releasePatience = Duration.seconds(10)
    private static let sweepInterval = Duration.milliseconds(20)
    private static let maximumProblems = 1000

    /// Connects now, or as soon as the daemon is available.
    /// - Parameters:
    ///   - endpoint: the daemon's acknowledged endpoint, such as `tcp://127.0.0.1:5571` or
    ///     `ipc:///run/ecgmon/ingest-acknowledged`.
    ///   - context: the context of its socket.
    ///   - keys: the key of this source and that of the daemon; nil: no encryption.
    ///   - bufferSamples: the maximum number of samples to keep; an hour of one lead at 360 Hz is 1.3 million. The
    ///     daemon saves a stream's state every few seconds of signal, so normally a few seconds of each stream are
    ///     kept.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(
        endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil, bufferSamples: Int = 4_000_000
    ) throws(WireError) {
        try self.init(endpoints: [endpoint], context: context, keys: keys, bufferSamples: bufferSamples)
    }

    /// Connects to the first of several endpoints, and to the next whenever there is no connection for two seconds: to
    /// the gateways of a cluster, which all take what another has not acknowledged. All need the same keys.
    /// - Parameter endpoints: 1 or more.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(
        endpoints: [String], context: ZeroMQContext, keys: CurveClientKeys? = nil, bufferSamples: Int = 4_000_000
    ) throws(WireError) {
        precondition(!endpoints.isEmpty)
        let endpoint = endpoints[0]
        self.endpoints = endpoints
        self.endpoint = endpoint
        self.bufferSamples = bufferSamples
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .dealer)
            try socket.set(.sendHighWaterMark(1000))
            try socket.set(.receiveHighWaterMark(0))
            try socket.set(.linger(.zero))
            // Whatever is queued in libzmq when a connection breaks must not precede the hello on the next one.
            try socket.set(.immediate(true))
            try socket.set(.reconnectInterval(.milliseconds(50)))
            try socket.set(.reconnectIntervalMaximum(.seconds(1)))
            // Detects a daemon that vanished silently, even while samples are in transit.
            try socket.noticeVanishedPeers()
            try socket.set(.tcpMaximumRetransmitTime(.seconds(6)))
            let monitor = try socket.monitor()
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
            self.monitor = monitor
        } catch {
            throw .socket(error)
        }
    }

    /// Validates a block and keeps it until the daemon no longer needs it. Sends it as soon as the daemon is ready for
    /// it.
    /// - Parameters:
    ///   - block: the samples.
    ///   - timeout: how long to wait for room in the buffer.
    /// - Returns: false if no room became free in that time. The block was not accepted: pass it again.
    /// - Throws: `.rejected` if the daemon would reject the block, `.socket`.
    public mutating func send(_ block: WireSampleBlock, timeout: Duration = .zero) throws(WireError) -> Bool {
        do throws(SampleBlockRejection) {
            try block.validate()
        } catch {
            throw .rejected(error)
        }
        guard let body: [UInt8] = try? block.serializedBytes() else {
            throw .rejected(.tooManySamples(block.sampleCount))
        }
        let count = block.sampleCount
        let end = ContinuousClock.now + timeout
        while unacknowledgedSamples > 0, unacknowledgedSamples + count > bufferSamples {
            let left = end - .now
            guard left > .zero else { return false }
            try service(timeout: min(left, .milliseconds(50)))
        }
        unacknowledgedSamples += count
        streams[block.stream, default: UnacknowledgedBlocks(stream: block.stream)].append(
            session: block.session, first: block.firstSampleIndex, count: count, body: body)
        try work(on: block.stream)
        if ContinuousClock.now >= nextSweep { try service(timeout: .zero) }
        return true
    }

    /// Handles the daemon's replies and sends whatever may be sent.
    /// - Parameter timeout: how long to wait for something to do.
    public mutating func service(timeout: Duration) throws(WireError) {
        do throws(ZeroMQError) {
            try readMonitor()
            var heard = try readReplies(timeout: .zero)
            try sweep()
            if !heard, timeout > .zero {
                var poller = ZeroMQPoller()
                poller.add(socket)
                poller.add(monitor)
                try poller.wait(timeout: min(timeout, Self.sweepInterval))
                try readMonitor()
                heard = try readReplies(timeout: .zero)
                try sweep()
            }
        } catch {
            throw .socket(error)
        }
    }

    /// Waits until the daemon no longer needs any of the blocks passed so far.
    /// - Returns: false if the timeout expired first.
    public mutating func waitUntilAcknowledged(timeout: Duration) throws(WireError) -> Bool {
        let end = ContinuousClock.now + timeout
        while unacknowledgedSamples > 0 {
            let left = end - .now
            guard left > .zero else { return false }
            try service(timeout: min(left, .milliseconds(50)))
        }
        return true
    }

    /// The problems reported since the last call.
    public mutating func takeProblems() -> [Problem] {
        defer { problems = [] }
        return problems
    }

    // MARK: Working

    private mutating func readMonitor() throws(ZeroMQError) {
        while let event = try monitor.next(timeout: .zero) {
            switch event.kind {
            case .handshakeSucceeded:
                isConnected = true
                loseAll()
            case .disconnected where isConnected:
                isConnected = false
                disconnections += 1
                nextMove = .now + Self.movePatience
                loseAll()
            default: break
            }
        }
        guard endpoints.count > 1, !isConnected, ContinuousClock.now >= nextMove else { return }
        try socket.disconnect(endpoint)
        let place = endpoints.firstIndex(of: endpoint) ?? 0
        endpoint = endpoints[(place + 1) % endpoints.count]
        try socket.connect(endpoint)
        nextMove = .now + Self.movePatience
    }

    private mutating func loseAll() {
        for stream in streams.keys { streams[stream]?.lose() }
        nextSweep = .now
    }

    private mutating func readReplies(timeout: Duration) throws(ZeroMQError) -> Bool {
        var heard = false
        while let frames = try socket.receive(timeout: .zero) {
            heard = true
            guard let last = frames.last, let reply = try? WireIngestReply(serializedBytes: last),
                let before = streams[reply.stream]?.samples, let outcome = streams[reply.stream]?.take(reply)
            else { continue }
            lastHeard[reply.stream] = .now
            unacknowledgedSamples -= before - (streams[reply.stream]?.samples ?? 0)
            switch outcome {
            case .nothing: break
            case .refused(let cause, let first):
                note(.refused(stream: reply.stream, firstSampleIndex: first, cause: cause))
            case .stale(let samples): note(.stale(stream: reply.stream, samples: samples))
            }
            // Do not ask a daemon that is too busy again at once.
            if UnacknowledgedBlocks.retryable.contains(reply.cause) { continue }
            do throws(WireError) { try work(on: reply.stream) } catch {
                if case .socket(let error) = error { throw error }
            }
        }
        return heard
    }

    private mutating func note(_ problem: Problem) {
        if problems.count < Self.maximumProblems { problems.append(problem) }
    }

    /// Services every stream.
    private mutating func sweep() throws(ZeroMQError) {
        guard ContinuousClock.now >= nextSweep else { return }
        nextSweep = .now + Self.sweepInterval
        for stream in Array(streams.keys) {
            if let heard = lastHeard[stream], let blocks = streams[stream], let patience = Self.patience(with: blocks),
                ContinuousClock.now - heard > patience * (1 << blocks.silences)
            {
                streams[stream]?.loseBySilence()
            }
            do throws(WireError) { try work(on: stream) } catch {
                if case .socket(let error) = error { throw error }
            }
        }
    }

    /// How long to wait for the next reply; nil: none is due.
    private static func patience(with blocks: UnacknowledgedBlocks) -> Duration? {
        if blocks.phase == .awaitsAnswer || blocks.onTheWay > 0 { return patience }
        return blocks.awaitsRelease ? releasePatience : nil
    }

    /// Sends a hello, or whatever blocks may be sent.
    private mutating func work(on stream: String) throws(WireError) {
        guard isConnected, var blocks = streams[stream] else { return }
        // Avoids copying the buffer for every block.
        streams[stream] = nil
        defer { streams[stream] = blocks }
        do throws(ZeroMQError) {
            if blocks.phase == .needsHello, !blocks.isEmpty {
                guard try socket.send(Self.hello(stream, blocks), timeout: .zero) else { return }
                blocks.didSayHello()
                lastHeard[stream] = .now
            }
            while let block = blocks.sendable {
                guard try socket.send(block.body, timeout: .zero) else { return }
                blocks.didSend()
                samplesSent += block.count
            }
        } catch {
            throw .socket(error)
        }
    }

    private static func hello(_ stream: String, _ blocks: borrowing UnacknowledgedBlocks) -> [UInt8] {
        var hello = WireSampleBlock()
        hello.schemaVersion = SampleBlockLimits.schemaVersion
        hello.stream = stream
        hello.session = blocks.session
        hello.helloNumber = blocks.nextHelloNumber
        return (try? hello.serializedBytes()) ?? []
    }
}
