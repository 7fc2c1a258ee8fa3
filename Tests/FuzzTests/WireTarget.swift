import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGWire
import MonitorWire

@testable import MonitorDaemon

/// Pieces of the input are messages, which pass through the daemon's own conversion: by the first byte of each a sample block or a command, in the order in which they
/// come, and where it says so the monitor is first replaced by what its snapshot gives. Classes are made up of the
/// windows' bytes, so that all rules get something to do.
enum WireTarget {
    static func take(_ bytes: [UInt8]) {
        var monitor = PatientMonitor()
        var samples = 0
        for piece in bytes.pieces {
            guard let kind = piece.first else { continue }
            if kind & 2 != 0 {
                guard let restored = try? PatientMonitor(snapshot: monitor.snapshot()) else {
                    preconditionFailure("a monitor's own snapshot is refused")
                }
                monitor = restored
            }
            piece.dropFirst().withUnsafeBytes { frame in
                if kind & 1 == 0 {
                    segment(frame, &monitor, &samples)
                } else {
                    command(frame, &monitor)
                }
            }
        }
        monitor.endInput()
        resolve(&monitor) { publish(WireEvent($0, stream: "bed-1", sequence: 1)) }
    }

    private static func segment(_ frame: UnsafeRawBufferPointer, _ monitor: inout PatientMonitor, _ samples: inout Int)
    {
        guard let block = try? WireSampleBlock(frame: frame), (try? block.validate()) != nil else { return }
        samples += block.sampleCount * max(block.leads.count, 1)
        // A minute's worth of signal shows what there is to see; more only costs time.
        guard samples <= 200_000 else { return }
        let segment = ReceivedBlock(block, receivedAt: 0).block
        guard (try? monitor.append(segment)) != nil else { return }
        resolve(&monitor) { publish(WireEvent($0, stream: block.stream, sequence: 1)) }
    }

    private static func command(_ frame: UnsafeRawBufferPointer, _ monitor: inout PatientMonitor) {
        guard let wire = try? CommandParsing.read(frame), let wish = try? CommandParsing.wish(wire) else { return }
        var events: [MonitorEvent] = []
        var reply = WireCommandReply(.done, "", number: wire.number)
        switch wish {
        case .alarms(let action):
            guard let outcome = monitor.apply(AlarmCommand(action, by: wire.by), events: &events) else { return }
            reply.fill(outcome)
        case .limits(let values):
            var limits = BedLimits(by: wire.by, at: 1)
            for (limit, value) in values ?? [:] { limits[limit] = value }
            guard let applied = try? limits.applied(to: MonitorConfiguration()) else { return }
            monitor.configure(applied, events: &events)
            reply.fill(LimitsInForce(configured: MonitorConfiguration(), current: applied, set: limits))
        }
        publish(reply)
        for event in events { publish(WireEvent(event, stream: wire.stream, sequence: 1)) }
    }

    static func resolve(_ monitor: inout PatientMonitor, _ each: (MonitorEvent) -> Void) {
        let count = monitor.pendingWindowCount
        var windows = [Float](repeating: 0, count: count * 280)
        windows.withUnsafeMutableBufferPointer { monitor.copyPendingWindows(to: $0) }
        let answers = (0..<count).map { beat in
            let choice = windows[(beat * 280)..<(beat + 1) * 280].reduce(0) { $0 &+ Int($1.bitPattern & 0xff) }
            var probabilities = SIMD4<Float>(repeating: 0.1)
            probabilities[choice & 3] = 0.7
            return BeatClassification(probabilities: probabilities, attackSuspicion: choice & 12 == 0 ? 0.99 : 0.01)
        }
        var events: [MonitorEvent] = []
        answers.withUnsafeBufferPointer { monitor.resolve($0, events: &events) }
        for event in events { each(event) }
    }

    /// What came in must be fit to go out again.
    private static func publish(_ event: WireEvent) {
        for encoding in BodyEncoding.allCases {
            guard let body = try? PublishedBody.event(event).encoded(as: encoding) else {
                preconditionFailure("an event that cannot be published")
            }
            precondition(body.withUnsafeBytes { BodyEncoding(of: $0) } == encoding, "the first byte tells the encoding")
        }
    }

    private static func publish(_ reply: WireCommandReply) {
        for encoding in BodyEncoding.allCases {
            precondition((try? reply.body(as: encoding)) != nil, "a reply that cannot be sent")
        }
    }
}
