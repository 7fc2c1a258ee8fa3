import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// The files of the central station's page, and who gets them.
@Suite(.serialized) struct StationPageTests {
    @Test func thePageComesWithAStrictPolicy() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let page = try StationDaemon.ask(daemon.stationPort, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(page.hasPrefix("HTTP/1.1 200 ") && page.contains("<title>Central station</title>"))
        // Before it is connected it says so.
        #expect(page.contains("Connecting to the daemon ...</div>") && page.contains("<noscript>"))
        let policy = try #require(page.split(separator: "\r\n").first { $0.hasPrefix("Content-Security-Policy: ") })
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
        // Nothing that the policy would stop.
        #expect(!page.contains("style=") && !page.contains("onclick") && !page.contains("<script>"))
        for file in page.matches(of: /(?:src|href)="(\/[^"]+)"/).map({ String($0.1) }) {
            let answer = try StationDaemon.ask(daemon.stationPort, "GET \(file) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("X-Content-Type-Options: nosniff"), "\(file)")
        }
        #expect(daemon.terminate() == 0)
    }

    @Test func onlyItsOwnFilesAreServedUnderItsOwnName() throws {
        let daemon = try DaemonProcess(
            configuration: "[station]\nhost_names = [\"station.ward.example\"]\n", hasStation: true)
        let port = daemon.stationPort
        func ask(_ port: UInt16, _ request: String) throws -> String { try StationDaemon.ask(port, request) }
        for path in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/app.js/", "//", "/nothing"] {
            #expect(
                try ask(port, "GET \(path) HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").hasPrefix("HTTP/1.1 404 "), "\(path)")
        }
        #expect(try ask(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").hasPrefix("HTTP/1.1 421 "))
        #expect(try ask(port, "DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
        #expect(try ask(port, "HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").hasSuffix("\r\n\r\n"))
        // A page elsewhere that has its name point here gets nothing.
        for host in ["evil.example", "evil.example:\(port)", "127.0.0.1.evil.example", "localhost.evil", ""] {
            let answer = try ask(port, "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 421 "), "\(host)")
        }
        #expect(try ask(port, "GET / HTTP/1.1\r\nHost: Station.Ward.Example:443\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
        #expect(daemon.terminate() == 0)
    }

    @Test func otherOriginsCannotOpenTheSocket() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let port = daemon.stationPort
        for (host, origin) in [
            ("127.0.0.1:\(port)", "http://evil.example"), ("127.0.0.1:\(port)", "null"), ("127.0.0.1:\(port)", nil),
            ("evil.example:\(port)", "http://evil.example:\(port)"), ("127.0.0.1:\(port)", "http://127.0.0.1:1"),
        ] as [(String, String?)] {
            let client = try #require(StationClient(port: port, host: host, origin: origin))
            #expect(!client.isUpgraded && !client.answer.contains("Sec-WebSocket-Accept"), "\(origin ?? "no origin")")
        }
        #expect(try #require(StationClient(port: port)).isUpgraded)
        #expect(daemon.terminate() == 0)
    }
}
