public import ECGWire
import Glibc
public import ToolSupport
public import ZeroMQ

/// The sending end of the ingest socket, for a bedside. It waits for the daemon for a limited time; a daemon that is
/// absent, or that accepts no more samples, is then an error.
public struct ReplaySender: ~Copyable {
    private let client: AcquisitionClient
    private let connectTimeout: Duration
    private let patience: Duration
    private let hint: String
    private let note: (String) -> Void
    private var connected = false
    /// How often the daemon accepted nothing for a second or longer.
    public private(set) var stalls = 0

    /// - Parameters:
    ///   - keys: nil for no encryption.
    ///   - connectTimeout: maximum wait for a daemon to accept the first block.
    ///   - patience: maximum wait for each later block.
    ///   - hint: added to the error's next step if nobody listens at the endpoint.
    ///   - note: called with a line for the user when the daemon stops accepting samples, and when it resumes.
    /// - Throws: `ToolError` for an invalid endpoint.
    public init(
        endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil, connectTimeout: Duration,
        patience: Duration = .seconds(10), hint: String = "",
        note: @escaping (String) -> Void = { _ in }
    ) throws(ToolError) {
        do throws(WireError) {
            client = try AcquisitionClient(endpoint: endpoint, context: context, keys: keys)
        } catch {
            throw ToolError(
                "cannot connect to \(printable(endpoint)): \(error)",
                nextStep: "Give an endpoint such as tcp://127.0.0.1:5570 or ipc:///run/ecgmon/ingest")
        }
        self.connectTimeout = connectTimeout
        self.hint = hint
        self.note = note
        self.patience = patience
    }

    /// Passes one block to the daemon's queue; waits while the daemon is behind or away.
    /// - Returns: false if interrupted while waiting.
    /// - Throws: `ToolError` if the daemon has accepted nothing for the whole of `patience`.
    public mutating func send(_ block: WireSampleBlock) throws(ToolError) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        var stalled = false
        while !Interruption.requested {
            do throws(WireError) {
                if try client.send(block, timeout: .milliseconds(100)) {
                    if stalled { note("ecgmon: the daemon takes samples again") }
                    connected = true
                    return true
                }
            } catch {
                throw ToolError("\(error)", nextStep: "Start the replay again with other options")
            }
            let waited = clock.now - start
            if waited >= (connected ? patience : connectTimeout) { throw giveUp(after: waited) }
            if connected, !stalled, waited >= .seconds(1) {
                stalled = true
                stalls += 1
                note("ecgmon: the daemon at \(client.endpoint) takes no samples; waiting")
            }
        }
        return false
    }

    /// Waits until the daemon has read everything that was sent (see `UnixSocketBacklog`), for at most `patience` or
    /// until interrupted.
    public borrowing func waitUntilRead() {
        let clock = ContinuousClock()
        let deadline = clock.now + patience
        // Even when nothing is unread for a moment, libzmq's own thread may still have something to write.
        var quietRounds = 0
        while quietRounds < 5, clock.now < deadline, !Interruption.requested {
            quietRounds = UnixSocketBacklog.unreadBytes(endpoint: client.endpoint) == 0 ? quietRounds + 1 : 0
            usleep(10_000)
        }
    }

    private func giveUp(after waited: Duration) -> ToolError {
        connected
            ? ToolError(
                "the daemon at \(client.endpoint) has taken no samples for \(waited.components.seconds) s",
                nextStep: "See whether `ecgmond` is running and what it logs")
            : ToolError(
                "nobody is receiving samples at \(client.endpoint)",
                nextStep: "Start the daemon with `ecgmond`, or name its ingest endpoint with --ingest"
                    + hint)
    }
}
