import Foundation
import Synchronization

/// A small HTTP/1.1 server on loopback for the download tests: real sockets, one thread a connection.
final class FileServer: Sendable {
    /// What to do wrong.
    enum Fault: Sendable {
        /// The first answer for the path ends after so many bytes of its body.
        case cutFirstAnswer(afterBytes: Int)
        /// The first answer for the path has this status.
        case failFirst(status: Int)
        /// Range headers are not understood: always the whole file.
        case ignoreRange
    }

    struct Request: Sendable, Equatable {
        var path: String
        /// First byte asked for.
        var rangeStart: Int?
    }

    private struct State {
        var files: [String: [UInt8]] = [:]
        var faults: [String: Fault] = [:]
        var requests: [Request] = []
    }

    private let state = Mutex(State())
    private let listener: Int32
    let port: Int

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                let worker = Thread { self.serve(connection) }
                worker.start()
            }
        }
        thread.start()
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    var url: String { "http://127.0.0.1:\(port)" }

    func put(_ path: String, _ bytes: [UInt8], fault: Fault? = nil) {
        state.withLock { state in
            state.files[path] = bytes
            state.faults[path] = fault
        }
    }

    var requests: [Request] { state.withLock { $0.requests } }

    func requests(for path: String) -> [Request] { requests.filter { $0.path == path } }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while !head.ends(with: Array("\r\n\r\n".utf8)), head.count < 10_000 {
            guard read(connection, &byte, 1) == 1 else { return }
            head.append(byte)
        }
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        let path = lines[0].components(separatedBy: " ").dropFirst().first ?? ""
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
        let start = range.flatMap { Int($0.dropFirst("range: bytes=".count).prefix { $0 != "-" }) }
        let (file, fault, isFirst) = state.withLock { state in
            let isFirst = !state.requests.contains { $0.path == path }
            state.requests.append(Request(path: path, rangeStart: start))
            return (state.files[path], state.faults[path], isFirst)
        }
        guard let file else { return send(connection, "HTTP/1.1 404 Not Found", [], limit: nil) }
        var limit: Int?
        var from = start
        switch fault {
        case .cutFirstAnswer(let bytes) where isFirst: limit = bytes
        case .failFirst(let status) where isFirst: return send(connection, "HTTP/1.1 \(status) Trouble", [], limit: nil)
        case .ignoreRange: from = nil
        default: break
        }
        guard let from else { return send(connection, "HTTP/1.1 200 OK", file, limit: limit) }
        guard from < file.count else { return send(connection, "HTTP/1.1 416 Range Not Satisfiable", [], limit: nil) }
        send(
            connection, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes \(from)-\(file.count - 1)/\(file.count)",
            Array(file[from...]), limit: limit)
    }

    private func send(_ connection: Int32, _ head: String, _ body: [UInt8], limit: Int?) {
        let bytes =
            Array("\(head)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n".utf8)
            + body.prefix(limit ?? body.count)
        var sent = 0
        while sent < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                Foundation.send(connection, buffer.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if put <= 0 { return }
            sent += put
        }
    }
}

extension Array where Element == UInt8 {
    fileprivate func ends(with tail: [UInt8]) -> Bool { count >= tail.count && suffix(tail.count).elementsEqual(tail) }
}
