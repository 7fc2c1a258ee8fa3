import ECGMonitor
import ECGWire
import Synchronization

/// What is told to the central station.
///
/// Nobody waits for it: what finds no room is dropped and counted, and where events were among it, the station asks
/// every bed anew for its alarms.
final class StationFeed: Sendable {
    /// Who tells whom.
    enum Use: Sendable {
        /// The worker threads of a daemon that works alone tell its station.
        case alone
        /// The worker threads of a cluster's worker tell the gateways: samples, limits, and which streams there are.
        /// Events come to the gateways by another way.
        case worker
        /// A gateway tells its station what came from the workers.
        case gateway
    }

    enum Input: Sendable {
        /// Samples that were accepted, but for the first `skipped`.
        case samples(stream: String, SampleBlock, skipped: Int)
        case events(stream: String, [MonitorEvent])
        /// Every alarm that is on in a stream, and its pause.
        case alarms(stream: String, AlarmCommandOutcome)
        /// Which limits hold.
        case limits(stream: String, LimitsInForce)
        /// The stream is watched, though it may send nothing.
        case present(stream: String)
        /// The stream is watched no more.
        case gone(stream: String)
        /// The answer to a viewer's command.
        case reply(viewer: UInt64, WireCommandReply)
    }

    let use: Use
    let maximumBeds: Int
    /// Streams that are watched and find no place on the page.
    let notShown = Gauge()
    /// What found no room here.
    let dropped = CounterTable<StationLoss>()
    /// At a gateway: since when the brokers cannot be reached.
    let cut = StationCut()
    private let queue: BoundedQueue<Input>
    private let names = Mutex(Names())
    private let hasLostEvents = Atomic<Bool>(false)

    private struct Names {
        var shown: Set<String> = []
        /// At a gateway: those that find no place.
        var hidden: Set<String> = []
    }

    private static let capacity = 8192
    /// 16 MB.
    private static let maximumSamples = 4_000_000
    private static let maximumHidden = 65_536

    init(maximumBeds: Int, use: Use = .alone) {
        self.maximumBeds = maximumBeds
        self.use = use
        // Events cost nothing: samples cannot take their room.
        queue = BoundedQueue(capacity: Self.capacity, costLimit: Self.maximumSamples) { input in
            if case .samples(_, let block, _) = input { block.totalSampleCount } else { 0 }
        }
    }

    // MARK: The worker threads' side

    /// The events that a stream's monitor has decided.
    func take(_ events: [MonitorEvent], of stream: WatchedStream) {
        guard use == .alone, !events.isEmpty, isShown(stream) else { return }
        push(.events(stream: stream.name, events), .events)
    }

    /// Samples in the order in which the monitor takes them.
    func take(_ block: SampleBlock, skipping skipped: Int, of stream: WatchedStream) {
        guard isShown(stream) else { return }
        push(block, skipping: skipped, of: stream.name)
    }

    /// The alarms of a stream as its monitor lists them.
    func take(_ alarms: AlarmCommandOutcome, of stream: WatchedStream) {
        guard use == .alone, isShown(stream) else { return }
        push(.alarms(stream: stream.name, alarms), .events)
    }

    func take(_ limits: LimitsInForce, of stream: WatchedStream) {
        guard isShown(stream) else { return }
        push(.limits(stream: stream.name, limits), .events)
    }

    /// The stream is watched, though it sends nothing.
    func present(_ stream: WatchedStream) {
        guard isShown(stream) else { return }
        push(.present(stream: stream.name), .events)
    }

    func reply(_ reply: WireCommandReply, to viewer: UInt64) { push(.reply(viewer: viewer, reply), .replies) }

    /// The stream's place is another's.
    func forget(_ stream: WatchedStream) {
        if use == .worker { return push(.gone(stream: stream.name), .events) }
        guard stream.isOnStation else {
            if stream.isKnownToStation { notShown.decrement() }
            return
        }
        names.withLock { _ = $0.shown.remove(stream.name) }
        push(.gone(stream: stream.name), .events)
    }

    /// Places are given in the order in which streams begin; one that finds none gets the next that is free.
    private func isShown(_ stream: WatchedStream) -> Bool {
        if stream.isOnStation || use == .worker { return true }
        stream.isOnStation = names.withLock { names in
            guard names.shown.count < maximumBeds else { return false }
            names.shown.insert(stream.name)
            return true
        }
        if stream.isOnStation, stream.isKnownToStation { notShown.decrement() }
        if !stream.isOnStation, !stream.isKnownToStation { notShown.add(1) }
        stream.isKnownToStation = true
        return stream.isOnStation
    }

    // MARK: A gateway's side

    /// What came about a stream. Its first samples make it a bed; events do not: the last of them may come when it is
    /// gone.
    func take(_ input: Input, ofStream name: String) {
        switch input {
        case .samples(_, let block, let skipped): if isShown(name) { push(block, skipping: skipped, of: name) }
        case .present: if isShown(name) { push(input, .events) }
        case .events, .alarms, .limits: if isKnown(name) { push(input, .events) }
        case .gone:
            let wasShown = names.withLock { names in
                names.hidden.remove(name)
                return names.shown.remove(name) != nil
            }
            countHidden()
            if wasShown { push(input, .events) }
        case .reply: push(input, .replies)
        }
    }

    private func isKnown(_ name: String) -> Bool { names.withLock { $0.shown.contains(name) } }

    private func isShown(_ name: String) -> Bool {
        let (isShown, hasChanged) = names.withLock { names in
            if names.shown.contains(name) { return (true, false) }
            guard names.shown.count < maximumBeds else {
                guard names.hidden.count < Self.maximumHidden else { return (false, false) }
                return (false, names.hidden.insert(name).inserted)
            }
            names.shown.insert(name)
            return (true, names.hidden.remove(name) != nil)
        }
        if hasChanged { countHidden() }
        return isShown
    }

    private func countHidden() { notShown.set(names.withLock { $0.hidden.count }) }

    /// Something about some beds was lost on its way here.
    func noteLoss() { hasLostEvents.store(true, ordering: .releasing) }

    private func push(_ block: SampleBlock, skipping skipped: Int, of stream: String) {
        // Half of the places are for events.
        guard queue.depth < Self.capacity / 2 else { return dropped.add(for: .samples) }
        push(.samples(stream: stream, block, skipped: skipped), .samples)
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

/// A gateway's ways from the brokers to its station: while one of them is cut, nothing that the page shows can be
/// relied on.
final class StationCut: Sendable {
    enum Way: CaseIterable { case events, samples }

    private let since = Mutex<[Way: UInt64]>([:])
    /// A broker that is changed for another is no cut; ns.
    private static let patience: UInt64 = 2_500_000_000

    func note(_ way: Way, isUp: Bool) {
        since.withLock { $0[way] = isUp ? nil : $0[way] ?? DaemonClock.monotonic() }
    }

    /// Whether a way has been cut for long enough to say so.
    /// - Parameter now: monotonic, ns.
    func isLong(at now: UInt64) -> Bool {
        since.withLock { since in since.values.contains { now > $0 + Self.patience } }
    }
}
