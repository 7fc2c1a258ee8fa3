import Foundation
import Glibc

/// A WebSocket to a daemon's central station whose every byte is a test's own (RFC 6455).
package final class StationClient {
    /// What came: a text, or the end with the code that the station gave; 0: it gave none.
    package enum Received: Equatable {
        case text(String)
        case end(code: Int)
    }

    private let descriptor: Int32
    private var bytes: [UInt8] = []
    /// The head of the station's answer.
    package private(set) var answer = ""

    /// Connects and asks for the upgrade.
    /// - Parameter origin: nil: no such header.
    package init?(
        port: UInt16, host: String? = nil, origin: String? = "", path: String = "/socket", receiveBuffer: Int32? = nil
    ) {
        guard let descriptor = LoopbackConnection.open(port: port, receiveBuffer: receiveBuffer) else { return nil }
        self.descriptor = descriptor
        let host = host ?? "127.0.0.1:\(port)"
        var request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        if let origin { request += "Origin: \(origin.isEmpty ? "http://\(host)" : origin)\r\n" }
        write(Array((request + "\r\n").utf8))
        while let byte = next() {
            answer.unicodeScalars.append(Unicode.Scalar(byte))
            if answer.hasSuffix("\r\n\r\n") { break }
        }
    }

    deinit { close(descriptor) }

    package var isUpgraded: Bool { answer.hasPrefix("HTTP/1.1 101 ") }

    package func write(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Sends a masked frame.
    package func send(opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) {
        var frame = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        default:
            frame.append(0x80 | 127)
            frame += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        frame += [0, 0, 0, 0] + payload
        write(frame)
    }

    package func send(_ text: String) { send(opcode: 1, Array(text.utf8)) }

    /// The next text or the end.
    package func receive() -> Received {
        while true {
            guard let first = next(), let second = next() else { return .end(code: 0) }
            var length = Int(second & 0x7f)
            if length >= 126 {
                let extra = (0..<(length == 126 ? 2 : 8)).compactMap { _ in next() }
                length = extra.reduce(0) { $0 << 8 | Int($1) }
            }
            guard let payload = take(length) else { return .end(code: 0) }
            switch first & 0x0f {
            case 1: return .text(String(decoding: payload, as: UTF8.self))
            case 8: return .end(code: payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 0)
            default: continue
            }
        }
    }

    /// Reads on until a text fulfils a condition; nil: the connection ended before, or so many others came. A live
    /// station sends ten a second.
    package func text(among most: Int = 10_000, where condition: (String) -> Bool) -> String? {
        for _ in 0..<most {
            guard case .text(let text) = receive() else { return nil }
            if condition(text) { return text }
        }
        return nil
    }

    /// The code with which the station ends the connection; nil: it goes on.
    package func endCode() -> Int? {
        for _ in 0..<10_000 { if case .end(let code) = receive() { return code } }
        return nil
    }

    private func next() -> UInt8? { take(1)?.first }

    private func take(_ count: Int) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < count {
            let read = recv(descriptor, &buffer, buffer.count, 0)
            guard read > 0 else { return nil }
            bytes += buffer.prefix(read)
        }
        defer { bytes.removeFirst(count) }
        return Array(bytes.prefix(count))
    }
}
