import SwiftProtobuf
public import ZeroMQ

/// The bedside's end of the wire: pushes blocks of samples to a daemon's ingest endpoint, fire and forget.
///
/// It belongs to the thread that made it, like its socket.
public struct AcquisitionClient: ~Copyable {
    /// Where it sends to.
    public let endpoint: String
    private let socket: ZeroMQSocket

    /// Connects, now or as soon as the daemon is there.
    /// - Parameters:
    ///   - endpoint: the daemon's ingest endpoint, such as `tcp://127.0.0.1:5570` or `ipc:///run/ecgmon/ingest`.
    ///   - keys: this source's key and the daemon's; nil: no encryption.
    ///   - queueLength: messages that may wait while the daemon is slow.
    ///   - linger: how long closing goes on sending what still waits.
    /// - Throws: `.socket` for an endpoint that makes no sense.
    public init(
        endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil, queueLength: Int = 1000,
        linger: Duration = .seconds(5)
    ) throws(WireError) {
        self.endpoint = endpoint
        do throws(ZeroMQError) {
            let socket = try ZeroMQSocket(context, .push)
            try socket.set(.sendHighWaterMark(queueLength))
            try socket.set(.linger(linger))
            // Without a connection, sending says so at once rather than filling a queue for nobody.
            try socket.set(.immediate(true))
            try socket.set(.reconnectIntervalMaximum(.seconds(2)))
            try socket.useCurve(keys)
            try socket.connect(endpoint)
            self.socket = socket
        } catch {
            throw .socket(error)
        }
    }

    /// Checks a block and sends it.
    /// - Parameter timeout: how long to wait for a connection, or for room in the queue; nil: for ever; zero: not at
    ///   all.
    /// - Returns: false where the daemon did not take it in that time, and nothing was sent.
    /// - Throws: `.rejected` where the daemon would reject it, `.socket`.
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
            // Only beyond 2 GB, which no valid block reaches.
            throw .rejected(.tooManySamples(block.sampleCount))
        }
        return try send(body: body, timeout: timeout)
    }

    /// Sends bytes as they are, unchecked.
    /// - Returns: false where the daemon did not take it in that time, and nothing was sent.
    public func send(body: [UInt8], timeout: Duration? = nil) throws(WireError) -> Bool {
        do throws(ZeroMQError) {
            return try socket.send(body, timeout: timeout)
        } catch {
            throw .socket(error)
        }
    }
}
