@testable import MonitorDaemon

/// The input is what a connection brings, after its first byte, which tells in what pieces it comes.
enum HTTPTarget {
    private static let token = HTTPToken("0123456789abcdef0123456789ABCDEF")

    static func take(_ bytes: [UInt8]) {
        guard let step = bytes.first else { return }
        let request = Array(bytes.dropFirst().prefix(HTTPRequestHead.maximumBytes))
        let end = HTTPRequestHead.end(in: request)
        // The head's end does not depend on how the bytes arrive.
        var arrived = 0
        var found: Int?
        while found == nil, arrived < request.count {
            arrived = min(request.count, arrived + 1 + Int(step) * 4)
            found = HTTPRequestHead.end(in: request.prefix(arrived))
        }
        precondition(found == end, "the head ends where it ends")
        guard let end, let head = HTTPRequestHead(request.prefix(end)) else { return }
        precondition(!head.method.isEmpty && head.path.hasPrefix("/"))
        _ = token?.isCarried(by: head.authorization)
        // What was asked is nowhere in the answer.
        let answer = HTTPPage.problem(.notFound).bytes(withBody: head.method != "HEAD")
        precondition(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 404 Not Found\r\n"))
    }
}
