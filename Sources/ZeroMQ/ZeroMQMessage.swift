import CZeroMQ

/// A received message of one or more frames, read in place from libzmq's memory.
///
/// If the message is reused for calls of `ZeroMQSocket.receive(into:)`, its storage is reused too, so that receiving
/// allocates nothing here.
public struct ZeroMQMessage: ~Copyable {
    /// Maximum number of frames that a message keeps; further frames are dropped and counted, so that a peer cannot
    /// exhaust the memory.
    public static let maximumFrameCount = 64

    private var frames: UnsafeMutablePointer<zmq_msg_t>
    private var capacity: Int
    /// Number of frames; 0 only before the first message was received into it.
    public private(set) var frameCount = 0
    /// Number of frames that were dropped because they exceeded `maximumFrameCount`.
    public private(set) var discardedFrameCount = 0

    public init() {
        capacity = 4
        frames = .allocate(capacity: capacity)
    }

    deinit {
        for index in 0..<frameCount { zmq_msg_close(frames + index) }
        frames.deallocate()
    }

    /// Size of a frame in bytes.
    /// - Precondition: 0 <= index < frameCount.
    public func size(ofFrame index: Int) -> Int {
        precondition((0..<frameCount).contains(index), "the message has no such frame")
        return zmq_msg_size(frames + index)
    }

    /// Provides the bytes of a frame without copying; they must not escape the closure.
    /// - Precondition: 0 <= index < frameCount.
    public func withFrame<Result, Failure: Error>(
        _ index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition((0..<frameCount).contains(index), "the message has no such frame")
        let frame = frames + index
        return try body(UnsafeRawBufferPointer(start: zmq_msg_data(frame), count: zmq_msg_size(frame)))
    }

    /// A copy of a frame.
    public func bytes(ofFrame index: Int) -> [UInt8] {
        withFrame(index) { Array($0) }
    }

    /// A frame as text; nil if it is not UTF-8.
    public func text(ofFrame index: Int) -> String? {
        withFrame(index) { String(validating: $0, as: UTF8.self) }
    }

    /// The name under which the authenticator admitted the sender (ZAP's User Id); nil if there was no authenticator.
    ///
    /// If there was an authenticator, this is its answer; a sender cannot override it by claiming the same property. It
    /// is read from the last frame, because a ROUTER creates the first one itself.
    public var userID: String? {
        guard frameCount > 0, let text = zmq_msg_gets(frames + (frameCount - 1), "User-Id") else { return nil }
        return String(cString: text)
    }

    /// Copies of all frames.
    public func copiedFrames() -> [[UInt8]] {
        (0..<frameCount).map { bytes(ofFrame: $0) }
    }

    /// Releases all frames and keeps the storage.
    mutating func removeAll() {
        for index in 0..<frameCount { zmq_msg_close(frames + index) }
        frameCount = 0
        discardedFrameCount = 0
    }

    /// Appends the frame that `receive` fills.
    /// - Parameter receive: returns false if nothing was received.
    mutating func appendFrame<Failure: Error>(
        _ receive: (UnsafeMutablePointer<zmq_msg_t>) throws(Failure) -> Bool
    ) throws(Failure) -> Bool {
        if frameCount == capacity { grow() }
        let frame = frames + frameCount
        zmq_msg_init(frame)
        do {
            guard try receive(frame) else {
                zmq_msg_close(frame)
                return false
            }
        } catch {
            zmq_msg_close(frame)
            throw error
        }
        frameCount += 1
        return true
    }

    /// Whether another frame of the same message follows the last one received.
    var expectsMore: Bool { frameCount > 0 && zmq_msg_more(frames + (frameCount - 1)) != 0 }

    /// Drops the last frame in favour of a later one, unless it is the last frame of the message.
    mutating func discardLastFrame() {
        frameCount -= 1
        zmq_msg_close(frames + frameCount)
        discardedFrameCount += 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: capacity * 2)
        for index in 0..<frameCount {
            // A frame may store its bytes inline: libzmq must move it.
            zmq_msg_init(larger + index)
            zmq_msg_move(larger + index, frames + index)
            zmq_msg_close(frames + index)
        }
        frames.deallocate()
        frames = larger
        capacity *= 2
    }
}
