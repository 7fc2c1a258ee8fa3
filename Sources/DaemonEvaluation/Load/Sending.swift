import ECGWire
import Glibc
import ToolSupport

/// The load's sender: passes each block to the socket when it is due.
///
/// Due times are counted from the start, so that a daemon that makes the sender wait does not slow the load down; it
/// makes blocks late, and latencies are counted from when a block was due.
struct Sending: ~Copyable {
    private let plan: LoadPlan
    private let client: AcquisitionClient
    private var message: [UInt8] = []
    /// Messages that each group of streams has sent since the start.
    private var sent: [Int]
    /// When the first block after the introduction is due; monotonic, ns.
    private(set) var start: Int64 = 0
    /// Acquisition time of the start, UTC in ns since 1970.
    private var wallStart: Int64 = 0
    /// Blocks that are due in this time count.
    var measured: Range<Int64> = 0..<0
    private(set) var blocks = 0
    private(set) var samples = 0
    private(set) var hasFallenBehind = false
    private var lateness: [Int64] = []

    /// How late blocks were passed to the socket in the measured time.
    var latenesses: LatencyFigures { LatencyFigures(lateness) }

    init(plan: LoadPlan, client: consuming AcquisitionClient) {
        self.plan = plan
        self.client = client
        sent = plan.groups.map { _ in 0 }
    }

    /// Sends the first block of each stream, some thousand a second, and starts the clock.
    /// - Returns: false if the daemon takes nothing, or the user interrupted.
    mutating func introduceStreams(perSecond: Double, patience: Duration) throws(WireError) -> Bool {
        let begin = monotonicNanoseconds()
        var number = 0
        for group in plan.groups {
            for place in 0..<group.count {
                LoadClock.sleep(until: begin + Int64(Double(number) / perSecond * 1e9))
                plan.write(block: 0, of: place, in: group, time: wallClockNanoseconds(), to: &message)
                guard try pass(of: group, patience: .seconds(30)) else { return false }
                number += 1
            }
        }
        start = monotonicNanoseconds() + 20_000_000
        wallStart = wallClockNanoseconds() + 20_000_000
        return true
    }

    /// - Parameter end: of the sending; monotonic, ns.
    /// - Returns: false if the daemon took nothing for so long, or the user interrupted.
    mutating func send(until end: Int64, patience: Duration) throws(WireError) -> Bool {
        // Waking up for each block alone would cost more than sending them.
        let rest = min(Int64(500_000), Int64(plan.streams) * 250)
        while !Interruption.requested {
            let now = monotonicNanoseconds()
            guard now < end else { return true }
            var next = end
            for index in plan.groups.indices {
                let group = plan.groups[index]
                var due = start + group.due(sent[index])
                while due <= now {
                    guard try send(sent[index], of: group, due: due, patience) else { return false }
                    sent[index] += 1
                    due = start + group.due(sent[index])
                }
                next = min(next, due)
            }
            LoadClock.sleep(until: max(next, monotonicNanoseconds() + rest))
        }
        return false
    }

    private mutating func send(
        _ number: Int, of group: LoadPlan.Group, due: Int64, _ patience: Duration
    ) throws(WireError) -> Bool {
        let time = wallStart + (due - start) - Int64(group.source.blockNanoseconds)
        plan.write(block: 1 + number / group.count, of: number % group.count, in: group, time: time, to: &message)
        guard try pass(of: group, patience: patience) else { return false }
        if measured.contains(due) { lateness.append(monotonicNanoseconds() - due) }
        return true
    }

    private mutating func pass(of group: LoadPlan.Group, patience: Duration) throws(WireError) -> Bool {
        guard try client.send(body: message, timeout: patience) else {
            hasFallenBehind = !Interruption.requested
            return false
        }
        blocks += 1
        samples += group.source.blockSamples
        return true
    }
}
