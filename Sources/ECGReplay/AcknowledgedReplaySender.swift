public import ECGWire
public import ToolSupport
public import ZeroMQ

/// Sends sample blocks to an acknowledged endpoint and keeps them until the daemon has them for good, even across
/// restarts of the daemon, for as long as `patience` lasts.
public struct AcknowledgedReplaySender: ~Copyable, BlockSender {
    private var client: AcknowledgedAcquisitionClient
    private let connectTimeout: Duration
    private let patience: Duration
    private let note: (String) -> Void
    private var connected = false
    public private(set) var stalls = 0
    /// Samples sent more than once.
    public var samplesSent: Int { client.samplesSent }
    public var disconnections: Int { client.disconnections }

    /// - Parameters:
    ///   - endpoint: one, or those of a cluster's gateways, separated by commas.
    ///   - keys: nil for no encryption.
    ///   - connectTimeout: maximum wait for a daemon to accept the first block.
    ///   - patience: how long the daemon may be away, or accept nothing, after that.
    ///   - bufferSamples: maximum number of samples awaiting acknowledgement.
    ///   - note: called with a line for the user when the daemon acknowledges nothing for a second.
    /// - Throws: `ToolError` for an invalid endpoint.
    public init(
        endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil, connectTimeout: Duration,
        patience: Duration = .seconds(60), bufferSamples: Int = 4_000_000,
        note: @escaping (String) -> Void = { _ in }
    ) throws(ToolError) {
        do throws(WireError) {
            client = try AcknowledgedAcquisitionClient(
                endpoints: endpoint.split(separator: ",", omittingEmptySubsequences: false).map(String.init),
                context: context, keys: keys, bufferSamples: bufferSamples)
        } catch {
            throw ToolError(
                "cannot connect to \(printable(endpoint)): \(error)",
                nextStep: "Give an endpoint such as tcp://127.0.0.1:5571 or ipc:///run/ecgmon/ingest-acknowledged")
        }
        self.connectTimeout = connectTimeout
        self.patience = patience
        self.note = note
    }

    public mutating func send(_ block: WireSampleBlock) throws(ToolError) -> Bool {
        do {
            if !connected { try connect() }
            let start = ContinuousClock.now
            var stalled = false
            while !Interruption.requested {
                if try client.send(block, timeout: .milliseconds(100)) {
                    try tellProblems()
                    return true
                }
                let waited = ContinuousClock.now - start
                if waited >= patience { throw ToolError.nothingTaken(client.endpoint, after: waited) }
                if !stalled, waited >= .seconds(1) {
                    stalled = true
                    stalls += 1
                    note("ecgmon: the daemon at \(client.endpoint) acknowledges no samples; waiting")
                }
            }
            return false
        } catch let error as WireError {
            throw ToolError("\(error)", nextStep: "Start the replay again with other options")
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError("\(error)", nextStep: "Start the replay again")
        }
    }

    public mutating func finish() throws(ToolError) {
        let end = ContinuousClock.now + patience
        do {
            while !Interruption.requested {
                if try client.waitUntilAcknowledged(timeout: .milliseconds(100)) {
                    try tellProblems()
                    return
                }
                if ContinuousClock.now >= end {
                    throw ToolError(
                        "the daemon at \(client.endpoint) has not acknowledged \(client.unacknowledgedSamples) samples",
                        nextStep: "See whether `ecgmond` is running and what it logs")
                }
            }
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError("\(error)", nextStep: "Start the replay again")
        }
    }

    private mutating func connect() throws {
        let end = ContinuousClock.now + connectTimeout
        while !client.isConnected, !Interruption.requested {
            guard ContinuousClock.now < end else {
                throw ToolError(
                    "nobody is receiving samples at \(printable(client.endpoint))",
                    nextStep: "Start the daemon with `ecgmond`, or name its acknowledged endpoint with --acknowledged")
            }
            try client.service(timeout: .milliseconds(50))
        }
        connected = true
    }

    private mutating func tellProblems() throws(ToolError) {
        guard let problem = client.takeProblems().first else { return }
        switch problem {
        case .refused(let stream, let first, let cause):
            throw ToolError(
                "the daemon refuses the block of \(printable(stream)) at sample \(first): \(printable(cause))",
                nextStep: "See what `ecgmond` logs")
        case .stale(let stream, _):
            throw ToolError(
                "the daemon watches a later session of \(printable(stream))",
                nextStep: "Choose a larger --session")
        }
    }
}

extension ToolError {
    fileprivate static func nothingTaken(_ endpoint: String, after waited: Duration) -> ToolError {
        ToolError(
            "the daemon at \(endpoint) has acknowledged no samples for \(waited.components.seconds) s",
            nextStep: "See whether `ecgmond` is running and what it logs")
    }
}
