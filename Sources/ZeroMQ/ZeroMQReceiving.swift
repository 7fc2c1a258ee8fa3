import CZeroMQ
import Glibc

extension ZeroMQSocket {
    /// Receives the next message with all its frames, replacing the contents of `message`.
    /// - Parameters:
    ///   - message: receives the frames; its storage is reused.
    ///   - timeout: how long to wait; nil: wait forever; zero: do not wait.
    /// - Returns: false if the timeout expired without a message; `message` is then empty.
    /// - Throws: `.contextTerminated`, `.notSupported` on a socket type that cannot receive.
    public func receive(into message: inout ZeroMQMessage, timeout: Duration? = nil) throws(ZeroMQError) -> Bool {
        message.removeAll()
        if let timeout {
            let deadline = Deadline(timeout)
            while try !receiveFrame(into: &message, flags: ZMQ_DONTWAIT) {
                // The receive call already checked everything, so polling is not needed.
                guard timeout > .zero, try wait(for: .readable, until: deadline) else { return false }
            }
        } else {
            _ = try receiveFrame(into: &message, flags: 0)
        }
        // libzmq delivers whole messages, so the other frames are already here.
        while message.expectsMore {
            if message.frameCount == ZeroMQMessage.maximumFrameCount { message.discardLastFrame() }
            _ = try receiveFrame(into: &message, flags: 0)
        }
        return true
    }

    /// Receives the next message as copies of its frames.
    /// - Returns: nil if the timeout expired without a message.
    public func receive(timeout: Duration? = nil) throws(ZeroMQError) -> [[UInt8]]? {
        var message = ZeroMQMessage()
        return try receive(into: &message, timeout: timeout) ? message.copiedFrames() : nil
    }

    private func receiveFrame(into message: inout ZeroMQMessage, flags: Int32) throws(ZeroMQError) -> Bool {
        let pointer = self.pointer
        return try message.appendFrame { (frame) throws(ZeroMQError) -> Bool in
            while zmq_msg_recv(frame, pointer, flags) < 0 {
                switch zmq_errno() {
                case EINTR: continue
                case EAGAIN: return false
                default: throw ZeroMQError(lastOf: "receive")
                }
            }
            return true
        }
    }

    /// - Returns: whether the socket became ready in time.
    func wait(for events: ZeroMQPoller.Events, until deadline: Deadline) throws(ZeroMQError) -> Bool {
        var item = zmq_pollitem_t(socket: pointer, fd: 0, events: events.rawValue, revents: 0)
        while true {
            let count = zmq_poll(&item, 1, deadline.remainingMilliseconds)
            if count >= 0 { return count > 0 }
            guard zmq_errno() == EINTR else { throw ZeroMQError(lastOf: "wait for a socket") }
        }
    }
}
