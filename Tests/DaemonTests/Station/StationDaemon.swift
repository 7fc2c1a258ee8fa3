import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

/// What the tests of the central station have in common: daemons that serve it, and their viewers.
enum StationDaemon {
    static let viewToken = "5OqTr7WcVxk2LmZ9aBfGhJd3eKpQsUyN"
    static let commandToken = "nYuSqPkE3dJhGfBa9ZmL2kxVcW7rTqO5"

    /// A daemon whose station asks for tokens.
    static func withTokens(_ more: String = "") throws -> (daemon: DaemonProcess, folder: TemporaryFolder) {
        let folder = try TemporaryFolder()
        for (name, token) in [("view", Self.viewToken), ("command", Self.commandToken)] {
            let path = "\(folder.path)/\(name)"
            try "\(token)\n".write(toFile: path, atomically: true, encoding: .utf8)
            chmod(path, 0o600)
        }
        let configuration = """
            [station]
            view_token_file = "\(folder.path)/view"
            command_token_file = "\(folder.path)/command"
            \(more)
            """
        return (try DaemonProcess(configuration: configuration, hasStation: true), folder)
    }

    static func ask(_ port: UInt16, _ request: String) throws -> String {
        let connection = try #require(RawConnection(port: port))
        connection.send(Array(request.utf8))
        return try #require(connection.readToEnd(), "the station answers and ends the connection")
    }

    /// A viewer that has the state.
    static func viewer(_ daemon: DaemonProcess, token: String = "", receiveBuffer: Int32? = nil) throws
        -> StationClient
    {
        let client = try #require(StationClient(port: daemon.stationPort, receiveBuffer: receiveBuffer))
        #expect(client.isUpgraded)
        client.send(#"{"type":"hello","token":"\#(token)"}"#)
        return client
    }

    static func send(_ blocks: [WireSampleBlock], to daemon: DaemonProcess) throws {
        let context = try ZeroMQContext()
        let client = try AcquisitionClient(endpoint: daemon.ingest, context: context)
        for block in blocks { #expect(try client.send(block, timeout: .seconds(30))) }
        let samples = Double(blocks.reduce(0) { $0 + $1.millivolts.count })
        #expect(daemon.wait(for: "ecgmon_samples_total") { $0 >= samples })
    }
}
