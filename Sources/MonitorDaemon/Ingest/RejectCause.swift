import ECGMonitor
import ECGWire

/// Why a message or a stream was turned away. Each is counted by its cause and logged once a period; nothing else
/// happens for it.
struct RejectCause: Hashable, Sendable, CaseIterable {
    /// On `/metrics`, in `Health` and in logs; a contract.
    let label: String

    /// A message with more frames than an envelope needs.
    static let tooManyFrames = RejectCause(label: "too_many_frames")
    /// Larger than `ingest.maximum_frame_bytes`.
    static let frameTooLarge = RejectCause(label: "frame_too_large")
    /// A new stream beyond `streams.maximum`.
    static let tooManyStreams = RejectCause(label: "too_many_streams")
    /// The stream's worker has done nothing at all for `ingest.patience_seconds`.
    static let workerQueueFull = RejectCause(label: "worker_queue_full")
    /// The sender's key may not push this stream.
    static let notPermitted = RejectCause(label: "not_permitted")
    /// An acknowledged block beyond the samples that may be on their way.
    static let beyondCredit = RejectCause(label: "beyond_credit")
    /// A block of a stream for which its connection has said no hello, or none since a block was refused.
    static let helloNeeded = RejectCause(label: "hello_needed")

    /// The block could not be read, or cannot be true.
    init(_ cause: SampleBlockRejection.Cause) { label = cause.rawValue }

    /// The stream's monitor refused it. The same word where the wire has refused the same thing already.
    init(_ rejection: BlockRejection) { label = rejection.cause }

    init(label: String) { self.label = label }

    static let allCases: [RejectCause] = {
        var seen: Set<RejectCause> = []
        let own = [
            tooManyFrames, frameTooLarge, tooManyStreams, workerQueueFull, beyondCredit, helloNeeded, notPermitted,
        ]
        let wire = SampleBlockRejection.Cause.allCases.map { RejectCause($0) }
        let monitor = BlockRejection.allCases.map { RejectCause($0) }
        return (own + wire + monitor).filter { seen.insert($0).inserted }
    }()

    /// The block may be sent again, after a hello.
    var asksForHello: Bool {
        [.beyondCredit, .helloNeeded, .workerQueueFull, .tooManyStreams].contains(self)
    }

    /// One line for the source.
    var words: String {
        switch self {
        case .beyondCredit: "more samples on their way than the window allows"
        case .helloNeeded: "say hello first"
        case .workerQueueFull: "the daemon is too busy or about to end"
        case .tooManyStreams: "more streams than the daemon takes"
        case .notPermitted: "this key has no right to it"
        default: "the block is refused: \(label)"
        }
    }
}
