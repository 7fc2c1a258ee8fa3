import Synchronization
import ToolSupport
import ZeroMQ

/// Receives the load's beats and alerts, and notes when each arrived.
final class LoadSubscriber: Sendable {
    struct Arrival: Sendable {
        var stream: Int32
        var kind: UInt8
        var decidedAt: Int64
        /// Monotonic, ns.
        var at: Int64
    }

    private struct State {
        var arrivals: [Arrival] = []
        /// Last sequence number by kind and stream.
        var beats: [UInt64]
        var alerts: [UInt64]
        var missed = 0
    }

    private let isOver = Atomic<Bool>(false)
    private let state: Mutex<State>

    init(plan: LoadPlan) {
        state = Mutex(
            State(
                beats: Array(repeating: 0, count: plan.streams), alerts: Array(repeating: 0, count: plan.streams)))
    }

    var arrivals: [Arrival] { state.withLock { $0.arrivals } }
    /// Events that did not come, by the numbers of those that came after them.
    var missed: Int { state.withLock { $0.missed } }

    func end() { isOver.store(true, ordering: .releasing) }

    /// Listens until the end.
    func listen(_ endpoint: String, _ context: ZeroMQContext, _ keys: CurveClientKeys?) throws {
        let socket = try ZeroMQSocket(context, .sub)
        try socket.set(.receiveHighWaterMark(0))
        try socket.set(.linger(.zero))
        for topic in ["beat.", "alert."] { try socket.set(.subscribe(Array((topic + LoadPlan.prefix).utf8))) }
        try socket.useCurve(keys)
        try socket.connect(endpoint)
        var message = ZeroMQMessage()
        while !isOver.load(ordering: .acquiring) {
            guard try socket.receive(into: &message, timeout: .milliseconds(50)) else { continue }
            let now = monotonicNanoseconds()
            guard message.frameCount == 2 else { continue }
            let event = message.withFrame(0) { topic in message.withFrame(1) { LoadEvent(topic: topic, body: $0) } }
            if let event { state.withLock { Self.note(event, now, &$0) } }
        }
    }

    private static func note(_ event: LoadEvent, _ now: Int64, _ state: inout State) {
        let isBeat = event.kind == UInt8(ascii: "b")
        guard state.beats.indices.contains(event.stream) else { return }
        let last = isBeat ? state.beats[event.stream] : state.alerts[event.stream]
        // Numbers fall to 1 where a daemon without a journal begins anew.
        if last > 0, event.sequence > last + 1 { state.missed += Int(event.sequence - last - 1) }
        if isBeat { state.beats[event.stream] = event.sequence } else { state.alerts[event.stream] = event.sequence }
        state.arrivals.append(
            Arrival(stream: Int32(event.stream), kind: event.kind, decidedAt: event.decidedAt, at: now))
    }
}
