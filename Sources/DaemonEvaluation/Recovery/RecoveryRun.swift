package import DaemonHarness
import Dispatch
package import ECGReplay
package import ECGWire
import Glibc
import Synchronization
package import ToolSupport
import ZeroMQ

/// Sends several streams to a daemon that is repeatedly terminated or disconnected, and collects what a subscriber
/// receives and what the journal finally holds.
package struct RecoveryRun: Sendable {
    package var materials: [(stream: String, material: ReplayMaterial)]
    /// How often the daemon is terminated or disconnected, and how.
    package var endings: Int
    package var disturbance: Disturbance
    package var seed: UInt64
    /// Receives the share of the samples that was sent since the last call, 0 ... 1; called on a thread of the run.
    package var progress: @Sendable (_ share: Double) -> Void = { _ in }

    package init(
        materials: [(stream: String, material: ReplayMaterial)], endings: Int, disturbance: Disturbance, seed: UInt64
    ) {
        self.materials = materials
        self.endings = endings
        self.disturbance = disturbance
        self.seed = seed
    }

    package enum Disturbance: Equatable, Sendable {
        case signal(Int32)
        /// The daemon's link is cut for this many seconds; the durations are used in turn.
        case cut([Double])

        /// Maximum delay of the interruption after new samples, in us. A connection must exist before the link is cut.
        package var maximumDelay: UInt64 { if case .cut = self { 400_000 } else { 60_000 } }
    }

    package static let session: UInt64 = 1

    package struct Outcome: Sendable {
        /// In the order in which the subscriber received them.
        package var received: [WireEvent] = []
        /// Number of events reported to the subscriber as missed.
        package var missed: UInt64 = 0
        package var repeats = 0
        package var fromHistory = 0
        /// The final contents of the journal, by topic and sequence number.
        package var journal: [EventKey: WireEvent] = [:]
        package var samples = 0
        package var samplesSent = 0
        package var unacknowledged = 0
        /// Number of interruptions while samples were in transit.
        package var endingsUnderLoad = 0
        package var endings = 0
        /// Number of times that the source's connection broke.
        package var disconnections = 0
        package var problems: [String] = []
        package var lastEnding = ""
        package var seconds = 0.0
    }

    package struct EventKey: Hashable, Sendable {
        package var topic: String
        package var sequence: UInt64
    }

    /// State shared by the threads.
    private final class Shared: Sendable {
        /// Number of interruptions so far; determines what share of the samples may be sent.
        let endings = Atomic<Int>(0)
        let unacknowledged = Atomic<Int>(0)
        let sent = Atomic<Int>(0)
        let isSent = Atomic<Bool>(false)
        let isOver = Atomic<Bool>(false)
        let received = Atomic<Int>(0)
        let outcome = Mutex(Outcome())
    }

    /// - Parameter link: connects the clients and the daemon; nil: both are on one machine.
    /// - Throws: `ToolError` if the daemon does not work at all.
    package func run(with daemon: LocalDaemon, over link: RecoveryLink? = nil) throws(ToolError) -> Outcome {
        let start = monotonicNanoseconds()
        let context = try ZeroMQContext.orToolError()
        let shared = Shared()
        try daemon.start()
        try daemon.waitUntilStarted()
        let group = DispatchGroup()
        let (events, history, acknowledged, keys) = (
            daemon.endpoints.events, daemon.endpoints.history, daemon.endpoints.acknowledged, link?.keys
        )
        DispatchQueue(label: "subscriber").async(group: group) {
            RecoverySubscriber.listen(
                events: events, history: history, context, keys, isOver: shared.isOver, outcome: shared.outcome
            ) { _, count in shared.received.store(count, ordering: .releasing) }
        }
        DispatchQueue(label: "source").async(group: group) { send(acknowledged, context, keys, shared) }
        end(daemon, link, shared)
        let limit = monotonicNanoseconds() + 120_000_000_000
        while !shared.isSent.load(ordering: .acquiring), !daemon.hasEnded, monotonicNanoseconds() < limit,
            !Interruption.requested
        {
            usleep(20_000)
        }
        var outcome = Outcome()
        do {
            outcome.journal = try Self.journal(history, context, keys)
            // The subscriber is complete when it has the same number of events.
            let wanted = outcome.journal.count
            let end = monotonicNanoseconds() + 30_000_000_000
            while shared.received.load(ordering: .acquiring) < wanted, monotonicNanoseconds() < end { usleep(20_000) }
            // Wait a moment longer, in which no further event may arrive.
            usleep(200_000)
        } catch {
            outcome.problems.append("\(error); \(daemon.lastLogLine)")
        }
        shared.isOver.store(true, ordering: .releasing)
        group.wait()
        outcome.lastEnding = daemon.end(SIGTERM)?.description ?? "none"
        shared.outcome.withLock { found in
            outcome.received = found.received
            outcome.missed = found.missed
            outcome.repeats = found.repeats
            outcome.fromHistory = found.fromHistory
            outcome.samples = found.samples
            outcome.samplesSent = found.samplesSent
            outcome.unacknowledged = found.unacknowledged
            outcome.endingsUnderLoad = found.endingsUnderLoad
            outcome.disconnections = found.disconnections
            outcome.problems += found.problems
        }
        outcome.endings = shared.endings.load(ordering: .relaxed)
        outcome.seconds = Double(monotonicNanoseconds() - start) / 1e9
        return outcome
    }

    // MARK: Interruptions

    private func end(_ daemon: LocalDaemon, _ link: RecoveryLink?, _ shared: Shared) {
        var random = SplitMix(state: seed)
        for number in 0..<endings where !Interruption.requested {
            let sent = shared.sent.load(ordering: .relaxed)
            if number % 4 == 0, case .signal = disturbance {
                // At any time: while it starts, restores its state, or is idle.
                usleep(UInt32(random.next() % 400_000))
            } else {
                // While it is busy: shortly after the next samples were sent to it.
                let limit = monotonicNanoseconds() + 10_000_000_000
                while shared.sent.load(ordering: .relaxed) == sent, monotonicNanoseconds() < limit { usleep(200) }
                usleep(UInt32(random.next() % disturbance.maximumDelay))
            }
            if shared.unacknowledged.load(ordering: .relaxed) > 0 {
                shared.outcome.withLock { $0.endingsUnderLoad += 1 }
            }
            do throws(ToolError) {
                switch disturbance {
                case .signal(let signal): try restart(daemon, signal, number, shared)
                case .cut(let seconds):
                    try link?.cut()
                    usleep(UInt32(seconds[number % seconds.count] * 1e6))
                    try link?.mend()
                    shared.endings.add(1, ordering: .releasing)
                }
            } catch {
                shared.outcome.withLock { $0.problems.append("\(error)") }
                return
            }
        }
    }

    private func restart(_ daemon: LocalDaemon, _ signal: Int32, _ number: Int, _ shared: Shared) throws(ToolError) {
        let ending = daemon.end(signal)
        // A SIGTERM that arrives before the daemon handles it terminates it like any other program.
        let isRight = ending == .killed(signal: signal) || signal == SIGTERM && ending == .exited(code: 0)
        if !isRight {
            shared.outcome.withLock {
                $0.problems.append("ending \(number + 1): \(ending?.description ?? "none"); \(daemon.lastLogLine)")
            }
        }
        shared.endings.add(1, ordering: .releasing)
        try daemon.start()
    }

    struct SplitMix {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    // MARK: The source

    private func send(_ endpoint: String, _ context: ZeroMQContext, _ keys: CurveClientKeys?, _ shared: Shared) {
        defer { shared.isSent.store(true, ordering: .releasing) }
        do {
            var client = try AcknowledgedAcquisitionClient(endpoint: endpoint, context: context, keys: keys)
            let length = materials.map(\.material.counts.count).max() ?? 0
            let blockLength = 90
            var sent = 0
            for first in stride(from: 0, to: length, by: blockLength) {
                // A share of the samples is held back for each interruption, so that they are spread over all
                // interruptions.
                while !mayGo(first, of: length, shared), !Interruption.requested {
                    try client.service(timeout: .milliseconds(5))
                    shared.unacknowledged.store(client.unacknowledgedSamples, ordering: .relaxed)
                    shared.sent.store(client.samplesSent, ordering: .relaxed)
                }
                for (stream, material) in materials where first < material.counts.count {
                    let block = Self.block(stream, material, first..<min(first + blockLength, material.counts.count))
                    sent += block.counts.count
                    while try !client.send(block, timeout: .milliseconds(100)), !Interruption.requested {}
                }
                shared.unacknowledged.store(client.unacknowledgedSamples, ordering: .relaxed)
                shared.sent.store(client.samplesSent, ordering: .relaxed)
                progress(Double(min(blockLength, length - first)) / Double(length))
                if Interruption.requested { break }
            }
            let isAcknowledged = try client.waitUntilAcknowledged(timeout: .seconds(60))
            let problems = client.takeProblems().map { "\($0)" }
            let (again, left, broken) = (client.samplesSent, client.unacknowledgedSamples, client.disconnections)
            shared.outcome.withLock { outcome in
                outcome.samples = sent
                outcome.samplesSent = again
                outcome.unacknowledged = left
                outcome.disconnections = broken
                outcome.problems += problems
                if !isAcknowledged { outcome.problems.append("\(left) samples were not acknowledged") }
            }
        } catch {
            shared.outcome.withLock { $0.problems.append("source: \(error)") }
        }
    }

    private func mayGo(_ first: Int, of length: Int, _ shared: Shared) -> Bool {
        first <= length / (endings + 1) * (shared.endings.load(ordering: .acquiring) + 1)
            || shared.endings.load(ordering: .acquiring) >= endings
    }

    static func block(_ stream: String, _ material: ReplayMaterial, _ range: Range<Int>) -> WireSampleBlock {
        material.block(
            stream: stream, session: session, firstSampleIndex: Int64(range.lowerBound),
            acquisitionTimeNanoseconds:
                1_700_000_000_000_000_000 + Int64((Double(range.lowerBound) / material.samplingRate * 1e9).rounded()),
            counts: Array(material.counts[range]))
    }

    /// Everything in the journal.
    static func journal(
        _ endpoint: String, _ context: ZeroMQContext, _ keys: CurveClientKeys?
    ) throws(ToolError) -> [EventKey: WireEvent] {
        var all: [EventKey: WireEvent] = [:]
        for kind in ["beat", "alert", "suspicion", "status"] {
            var pages = try HistoryPages(endpoint: endpoint, context: context, keys: keys, timeout: .seconds(10))
            var find = WireHistoryRequest.Find()
            find.kind = kind
            find.limit = 1000
            try pages.all(find) { event in
                all[EventKey(topic: "\(kind).\(event.stream)", sequence: event.sequence)] = event
                return true
            }
        }
        return all
    }
}
