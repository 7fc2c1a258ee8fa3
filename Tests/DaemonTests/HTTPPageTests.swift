import Foundation
import Glibc
import Testing

@testable import MonitorDaemon

/// The pages: what may be asked, by whom, and what a hostile asker can do.
@Suite(.serialized) struct HTTPPageTests {
    private static let token = "5OqTr7WcVxk2LmZ9aBfGhJd3eKpQsUyN"

    private func ask(_ port: UInt16, _ request: String) throws -> String {
        let connection = try #require(RawConnection(port: port))
        connection.send(Array(request.utf8))
        return try #require(connection.readToEnd(), "the daemon answers and ends the connection")
    }

    @Test func withATokenEveryRequestNeedsIt() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "token-\(UUID().uuidString.prefix(8))")
            .path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/token"
        try "\(Self.token)\n".write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
        let daemon = try DaemonProcess(configuration: "[http]\ntoken_file = \"\(path)\"\n")
        let wrong = String(Self.token.reversed())
        for header in [
            "", "Authorization: Bearer \(wrong)\r\n", "Authorization: Bearer \(Self.token)x\r\n",
            "Authorization: Bearer\r\n",
            "Authorization: Basic \(Self.token)\r\n", "X-Authorization: Bearer \(Self.token)\r\n",
        ] {
            for page in ["/metrics", "/healthz", "/readyz", "/", "/nothing"] {
                let answer = try ask(daemon.httpPort, "GET \(page) HTTP/1.1\r\nHost: x\r\n\(header)\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 401 ") && !answer.contains("ecgmon_"), "\(header)")
            }
        }
        let twice = "Authorization: Bearer \(Self.token)\r\n"
        #expect(try ask(daemon.httpPort, "GET / HTTP/1.1\r\n\(twice)\(twice)\r\n").hasPrefix("HTTP/1.1 400 "))
        let right = try ask(daemon.httpPort, "GET /metrics HTTP/1.1\r\nauthorization: bearer \(Self.token)\r\n\r\n")
        #expect(right.hasPrefix("HTTP/1.1 200 ") && right.contains("ecgmon_http_unauthorized_total 30\n"))
        #expect(!daemon.log.contains(Self.token))
        #expect(daemon.terminate() == 0)
    }

    @Test func onlyGETAndHEADAreAnsweredAndNoFilesAreServed() throws {
        let daemon = try DaemonProcess()
        let port = daemon.httpPort
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let answer = try ask(port, "\(method) /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
            #expect(answer.hasPrefix("HTTP/1.1 405 ") && answer.contains("Allow: GET, HEAD"), "\(method)")
        }
        let head = try ask(port, "HEAD /metrics HTTP/1.1\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.hasSuffix("\r\n\r\n"))
        for path in ["/../etc/passwd", "//etc/passwd", "/metrics/", "/%2e%2e/etc/passwd", "/metrics%00"] {
            #expect(try ask(port, "GET \(path) HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 "), "\(path)")
        }
        #expect(try ask(port, "GET /healthz?verbose HTTP/1.0\n\n").hasSuffix("ok\n"))
        for bad in [
            "\r\n", "GET\r\n\r\n", "GET / SPDY/3\r\n\r\n", "GET metrics HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nnonsense\r\n\r\n", "\u{0}\u{1}\r\n\r\n",
        ] {
            #expect(try ask(port, bad).hasPrefix("HTTP/1.1 400 "))
        }
        #expect(daemon.terminate() == 0)
    }

    @Test func endlessSlowAndSurplusConnectionsAreClosed() throws {
        let daemon = try DaemonProcess()
        let port = daemon.httpPort
        let long = try ask(port, "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: HTTPRequestHead.maximumBytes))
        #expect(long.hasPrefix("HTTP/1.1 431 "))
        // A byte now and then, for ever: ended by the daemon all the same.
        let slow = try #require(RawConnection(port: port))
        slow.send(Array("GET / HTTP/1.1\r\nX: ".utf8))
        let silent = (0..<3 * HTTPPageServer.maximumConnections).compactMap { _ in RawConnection(port: port) }
        #expect(silent.count > HTTPPageServer.maximumConnections)
        for _ in 0..<20 {
            slow.send([0x61])
            usleep(50_000)
        }
        // They hold every place for as long as the daemon is patient with them, and not longer.
        #expect(eventually { (try? daemon.page("/healthz").body) == "ok\n" })
        #expect(slow.isClosedByPeer())
        #expect(silent.allSatisfy { $0.isClosedByPeer() })
        #expect(daemon.terminate() == 0)
    }
}

/// What needs no process.
@Suite struct SecurityBuildingBlockTests {
    @Test func aTokenIsComparedAsAWholeAndMustBeLong() throws {
        #expect(HTTPToken("short") == nil && HTTPToken(String(repeating: "a", count: 64)) == nil)
        #expect(HTTPToken("0123456789abcdef 123456789abcdef0") == nil)
        let token = try #require(HTTPToken("0123456789abcdef0123456789abcdef"))
        #expect(token.isCarried(by: "Bearer 0123456789abcdef0123456789abcdef"))
        #expect(!token.isCarried(by: nil) && !token.isCarried(by: "") && !token.isCarried(by: "Bearer "))
        #expect(!token.isCarried(by: "Bearer 0123456789abcdef0123456789abcdeg"))
        #expect(!token.isCarried(by: "0123456789abcdef0123456789abcdef"))
        #expect(!"\(token) \(String(describing: token))".contains("0123"))
    }

    @Test func anyBytesAreARequestOrNone() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...300, using: &generator)).map { _ -> UInt8 in
                [0x0a, 0x0d, 0x20, 0x3a, 0x47, 0x2f, 0xff, 0x00, 0x41][Int.random(in: 0..<9, using: &generator)]
            }
            if let end = HTTPRequestHead.end(in: bytes) { _ = HTTPRequestHead(bytes.prefix(end)) }
        }
        let head = HTTPRequestHead("GET /a?b HTTP/1.1\r\nHost: x\r\nAUTHORIZATION:\t y z\r\n\r\n".utf8)
        #expect(head?.method == "GET" && head?.path == "/a" && head?.authorization == "y z")
    }

    @Test func ledgerCountsSubscriptionsAndBoundsThem() {
        var ledger = SubscriptionLedger()
        #expect(ledger.add([1], of: "a") && !ledger.add([1], of: "b") && !ledger.add([1], of: "b"))
        let isLast1 = ledger.remove([1], of: nil)
        let isLast2 = ledger.remove([1], of: "b")
        #expect(!isLast1 && !isLast2 && ledger.total == 1)
        let isLast3 = ledger.remove([1], of: "a")
        let isLast4 = ledger.remove([1], of: "a")
        #expect(isLast3 && !isLast4 && ledger.total == 0)
        for number in 0..<SubscriptionLedger.maximumPerKey {
            _ = ledger.add([UInt8(number & 255), UInt8(number >> 8)], of: "a")
        }
        #expect(!ledger.isOverLimit("a"))
        _ = ledger.add([7, 7, 7], of: "a")
        #expect(ledger.isOverLimit("a") && !ledger.isOverLimit("b"))
    }
}
