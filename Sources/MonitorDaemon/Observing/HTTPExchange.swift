/// A page, or why there is none.
struct HTTPPage: Sendable {
    var status: Status = .ok
    var type = "text/plain; charset=utf-8"
    var body: String

    enum Status: Int, Sendable {
        case ok = 200
        case badRequest = 400
        case unauthorized = 401
        case notFound = 404
        case methodNotAllowed = 405
        case requestTimeout = 408
        case headersTooLarge = 431
        case serviceUnavailable = 503

        var phrase: String {
            switch self {
            case .ok: "OK"
            case .badRequest: "Bad Request"
            case .unauthorized: "Unauthorized"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .requestTimeout: "Request Timeout"
            case .headersTooLarge: "Request Header Fields Too Large"
            case .serviceUnavailable: "Service Unavailable"
            }
        }
    }

    static func problem(_ status: Status) -> HTTPPage {
        HTTPPage(status: status, body: status.phrase.lowercased() + "\n")
    }

    /// The answer's bytes (RFC 9112). The connection ends with it.
    /// - Parameter withBody: false for HEAD.
    func bytes(withBody: Bool) -> [UInt8] {
        var text = "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\nContent-Type: \(type)\r\n"
        text += "Content-Length: \(body.utf8.count)\r\nCache-Control: no-store\r\nConnection: close\r\n"
        text += "X-Content-Type-Options: nosniff\r\n"
        if status == .unauthorized { text += "WWW-Authenticate: Bearer\r\n" }
        if status == .methodNotAllowed { text += "Allow: GET, HEAD\r\n" }
        return Array((text + "\r\n" + (withBody ? body : "")).utf8)
    }
}

/// The head of a request: all of it that is looked at. A body, if there is one, is never read.
struct HTTPRequestHead: Equatable, Sendable {
    var method: String
    /// Without what follows a question mark.
    var path: String
    var authorization: String?

    /// Longer heads are refused; browsers stay below 2 kB here, Prometheus below 1 kB.
    static let maximumBytes = 8192

    /// Where the head ends: after its empty line; nil where that has not come yet.
    static func end(in bytes: some RandomAccessCollection<UInt8>) -> Int? {
        var previous: UInt8 = 0
        var length = 0
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0a {
                if length == 0 || (length == 1 && previous == 0x0d) { return index + 1 }
                length = 0
            } else {
                length += 1
            }
            previous = byte
        }
        return nil
    }

    /// - Parameter bytes: up to `end(in:)`.
    /// - Returns: nil where it is no HTTP/1 request.
    init?(_ bytes: some Collection<UInt8>) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        // "\r\n" is one Character.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard let first = lines.first else { return nil }
        let words = first.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/"), !words[0].isEmpty else {
            return nil
        }
        method = String(words[0])
        path = String(words[1].prefix { $0 != "?" })
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            guard line[..<colon].lowercased() == "authorization" else { continue }
            // Twice is neither.
            guard authorization == nil else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            authorization = String(value)
        }
    }
}
