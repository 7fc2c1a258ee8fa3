import ECGMonitor
import ECGWire
import Foundation
import NIOHTTP1

@testable import MonitorDaemon

/// The input is pieces, each of which begins with what it is: what a viewer says, a sample block of a bed, the host that
/// a browser asks for, or what the journal holds of a bed.
enum StationTarget {
    private static let access = StationAccess(security: ReloadableSecurity(), hostNames: ["station.example"])

    static func take(_ bytes: [UInt8]) {
        var bed = StationBed(name: "bed-1")
        for piece in bytes.pieces {
            guard let kind = piece.first else { continue }
            let rest = Array(piece.dropFirst())
            switch kind % 4 {
            case 0: take(request: rest, &bed)
            case 1: take(block: rest, &bed)
            case 2: take(host: String(decoding: rest, as: UTF8.self))
            default: take(stored: rest, &bed)
            }
        }
        let encoder = JSONEncoder()
        let change = bed.takeChange()
        for message in [change, bed.whole(stripSeconds: 6)] {
            guard let data = try? encoder.encode(message) else { preconditionFailure("it can be sent") }
            precondition(data.count < 1 << 20, "it is small")
        }
        guard let opened = try? encoder.encode(bed.opened()) else { preconditionFailure("it can be sent") }
        precondition(opened.count < 4 << 20, "it is small")
        bed.forgetChanges()
    }

    private static func take(request: [UInt8], _ bed: inout StationBed) {
        guard request.count <= StationViewer.maximumFrameBytes,
            let request = try? JSONDecoder().decode(StationMessage.Request.self, from: Data(request))
        else { return }
        _ = bed.strip(ofAlarm: request.alarm ?? "")
        _ = access.rights(of: request.token ?? "")
    }

    private static func take(block: [UInt8], _ bed: inout StationBed) {
        let wire = block.withUnsafeBytes { try? WireSampleBlock(frame: $0) }
        guard let wire, (try? wire.validate()) != nil else { return }
        bed.take(ReceivedBlock(wire, receivedAt: 0).block, skipping: 0)
    }

    private static func take(stored: [UInt8], _ bed: inout StationBed) {
        let strip = StoredStrip(stored: stored)
        if let strip {
            precondition(strip.millivolts.allSatisfy { $0.count == strip.millivolts[0].count }, "leads are of one length")
            precondition(StoredStrip(stored: strip.stored) == strip)
        }
        let alarm = StationMessage.PastAlarm(
            id: "1/pause/1", kind: "pause", priority: "low", text: "", time: 0, end: "", hasStrip: strip != nil)
        bed.restore(StationPast(alarms: [(alarm, strip)]))
        _ = PastAlarms([stored])
        let limits = BedLimits(stored: stored)
        if let limits { precondition(BedLimits(stored: limits.stored) == limits) }
        guard let limits = try? limits?.applied(to: MonitorConfiguration()) else { return }
        precondition((try? limits.validate()) != nil, "they hold together")
    }

    private static func take(host: String) {
        _ = access.isOwn(HTTPHeaders([("host", host), ("origin", "http://\(host)")]))
        precondition(!access.isKnown(host: "evil.example" + host.filter { $0.isLetter }))
        let page = StationPages.answer(.GET, "/" + host)
        precondition(page.status == .ok || page.status == .notFound)
    }
}
