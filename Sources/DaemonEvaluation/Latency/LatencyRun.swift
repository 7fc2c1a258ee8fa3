package import DaemonHarness
import Dispatch
package import ECGReplay
import ECGWire
import Glibc
import Synchronization
package import ToolSupport
import ZeroMQ

/// Sends streams to a daemon in real time and records when each block was sent and when each alert arrived.
package struct LatencyRun: Sendable {
    package var materials: [ReplayMaterial]
    package var streams: Int
    /// Samples per block.
    package var block: Int
    package var seconds: Double
    package var speed: Double

    package init(materials: [ReplayMaterial], streams: Int, block: Int, seconds: Double, speed: Double) {
        self.materials = materials
        self.streams = streams
        self.block = block
        self.seconds = seconds
        self.speed = speed
    }

    package struct Outcome: Sendable {
        /// Time from passing the deciding block to the socket until a subscriber has the alert; ns.
        package var latencies: [Int64] = []
        package var problems: [String] = []
    }

    private struct Arrival {
        var stream: String
        var decidedAt: Int64
        /// Monotonic time, ns.
        var at: Int64
    }

    private final class Shared: Sendable {
        let isOver = Atomic<Bool>(false)
        let arrivals = Mutex<[Arrival]>([])
        let problems = Mutex<[String]>([])
    }

    /// - Parameter daemon: must be started with notification on (`LocalDaemon.Options.notifies`).
    /// - Throws: `ToolError` if the daemon does not work at all.
    package func run(with daemon: LocalDaemon) throws(ToolError) -> Outcome {
        let context = try ZeroMQContext.orToolError()
        let shared = Shared()
        try daemon.start()
        // A subscriber that starts before the daemon connects only seconds later, when much of a short run is over.
        guard daemon.waitUntilReady() else {
            throw ToolError("the daemon does not start: \(daemon.lastLogLine)", nextStep: "See its log")
        }
        let group = DispatchGroup()
        let (events, acknowledged) = (daemon.endpoints.events, daemon.endpoints.acknowledged)
        DispatchQueue(label: "subscriber").async(group: group) { Self.listen(events, context, shared) }
        var outcome = Outcome()
        var sentAt: [[Int64]] = []
        do {
            sentAt = try send(acknowledged, context)
            // Wait for what is still in transit.
            usleep(1_000_000)
        } catch {
            outcome.problems.append("\(error); \(daemon.lastLogLine)")
        }
        shared.isOver.store(true, ordering: .releasing)
        group.wait()
        let ending = daemon.end(SIGTERM)
        if ending != .exited(code: 0) { outcome.problems.append("the daemon: \(ending?.description ?? "none")") }
        outcome.problems += shared.problems.withLock { $0 }
        for arrival in shared.arrivals.withLock({ $0 }) {
            guard let stream = Int(arrival.stream.dropFirst(Self.prefix.count)), sentAt.indices.contains(stream),
                sentAt[stream].indices.contains(Int(arrival.decidedAt) / block)
            else { continue }
            outcome.latencies.append(arrival.at - sentAt[stream][Int(arrival.decidedAt) / block])
        }
        return outcome
    }

    private static let prefix = "latency-"

    /// Patients whose alerts begin and end again and again.
    ///
    /// - Parameter seconds: duration of signal needed.
    package static func materials(seconds: Double) -> [ReplayMaterial] {
        let cycle = "sinus@75:5,vt@180:4,sinus@70:4,asystole:6,couplets@80:6"
        let cycles = Int(max(60, seconds) / 25) + 1
        let script = Array(repeating: cycle, count: cycles).joined(separator: ",") + ",sinus"
        guard let script = RhythmScript(script) else { preconditionFailure("the script can be read") }
        return (0..<20).map { ReplayMaterial(simulating: script, seconds: max(60, seconds), seed: $0) }
    }

    // MARK: The source

    /// - Returns: for each stream, when each block was passed to the socket; monotonic time, ns.
    private func send(_ endpoint: String, _ context: ZeroMQContext) throws -> [[Int64]] {
        var client = try AcknowledgedAcquisitionClient(endpoint: endpoint, context: context)
        var sentAt: [[Int64]] = Array(repeating: [], count: streams)
        // The first blocks introduce and create the streams; the clock starts after them.
        for stream in 0..<streams { try send(0, of: stream, &client, &sentAt) }
        guard try client.waitUntilAcknowledged(timeout: .seconds(60)) else {
            throw ToolError("the daemon acknowledges nothing", nextStep: "See its log")
        }
        let rate = materials[0].samplingRate
        let blocks = Int(seconds * rate) / block
        let start = monotonicNanoseconds()
        for number in 1..<max(2, blocks) {
            for stream in 0..<streams {
                // The streams' blocks are spread over one block's duration, as from independent sources.
                let place = Double(number - 1) + Double(stream) / Double(streams)
                let due = start + Int64(place * Double(block) / rate / speed * 1e9)
                while monotonicNanoseconds() < due, !Interruption.requested {
                    let left = due - monotonicNanoseconds()
                    if left > 0 { try client.service(timeout: .nanoseconds(left)) }
                }
                if Interruption.requested { return sentAt }
                try send(number, of: stream, &client, &sentAt)
            }
        }
        let end = monotonicNanoseconds() + 1_000_000_000
        while monotonicNanoseconds() < end { try client.service(timeout: .milliseconds(20)) }
        return sentAt
    }

    private func send(
        _ number: Int, of stream: Int, _ client: inout AcknowledgedAcquisitionClient, _ sentAt: inout [[Int64]]
    ) throws {
        let message = block(number, of: stream)
        sentAt[stream].append(monotonicNanoseconds())
        while try !client.send(message, timeout: .milliseconds(100)), !Interruption.requested {}
    }

    /// Streams that share material start at different positions in it.
    private func block(_ number: Int, of stream: Int) -> WireSampleBlock {
        let material = materials[stream % materials.count]
        let offset = stream / materials.count * Int(7 * material.samplingRate)
        let first = number * block
        return material.block(
            stream: "\(Self.prefix)\(stream)", session: 1, firstSampleIndex: Int64(first),
            acquisitionTimeNanoseconds: wallClockNanoseconds(),
            counts: (first..<first + block).map { material.counts[($0 + offset) % material.counts.count] })
    }

    // MARK: The subscriber

    private static func listen(_ events: String, _ context: ZeroMQContext, _ shared: Shared) {
        do {
            var client = try SubscriberClient(endpoint: events, filters: [.all(.alert)], context: context)
            while !shared.isOver.load(ordering: .acquiring), !Interruption.requested {
                guard let publication = try client.receive(timeout: .milliseconds(20)) else { continue }
                let now = monotonicNanoseconds()
                guard let event = publication.event else { continue }
                let arrival = Arrival(stream: event.stream, decidedAt: event.decidedAtSampleIndex, at: now)
                shared.arrivals.withLock { $0.append(arrival) }
            }
        } catch {
            shared.problems.withLock { $0.append("subscriber: \(error)") }
        }
    }
}
