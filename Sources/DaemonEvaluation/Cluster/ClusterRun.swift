package import DaemonHarness
import Dispatch
package import ECGReplay
import ECGWire
package import Glibc
import Synchronization
package import ToolSupport
import ZeroMQ

/// Sends streams to a cluster, several times as fast as in real time, while its members and brokers are killed or cut
/// off; collects what a subscriber of a gateway receives, what that gateway's journal finally holds, and how long each
/// stream's events stood still.
package struct ClusterRun: Sendable {
    /// What is done to the cluster.
    package enum Disturbance: String, Sendable, CaseIterable {
        /// SIGKILL; a service manager starts it again after a second.
        case worker, gateway, broker
        /// SIGTERM and a new start, one after the other, as in an upgrade.
        case upgrade
        /// A broker stands still for 15 s, long enough for the others to go on without it, and comes back.
        case pause
        /// The network of a host with a broker and a worker is cut for 15 s (`LocalCluster.Options.hasNetwork`).
        case cut
        /// For 8 s the brokers' disks count as full.
        case disk
    }

    package struct Moment: Sendable {
        package var disturbance: Disturbance
        /// Monotonic, ns.
        package var at: Int64
        /// The longest pause between two events of one stream, while or after it, in seconds: the worst stream's.
        package var worst = 0.0
        /// The same, for each stream.
        package var pauses: [Double] = []
    }

    package struct Outcome: Sendable {
        package var recovery = RecoveryRun.Outcome()
        package var moments: [Moment] = []
        /// The longest pause between two events of a stream with nothing disturbed before, in seconds.
        package var usualPause = 0.0
        /// From the first sample to the last event, in seconds.
        package var wayThrough = 0.0
        /// Processor time meanwhile, in seconds: of use only where nothing was started anew.
        package var cost = (brokers: 0.0, gateways: 0.0, workers: 0.0)
    }

    package var materials: [(stream: String, material: ReplayMaterial)]
    package var disturbances: [Disturbance]
    /// How many times as fast as in real time; infinite: as fast as they are taken.
    package var speed: Double
    /// Between the end of one disturbance and the next, in seconds.
    package var pauseSeconds: Double
    package var seed: UInt64
    /// Receives the share of the samples that was sent since the last call, 0 ... 1; called on a thread of the run.
    package var progress: @Sendable (_ share: Double) -> Void = { _ in }

    package init(
        materials: [(stream: String, material: ReplayMaterial)], disturbances: [Disturbance], speed: Double,
        pauseSeconds: Double, seed: UInt64
    ) {
        self.materials = materials
        self.disturbances = disturbances
        self.speed = speed
        self.pauseSeconds = pauseSeconds
        self.seed = seed
    }

    private final class Shared: Sendable {
        let isSent = Atomic<Bool>(false)
        let isOver = Atomic<Bool>(false)
        let received = Atomic<Int>(0)
        let unacknowledged = Atomic<Int>(0)
        let outcome = Mutex(RecoveryRun.Outcome())
        /// When events came, by stream; monotonic, ns.
        let arrivals = Mutex<[String: [Int64]]>([:])
    }

    /// - Parameter cluster: runs already.
    /// - Throws: `ToolError` if the cluster does not work at all.
    package func run(on cluster: LocalCluster) throws(ToolError) -> Outcome {
        let before = cluster.processorSeconds
        var outcome = try run(on: cluster.gateways[0]) { shared in disturb(cluster, shared) }
        let after = cluster.processorSeconds
        outcome.cost = (
            after.brokers - before.brokers, after.gateways - before.gateways, after.workers - before.workers
        )
        return outcome
    }

    /// The same with a daemon that works alone, undisturbed.
    /// - Parameter daemon: runs already.
    package func run(alone daemon: LocalDaemon) throws(ToolError) -> Outcome { try run(on: daemon) { _ in [] } }

    private func run(
        on gateway: LocalDaemon, _ disturb: (Shared) -> [Moment]
    ) throws(ToolError) -> Outcome {
        let start = monotonicNanoseconds()
        let context = try ZeroMQContext.orToolError()
        let shared = Shared()
        let endpoints = gateway.endpoints
        let group = DispatchGroup()
        DispatchQueue(label: "subscriber").async(group: group) {
            RecoverySubscriber.listen(
                events: endpoints.events, history: endpoints.history, context, isOver: shared.isOver,
                outcome: shared.outcome
            ) { event, count in
                let now = monotonicNanoseconds()
                shared.arrivals.withLock { $0[event.stream, default: []].append(now) }
                shared.received.store(count, ordering: .releasing)
            }
        }
        DispatchQueue(label: "source").async(group: group) { send(endpoints.acknowledged, context, shared) }
        var outcome = Outcome()
        outcome.moments = disturb(shared)
        let limit = monotonicNanoseconds() + 600_000_000_000
        while !shared.isSent.load(ordering: .acquiring), monotonicNanoseconds() < limit, !Interruption.requested {
            usleep(20_000)
        }
        do {
            outcome.recovery.journal = try settledJournal(endpoints.history, context)
            let end = monotonicNanoseconds() + 30_000_000_000
            while shared.received.load(ordering: .acquiring) < outcome.recovery.journal.count,
                monotonicNanoseconds() < end
            { usleep(20_000) }
            usleep(200_000)
        } catch {
            outcome.recovery.problems.append("\(error); \(gateway.lastLogLine)")
        }
        shared.isOver.store(true, ordering: .releasing)
        group.wait()
        shared.outcome.withLock { found in
            let (journal, problems) = (outcome.recovery.journal, outcome.recovery.problems)
            outcome.recovery = found
            outcome.recovery.journal = journal
            outcome.recovery.problems += problems
        }
        outcome.recovery.endings = outcome.moments.count
        outcome.recovery.seconds = Double(monotonicNanoseconds() - start) / 1e9
        let arrivals = shared.arrivals.withLock { $0 }
        measurePauses(&outcome, arrivals)
        outcome.wayThrough = Double((arrivals.values.compactMap(\.last).max() ?? start) - start) / 1e9
        return outcome
    }

    // MARK: Disturbances

    private func disturb(_ cluster: LocalCluster, _ shared: Shared) -> [Moment] {
        var random = RecoveryRun.SplitMix(state: seed)
        var moments: [Moment] = []
        usleep(2_000_000)
        for disturbance in disturbances where !Interruption.requested && !shared.isSent.load(ordering: .acquiring) {
            let underLoad = shared.unacknowledged.load(ordering: .relaxed) > 0
            if underLoad { shared.outcome.withLock { $0.endingsUnderLoad += 1 } }
            moments.append(Moment(disturbance: disturbance, at: monotonicNanoseconds()))
            let choice = random.next()
            do throws(ToolError) {
                try Self.disturb(cluster, disturbance, choice)
            } catch {
                shared.outcome.withLock { $0.problems.append("\(disturbance.rawValue): \(error)") }
                return moments
            }
            usleep(UInt32(pauseSeconds * 1e6) + UInt32(random.next() % 500_000))
        }
        return moments
    }

    private static func disturb(
        _ cluster: LocalCluster, _ disturbance: Disturbance, _ choice: UInt64
    ) throws(ToolError) {
        func pick<Member>(_ members: [Member]) -> Member { members[Int(choice % UInt64(members.count))] }
        switch disturbance {
        case .worker, .gateway:
            let daemon = disturbance == .worker ? pick(cluster.workers) : cluster.gateways[0]
            try restart(daemon, SIGKILL)
        case .broker:
            let node = pick(Array(0..<cluster.options.brokers))
            cluster.brokers.kill(node)
            usleep(1_000_000)
            try cluster.brokers.start(node)
            try cluster.brokers.waitUntilReady(node)
        case .pause:
            let node = pick(Array(0..<cluster.options.brokers))
            cluster.brokers.freeze(node)
            usleep(15_000_000)
            cluster.brokers.thaw(node)
            try cluster.brokers.waitUntilReady(node)
        case .cut:
            guard let network = cluster.network else {
                throw ToolError("there is no network to cut", nextStep: "Give the cluster one")
            }
            // The gateway's host stays: its source has no other gateway here.
            let host = 1 + Int(choice % UInt64(cluster.options.brokers - 1))
            try network.cut(host)
            usleep(15_000_000)
            try network.mend(host)
            try cluster.brokers.waitUntilReady(host)
        case .disk:
            for limit in ["900000GB", "50MB"] {
                let (isRight, output) = try cluster.brokers.control(0, "set_disk_free_limit", limit)
                guard isRight else { throw ToolError("no limit can be set: \(output)", nextStep: "See the output") }
                if limit != "50MB" { usleep(8_000_000) }
            }
        case .upgrade:
            for daemon in cluster.workers + cluster.gateways {
                try restart(daemon, SIGTERM)
                usleep(2_000_000)
            }
            for node in 0..<cluster.options.brokers {
                cluster.brokers.kill(node, SIGTERM)
                try cluster.brokers.start(node)
                try cluster.brokers.waitUntilReady(node)
                usleep(2_000_000)
            }
        }
    }

    private static func restart(_ daemon: LocalDaemon, _ signal: Int32) throws(ToolError) {
        let ending = daemon.end(signal)
        guard ending == .killed(signal: signal) || signal == SIGTERM && ending == .exited(code: 0) else {
            throw ToolError(
                "a member ended with \(ending?.description ?? "nothing"): \(daemon.lastLogLine)",
                nextStep: "See \(daemon.directory)/log")
        }
        usleep(1_000_000)
        try daemon.start()
    }

    private func measurePauses(_ outcome: inout Outcome, _ arrivals: [String: [Int64]]) {
        let first = outcome.moments.first?.at ?? .max
        for index in outcome.moments.indices {
            let from = outcome.moments[index].at
            let to = index + 1 < outcome.moments.count ? outcome.moments[index + 1].at : .max
            for times in arrivals.values {
                var longest = 0.0
                for (a, b) in zip(times, times.dropFirst()) where b > from && a < to {
                    longest = max(longest, Double(min(b, to) - max(a, from)) / 1e9)
                }
                outcome.moments[index].pauses.append(longest)
            }
            outcome.moments[index].worst = outcome.moments[index].pauses.max() ?? 0
        }
        for times in arrivals.values {
            for (a, b) in zip(times, times.dropFirst()) where b < first {
                outcome.usualPause = max(outcome.usualPause, Double(b - a) / 1e9)
            }
        }
    }

    // MARK: The source

    private func send(_ endpoint: String, _ context: ZeroMQContext, _ shared: Shared) {
        defer { shared.isSent.store(true, ordering: .releasing) }
        do {
            var client = try AcknowledgedAcquisitionClient(endpoint: endpoint, context: context)
            let length = materials.map(\.material.counts.count).max() ?? 0
            let rate = materials.first?.material.samplingRate ?? 360
            let blockLength = 90
            let start = monotonicNanoseconds()
            var sent = 0
            for first in stride(from: 0, to: length, by: blockLength) {
                let due = start + Int64(Double(first) / rate / speed * 1e9)
                while monotonicNanoseconds() < due, !Interruption.requested {
                    try client.service(timeout: .milliseconds(5))
                }
                for (stream, material) in materials where first < material.counts.count {
                    let block = RecoveryRun.block(
                        stream, material, first..<min(first + blockLength, material.counts.count))
                    sent += block.counts.count
                    while try !client.send(block, timeout: .milliseconds(100)), !Interruption.requested {}
                }
                shared.unacknowledged.store(client.unacknowledgedSamples, ordering: .relaxed)
                progress(Double(min(blockLength, length - first)) / Double(length))
                if Interruption.requested { break }
            }
            let isAcknowledged = try client.waitUntilAcknowledged(timeout: .seconds(120))
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

    /// The gateway's journal once nothing more comes into it: samples are acknowledged when the brokers have them, and
    /// the workers still have to make events of them.
    private func settledJournal(
        _ endpoint: String, _ context: ZeroMQContext
    ) throws(ToolError) -> [RecoveryRun.EventKey: WireEvent] {
        var journal = try RecoveryRun.journal(endpoint, context, nil)
        var quietSince = monotonicNanoseconds()
        let limit = monotonicNanoseconds() + 120_000_000_000
        while monotonicNanoseconds() < quietSince + 8_000_000_000, monotonicNanoseconds() < limit {
            usleep(1_000_000)
            let next = try RecoveryRun.journal(endpoint, context, nil)
            if next.count != journal.count { quietSince = monotonicNanoseconds() }
            journal = next
        }
        return journal
    }
}
