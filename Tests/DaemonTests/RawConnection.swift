import Glibc
import TestSupport

/// A TCP connection whose every byte is a test's own.
final class RawConnection {
    private let descriptor: Int32

    init?(port: UInt16) {
        guard let descriptor = LoopbackConnection.open(port: port) else { return nil }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Sends this again and again, as long as the other side takes it, at most so often.
    func flood(_ bytes: [UInt8], atMost most: Int) {
        var patience = timeval(tv_sec: 0, tv_usec: 300_000)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        for _ in 0..<most where Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) != bytes.count {
            return
        }
    }

    /// Introduces itself as a ZeroMQ socket of a type (ZMTP 3.1, mechanism NULL; rfc.zeromq.org/spec/37).
    func introduce(as type: String) {
        let mechanism = Array("NULL".utf8) + [UInt8](repeating: 0, count: 16)
        send([0xff] + [UInt8](repeating: 0, count: 8) + [0x7f, 3, 1] + mechanism + [UInt8](repeating: 0, count: 32))
        receive(64)
        let name = Array("Socket-Type".utf8)
        let ready =
            [5] + Array("READY".utf8) + [UInt8(name.count)] + name + [0, 0, 0, UInt8(type.utf8.count)]
            + Array(type.utf8)
        send([4, UInt8(ready.count)] + ready)
        receive(Int(receive(2).last ?? 0))
    }

    /// Ends as a connection whose other end has lost its power and come back: what is on the way is lost, and the peer
    /// gets a reset.
    func reset() {
        var ending = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &ending, socklen_t(MemoryLayout<linger>.size))
        shutdown(descriptor, Int32(SHUT_RD))
    }

    @discardableResult
    private func receive(_ count: Int) -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while all.count < count {
            let read = recv(descriptor, &buffer, min(buffer.count, count - all.count), 0)
            guard read > 0 else { break }
            all += buffer.prefix(read)
        }
        return all
    }

    /// Everything until the other side ends; nil where it does not within half a minute.
    func readToEnd() -> String? {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                all += buffer.prefix(count)
            } else if count == 0 || errno == ECONNRESET {
                break
            } else {
                return nil
            }
        }
        return String(decoding: all, as: UTF8.self)
    }

    func isClosedByPeer() -> Bool { readToEnd() != nil }
}
