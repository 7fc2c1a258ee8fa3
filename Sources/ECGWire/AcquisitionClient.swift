import SwiftProtobuf
public import ZeroMQ

/// The acquisition side of a connection: pushes sample blocks to a daemon's ingest endpoint, fire and forget.
///
/// Like its socket, it belongs to the thread that created it.
public struct AcquisitionClient: ~Copyable {
    /// The endpoint that it sends to.
    public let endpoint: String
    private let socket: ZeroMQSocket

    /// Connects now, or as soon as the daemon is available.
    /// - Parameters:
    ///   - endpoint: the daemon's ingest endpoint, such as `tcp://127.0.0.1:5570` or `ipc:///run/ecgmon/ingest`.
    ///   - context: the context of its socket.
    ///   - keys: the key of this source and that of the daemon; nil: no encryption.
    ///   - queueLength: maximum number of messages that may wait while the daemon is slow.
    ///   - linger: how long queued messages are still sent after closing.
    /// - Throws: `.socket` for an invalid endpoint.
    public init(
        endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil, queueLength: Int = 1000,
        linger: Duration = .seconds(5)
    ) throws(WireError) {
        self.endpoint = endpoint
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .push)
            try socket.set(.sendHighWaterMark(queueLength))
            try socket.set(.linger(linger))
            // Without a connection, sending fails at once instead of filling a queue that nobody reads.
            try socket.set(.immediate(true))
            try socket.set(.reconnectIntervalMaximum(.seconds(2)))
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// Validates a block and sends it.
    /// - Parameters:
    ///   - block: the samples.
    ///   - timeout: how long to wait for a connection, or for room in the queue; nil: wait forever; zero: do not wait.
    /// - Returns: false if the block could not be queued in that time; nothing was sent.
    /// - Throws: `.rejected` if the daemon would reject the block, `.socket`.
    public func send(_ block: WireSampleBlock, timeout: Duration? = nil) throws(WireError) -> Bool {
        do throws(SampleBlockRejection) {
            try block.validate()
        } catch {
            throw .rejected(error)
        }
        let body: [UInt8]
        do {
            body = try block.serializedBytes()
        } catch {
            // Only above 2 GB, which no valid block reaches.
            throw .rejected(.tooManySamples(block.sampleCount))
        }
        return try send(body: body, timeout: timeout)
    }

    /// Sends raw bytes without validation.
    /// - Returns: false if they could not be queued in that time; nothing was sent.
    public func send(body: [UInt8], timeout: Duration? = nil) throws(WireError) -> Bool {
        do throws(ZeroMQError) {
            return try socket.send(body, timeout: timeout)
        } catch {
            throw .socket(error)
        }
    }
}
