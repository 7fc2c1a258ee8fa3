/// A source's hello on its way to the worker that owns the stream: the source asks which sample is expected next.
struct ReceivedHello: Sendable {
    var stream: String
    /// Where the answer goes.
    var source: ReplyAddress
    /// `SampleBlock.hello_number`.
    var number: UInt64
}
