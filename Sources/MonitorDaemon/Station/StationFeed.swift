import ECGMonitor
import ECGWire
import Synchronization

/// What the workers tell the central station.
///
/// A worker never waits for it: what finds no room is dropped and counted, and where events were among it, the station
/// asks every bed anew for its alarms.
final class StationFeed: Sendable {
    enum Input: Sendable {
        /// Samples that were accepted, but for the first `skipped`.
        case samples(stream: String, SampleBlock, skipped: Int)
        case events(stream: String, [MonitorEvent])
        /// Every alarm that is on in a stream, and its pause.
        case alarms(stream: String, AlarmCommandOutcome)
        /// Which limits hold.
        case limits(stream: String, LimitsInForce)
        /// The stream is watched no more.
        case gone(stream: String)
        /// The answer to a viewer's command.
        case reply(viewer: UInt64, WireCommandReply)
    }

    let maximumBeds: Int
    /// Streams that are watched and find no place on the page.
    let notShown = Gauge()
    /// What found no room here.
    let dropped = CounterTable<StationLoss>()
    private let queue: BoundedQueue<Input>
    private let shown = Mutex<Set<String>>([])
    private let hasLostEvents = Atomic<Bool>(false)

    private static let capacity = 8192
    /// 16 MB.
    private static let maximumSamples = 4_000_000

    init(maximumBeds: Int) {
        self.maximumBeds = maximumBeds
        // Events cost nothing: samples cannot take their room.
        queue = BoundedQueue(capacity: Self.capacity, costLimit: Self.maximumSamples) { input in
            if case .samples(_, let block, _) = input { block.totalSampleCount } else { 0 }
        }
    }

    // MARK: The workers' side

    /// The events that a stream's monitor has decided.
    func take(_ events: [MonitorEvent], of stream: WatchedStream) {
        guard !events.isEmpty, isShown(stream) else { return }
        push(.events(stream: stream.name, events), .events)
    }

    /// Samples in the order in which the monitor takes them.
    func take(_ block: SampleBlock, skipping skipped: Int, of stream: WatchedStream) {
        guard isShown(stream) else { return }
        // Half of the places are for events.
        guard queue.depth < Self.capacity / 2 else { return dropped.add(for: .samples) }
        push(.samples(stream: stream.name, block, skipped: skipped), .samples)
    }

    /// The alarms of a stream as its monitor lists them.
    func take(_ alarms: AlarmCommandOutcome, of stream: WatchedStream) {
        guard isShown(stream) else { return }
        push(.alarms(stream: stream.name, alarms), .events)
    }

    func take(_ limits: LimitsInForce, of stream: WatchedStream) {
        guard isShown(stream) else { return }
        push(.limits(stream: stream.name, limits), .events)
    }

    func reply(_ reply: WireCommandReply, to viewer: UInt64) { push(.reply(viewer: viewer, reply), .replies) }

    /// The stream's place is another's.
    func forget(_ stream: WatchedStream) {
        guard stream.isOnStation else {
            if stream.isKnownToStation { notShown.decrement() }
            return
        }
        shown.withLock { _ = $0.remove(stream.name) }
        push(.gone(stream: stream.name), .events)
    }

    /// Places are given in the order in which streams begin; one that finds none gets the next that is free.
    private func isShown(_ stream: WatchedStream) -> Bool {
        if stream.isOnStation { return true }
        stream.isOnStation = shown.withLock { shown in
            guard shown.count < maximumBeds else { return false }
            shown.insert(stream.name)
            return true
        }
        if stream.isOnStation, stream.isKnownToStation { notShown.decrement() }
        if !stream.isOnStation, !stream.isKnownToStation { notShown.add(1) }
        stream.isKnownToStation = true
        return stream.isOnStation
    }

    private func push(_ input: Input, _ loss: StationLoss) {
        guard queue.push(input, waitingAtMost: 0) != .taken else { return }
        dropped.add(for: loss)
        if loss == .events { hasLostEvents.store(true, ordering: .releasing) }
    }

    // MARK: The station's side

    /// Moves what has come to the end of `inputs`, without waiting.
    func drain(into inputs: inout [Input]) {
        _ = queue.pop(into: &inputs, limit: Self.capacity, waitingAtMost: 0)
    }

    /// Whether events were lost since the last call.
    func takeLostEvents() -> Bool { hasLostEvents.exchange(false, ordering: .acquiringAndReleasing) }
}

/// What was lost on the way to the station, or, strips, from there to the journal. On `/metrics`; a contract.
enum StationLoss: String, CaseIterable, Sendable { case samples, events, replies, strips }
