/// A hello on its way to the worker that owns the stream: where is it?
struct ReceivedHello: Sendable {
    var stream: String
    /// The source's routing id.
    var peer: [UInt8]
    /// `SampleBlock.hello_number`.
    var number: UInt64
}

/// What makes a segment one that is acknowledged.
struct Acknowledgement: Sendable {
    /// The source's routing id.
    var peer: [UInt8]
    /// The first after a hello: a stream may begin with it, and with no other, so that none before it is passed over.
    var isFirst: Bool
}
