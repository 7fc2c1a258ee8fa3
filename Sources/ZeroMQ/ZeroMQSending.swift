import CZeroMQ
import Glibc

extension ZeroMQSocket {
    /// Sends a message of one frame; the bytes are copied.
    /// - Parameters:
    ///   - frame: the message's bytes.
    ///   - timeout: how long to wait for room in the queue (or, on PUSH, DEALER and others, for a peer); nil: wait
    ///     forever; zero: do not wait. PUB and XPUB never wait, and slow subscribers lose messages; with `xpubNoDrop`
    ///     they wait for every subscriber that wants the message.
    /// - Returns: false if no room became free in that time; nothing was sent.
    /// - Throws: `.contextTerminated`, `.hostUnreachable`, `.notSupported`.
    @discardableResult
    public func send(_ frame: UnsafeRawBufferPointer, timeout: Duration? = nil) throws(ZeroMQError) -> Bool {
        try sendFirst(frame, more: false, timeout)
    }

    /// Sends a message of one frame. See `send(_:timeout:)` for raw bytes.
    @discardableResult
    public func send(_ frame: [UInt8], timeout: Duration? = nil) throws(ZeroMQError) -> Bool {
        try Self.withBytes(frame) { (bytes) throws(ZeroMQError) in try sendFirst(bytes, more: false, timeout) }
    }

    /// Sends a text as a message of one frame. See `send(_:timeout:)` for raw bytes.
    @discardableResult
    public func send(_ text: String, timeout: Duration? = nil) throws(ZeroMQError) -> Bool {
        try send(Array(text.utf8), timeout: timeout)
    }

    /// Sends a message of several frames, atomically.
    /// - Returns: false if no room became free in that time; nothing was sent.
    /// - Precondition: at least one frame.
    @discardableResult
    public func send(parts: [[UInt8]], timeout: Duration? = nil) throws(ZeroMQError) -> Bool {
        precondition(!parts.isEmpty, "a message has at least one frame")
        for (index, part) in parts.enumerated() {
            let more = index + 1 < parts.count
            let sent = try Self.withBytes(part) { (bytes) throws(ZeroMQError) -> Bool in
                if index == 0 { return try sendFirst(bytes, more: more, timeout) }
                try sendFollowing(bytes, more: more)
                return true
            }
            if !sent { return false }
        }
        return true
    }

    /// Sends a message of two frames, as publishers do. See `send(parts:timeout:)`.
    @discardableResult
    public func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, timeout: Duration? = nil
    ) throws(ZeroMQError) -> Bool {
        guard try sendFirst(first, more: true, timeout) else { return false }
        try sendFollowing(second, more: false)
        return true
    }

    private func sendFirst(
        _ bytes: UnsafeRawBufferPointer, more: Bool, _ timeout: Duration?
    ) throws(ZeroMQError) -> Bool {
        let flags = more ? ZMQ_SNDMORE : 0
        if timeout == nil { return try sendFrame(bytes, flags) }
        if try sendFrame(bytes, flags | ZMQ_DONTWAIT) { return true }
        let deadline = Deadline(timeout)
        while true {
            let isLast = deadline.remainingMilliseconds == 0
            guard try wait(for: .writable, until: deadline) else { return false }
            if try sendFrame(bytes, flags | ZMQ_DONTWAIT) { return true }
            if isLast { return false }
            // The socket is writable for some peer, but not for the one that this message is for: a ROUTER with
            // `routerMandatory`, an XPUB with `xpubNoDrop`.
            usleep(1000)
        }
    }

    /// Frames after the first never wait, because queues count messages. DONTWAIT is not used here: without it, if a
    /// peer is lost in the middle of a message, libzmq drops the message, as it drops those in that peer's queue.
    private func sendFollowing(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(ZeroMQError) {
        guard try sendFrame(bytes, more ? ZMQ_SNDMORE : 0) else {
            throw ZeroMQError(code: .again, operation: "send the rest of a message")
        }
    }

    /// - Returns: false if the call would have blocked.
    private func sendFrame(_ bytes: UnsafeRawBufferPointer, _ flags: Int32) throws(ZeroMQError) -> Bool {
        while zmq_send(pointer, bytes.baseAddress, bytes.count, flags) < 0 {
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN: return false
            default: throw ZeroMQError(lastOf: "send")
            }
        }
        return true
    }

    /// `Array.withUnsafeBytes` with a typed error.
    private static func withBytes(
        _ array: [UInt8], _ body: (UnsafeRawBufferPointer) throws(ZeroMQError) -> Bool
    ) throws(ZeroMQError) -> Bool {
        let result = array.withUnsafeBytes { (bytes) -> Result<Bool, ZeroMQError> in
            do throws(ZeroMQError) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
