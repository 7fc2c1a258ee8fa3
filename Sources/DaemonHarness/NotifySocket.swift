import Glibc
package import ToolSupport

/// The service manager's end of sd_notify(3).
package final class NotifySocket {
    package let path: String
    private let descriptor: Int32

    /// - Throws: `ToolError` if the socket cannot be created.
    package init(path: String) throws(ToolError) {
        self.path = path
        unlink(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else {
            throw ToolError(
                "no socket can be made at \(path): \(String(cString: strerror(errno)))",
                nextStep: "Set TMPDIR to a folder you can write to")
        }
    }

    deinit { close(descriptor) }

    /// The next notification; nil if none arrives within the time.
    package func next(milliseconds: Int32) -> String? {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&item, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count >= 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    /// Reads until a notification meets a condition.
    /// - Returns: false if none does within half a minute.
    package func wait(_ condition: (String) -> Bool) -> Bool {
        while let text = next(milliseconds: 30_000) {
            if condition(text) { return true }
        }
        return false
    }

    /// Everything that has arrived.
    package func drain() -> [String] {
        var all: [String] = []
        while let text = next(milliseconds: 0) { all.append(text) }
        return all
    }
}
