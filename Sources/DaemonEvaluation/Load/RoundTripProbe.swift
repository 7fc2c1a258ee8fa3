import DaemonHarness
import Glibc
import Synchronization
import ToolSupport
import ZeroMQ

/// The bare round trip through ZeroMQ, as the floor of every latency: a message of a block's size goes through a PUSH
/// and a PULL socket to a thread that publishes it, and comes back through a SUB socket. The endpoints are of the same
/// kind as the daemon's. A hundred times a second; each is timed from when it was due.
final class RoundTripProbe: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let results = Mutex<[Int64]>([])
    private let context: ZeroMQContext
    private let requests: String, answers: String

    /// - Parameter directory: for its sockets.
    init(directory: String) throws(ToolError) {
        context = try ZeroMQContext.orToolError()
        requests = "ipc://\(directory)/pr"
        answers = "ipc://\(directory)/pa"
    }

    func end() { isOver.store(true, ordering: .releasing) }

    /// Latencies in ns.
    var latencies: [Int64] { results.withLock { $0 } }

    /// Answers until the end.
    func echo() throws {
        let pull = try ZeroMQSocket(context, .pull)
        let publisher = try ZeroMQSocket(context, .pub)
        try pull.bind(requests)
        try publisher.bind(answers)
        var message = ZeroMQMessage()
        while !isOver.load(ordering: .acquiring) {
            guard try pull.receive(into: &message, timeout: .milliseconds(100)) else { continue }
            _ = try message.withFrame(0) { try publisher.send($0) }
        }
    }

    /// Asks until the end.
    func ask() throws {
        let push = try ZeroMQSocket(context, .push)
        let subscriber = try ZeroMQSocket(context, .sub)
        try push.set(.linger(.zero))
        try subscriber.set(.subscribe([]))
        try push.connect(requests)
        try subscriber.connect(answers)
        let body = [UInt8](repeating: 7, count: 160)
        var message = ZeroMQMessage()
        let start = monotonicNanoseconds() + 500_000_000
        var number: Int64 = 0
        while !isOver.load(ordering: .acquiring) {
            let due = start + number * 10_000_000
            number += 1
            if due < monotonicNanoseconds() - 1_000_000_000 { continue }
            LoadClock.sleep(until: due)
            guard try push.send(body, timeout: .milliseconds(100)),
                try subscriber.receive(into: &message, timeout: .seconds(1))
            else { continue }
            let latency = monotonicNanoseconds() - due
            results.withLock { $0.append(latency) }
        }
    }
}

/// Sleeps as exactly as the kernel allows.
enum LoadClock {
    /// - Parameter time: monotonic, in ns.
    static func sleep(until time: Int64) {
        var end = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nil)
    }
}
