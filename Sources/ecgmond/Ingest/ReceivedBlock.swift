import ECGMonitor

/// A segment on its way from the ingest thread to the worker that owns its stream.
struct ReceivedBlock: Sendable {
    var stream: String
    var segment: SampleBlock
    /// When the ingest thread took its message; monotonic, ns.
    var receivedAt: UInt64
    /// nil: nobody waits for an answer.
    var acknowledgement: Acknowledgement?
}

/// An event, ready to be sent, on its way from a worker to the publisher.
struct OutgoingMessage: Sendable {
    var topic: [UInt8]
    var body: [UInt8]
    /// When the message that decided it was taken, monotonic, ns; nil: no message did.
    var receivedAt: UInt64?
}
