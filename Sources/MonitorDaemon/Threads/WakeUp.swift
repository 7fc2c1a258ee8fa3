import Glibc

/// Wakes a thread that waits in `poll`: a pair of connected sockets, of which one becomes readable when signalled.
final class WakeUp: Sendable {
    /// To be polled for readability.
    let fileDescriptor: Int32
    private let signalDescriptor: Int32

    init() throws(SystemCallError) {
        var pair: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let result = withUnsafeMutableBytes(of: &pair) { bytes in
            socketpair(AF_UNIX, kind, 0, bytes.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard result == 0 else { throw SystemCallError(call: "socketpair") }
        (fileDescriptor, signalDescriptor) = pair
    }

    deinit {
        close(fileDescriptor)
        close(signalDescriptor)
    }

    /// Makes the descriptor readable; any thread. One that is readable already stays so.
    func signal() {
        var byte: UInt8 = 1
        _ = send(signalDescriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }

    /// Makes the descriptor unreadable until the next signal. To be called before looking for work, never after.
    func clear() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while recv(fileDescriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) == buffer.count {}
        }
    }
}
