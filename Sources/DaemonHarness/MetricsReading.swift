import Glibc

/// A daemon's `/metrics` page: each sample by its name with labels, such as
/// `ecgmon_rejects_total{cause="stale_session"}`.
package struct MetricsReading: Sendable {
    package private(set) var values: [String: Double] = [:]

    /// - Parameter page: the page's text; may be empty.
    package init(page: String) {
        for line in page.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            values[String(line[..<space])] = value
        }
    }

    /// 0 if there is no such sample.
    package subscript(_ name: String) -> Int { values[name].map { Int($0) } ?? 0 }

    /// The samples of a family that are not 0, by the value of their label.
    package func counts(_ family: String) -> [String: Int] {
        var result: [String: Int] = [:]
        for (name, value) in values where name.hasPrefix(family + "{") && value != 0 {
            let label = name.split(separator: "\"").dropFirst().first ?? ""
            result[String(label)] = Int(value)
        }
        return result
    }

    /// Queries a daemon on this machine.
    /// - Returns: nil if it does not answer within five seconds.
    package static func fetch(port: UInt16) -> MetricsReading? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let request = Array("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        guard connected == 0, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            return nil
        }
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &part, part.count, 0)
            guard count > 0 else { break }
            answer += part[..<count]
        }
        let text = String(decoding: answer, as: UTF8.self)
        return text.hasPrefix("HTTP/1.1 200") ? MetricsReading(page: text) : nil
    }
}
