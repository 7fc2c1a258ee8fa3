import FoundationEssentials
import Glibc

/// The data that this process has written to a Unix socket and the peer has not read yet.
///
/// libzmq's PUSH does not report it. When a receiver is behind and the sender closes an ipc connection, the receiver
/// drops the data it has not read (epoll reports the hang-up before the data). A sender that is done therefore waits
/// until everything has been read. Over tcp the close arrives after the data, and nothing is lost.
public enum UnixSocketBacklog {
    /// Unread bytes on the connections to `endpoint`; 0 for transports other than ipc.
    public static func unreadBytes(endpoint: String) -> Int {
        guard endpoint.hasPrefix("ipc://") else { return 0 }
        let path = String(endpoint.dropFirst("ipc://".count))
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.reduce(0) { sum, name in
            guard let descriptor = Int32(name), peerPath(descriptor) == path else { return sum }
            var unread: Int32 = 0
            guard ioctl(descriptor, UInt(TIOCOUTQ), &unread) == 0 else { return sum }
            return sum + Int(unread)
        }
    }

    /// The path at which the peer of a connected Unix socket listens; nil for any other descriptor.
    private static func peerPath(_ descriptor: Int32) -> String? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
        }
        guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        return withUnsafeBytes(of: address.sun_path) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
