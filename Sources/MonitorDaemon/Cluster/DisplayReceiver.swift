import AMQP
import ECGMonitor
import ECGWire
import Logging
import MonitorCluster
import MonitorWire

/// A gateway's source of samples: it passes what the workers tell displays to the central station, and to subscribers
/// of waveforms. While nobody wants either, it is not connected, and nothing is sent to it.
///
/// Its queue at the broker is short and drops the oldest: what displays miss, no alarm misses.
final class DisplayReceiver: ThreadService {
    private let link: BrokerLink
    /// nil: no station is served.
    private let station: StationFeed?
    private let publishQueue: BoundedQueue<OutgoingMessage>
    private let subscriptions: Subscriptions
    private let stop: StopRequest
    private let context: DaemonContext
    private let activity: ThreadActivity
    private let encoding: BodyEncoding
    private var streams: [String: StreamState] = [:]
    /// The last number of each worker's start.
    private var numbers: [UInt64: UInt64] = [:]
    private var isWanted = false
    private var nextLook: UInt64 = 0
    private var nextSweep: UInt64 = 0

    private struct StreamState {
        let topic: [UInt8]
        var session: UInt64 = 0
        var nextSampleIndex: Int64 = 0
        var sequence: UInt64 = 0
        /// When something of it came last; monotonic, ns.
        var lastAt: UInt64
    }

    private static let queue: [AMQPArgument] = [
        .number("x-max-length-bytes", 16 << 20), .text("x-overflow", "drop-head"),
    ]
    private static let lookPeriod: UInt64 = 1_000_000_000
    private static let sweepPeriod: UInt64 = 10_000_000_000
    /// Beyond the time after which workers forget a stream, in s.
    private static let sweepMargin = 60.0
    private static let mostSenders = 4096

    init(
        _ settings: ClusterSettings, publishQueue: BoundedQueue<OutgoingMessage>, subscriptions: Subscriptions,
        stop: StopRequest, context: DaemonContext, activity: ThreadActivity
    ) {
        link = BrokerLink(settings, purpose: "samples", context: context, activity: activity)
        station = context.station
        self.publishQueue = publishQueue
        self.subscriptions = subscriptions
        self.stop = stop
        self.context = context
        self.activity = activity
        encoding = context.settings.current.events.encoding
    }

    private var metrics: ClusterMetrics { context.metrics.cluster }

    func run() {
        while !stop.isRequested {
            connectIfWanted()
            station?.cut.note(.samples, isUp: link.connection != nil)
            var work = false
            do throws(AMQPError) {
                work = try takeMessages()
            } catch {
                link.lose(error)
            }
            forgetSilent()
            activity.didTurn(working: work)
            if !work {
                let connection = link.connection.map { [$0.fileDescriptor] } ?? []
                DescriptorPoll.wait([stop.wakeUp.fileDescriptor] + connection, milliseconds: 250)
            }
        }
        link.close()
    }

    private func connectIfWanted() {
        let now = DaemonClock.monotonic()
        if now >= nextLook {
            nextLook = now + Self.lookPeriod
            isWanted = station != nil || subscriptions.wantAny(of: .waveform)
        }
        guard isWanted else { return link.close() }
        let isNew = link.connectIfDue { (connection) throws(AMQPError) in
            let names = self.link.settings.names
            let queue = "\(names.display).\(self.link.settings.member).\(UInt64.random(in: 0 ... .max))"
            try connection.declareQueue(queue, isExclusive: true, Self.queue)
            try connection.bind(queue, to: names.display, key: "")
            try connection.consume(
                queue, as: "display", channel: BrokerLink.channel, prefetch: 1000, acknowledges: false)
        }
        // What was told before is not known.
        if isNew { station?.noteLoss() }
    }

    private func takeMessages() throws(AMQPError) -> Bool {
        guard let connection = link.connection else { return false }
        var taken = 0
        while taken < 64, let event = try connection.next() {
            taken += 1
            switch event {
            case .delivery(let delivery): take(delivery.body)
            case .channelClosed(_, let error): throw error
            case .consumerEnded: throw AMQPError(.closed(code: 404), "the queue of samples is gone")
            case .confirmed, .rejected, .returned, .blocked, .unblocked: break
            }
        }
        return taken > 0
    }

    private func take(_ body: [UInt8]) {
        guard let message = try? DisplayMessage(bytes: body) else { return metrics.unreadable.add(1) }
        let isNext = numbers[message.sender].map { message.number == $0 + 1 } ?? false
        if !isNext {
            metrics.displayGaps.add(1)
            station?.noteLoss()
        }
        if numbers.count >= Self.mostSenders { numbers.removeAll() }
        numbers[message.sender] = message.number
        for entry in message.entries { take(entry) }
    }

    private func take(_ entry: DisplayEntry) {
        let name = entry.stream
        guard StreamName.isValid(name) else { return metrics.unreadable.add(1) }
        let now = DaemonClock.monotonic()
        switch entry.kind {
        case .samples(let samples): take(samples, of: name, now)
        case .limits(let limits): station?.take(.limits(stream: name, limits.inForce), ofStream: name)
        case .present:
            streams[name, default: Self.state(name, now)].lastAt = now
            station?.take(.present(stream: name), ofStream: name)
        case .gone:
            streams[name] = nil
            station?.take(.gone(stream: name), ofStream: name)
        }
    }

    private static func state(_ name: String, _ now: UInt64) -> StreamState {
        StreamState(topic: Array(Topic(.waveform, stream: name).name.utf8), lastAt: now)
    }

    /// Owners of a partition begin before the samples that the one before has passed on: each counts once.
    private func take(_ samples: DisplaySamples, of name: String, _ now: UInt64) {
        var state = streams[name] ?? Self.state(name, now)
        let count = samples.leads[0].millivolts.count
        let end = samples.firstSampleIndex + Int64(count)
        guard samples.session > state.session || samples.session == state.session && end > state.nextSampleIndex else {
            return
        }
        let skipped =
            samples.session == state.session ? Int(max(0, state.nextSampleIndex - samples.firstSampleIndex)) : 0
        (state.session, state.nextSampleIndex, state.lastAt) = (samples.session, end, now)
        let block = samples.block(skipping: skipped)
        station?.take(.samples(stream: name, block, skipped: 0), ofStream: name)
        if subscriptions.wants(state.topic) { publish(block, of: name, &state, now) }
        streams[name] = state
    }

    /// At most a second in each event, as a daemon that works alone does it.
    private func publish(_ block: SampleBlock, of name: String, _ state: inout StreamState, _ now: UInt64) {
        let second = max(1, Int(block.samplingRate))
        for start in stride(from: 0, to: block.millivolts.count, by: second) {
            state.sequence += 1
            context.metrics.events.add(for: .waveform)
            let event = WireEvent(
                waveformOf: block, start..<min(start + second, block.millivolts.count), stream: name,
                sequence: state.sequence)
            guard let body = try? PublishedBody.event(event).encoded(as: encoding),
                publishQueue.push(
                    OutgoingMessage(topic: state.topic, body: body, receivedAt: now), waitingAtMost: 0) == .taken
            else { return context.metrics.count(.eventDropped, of: name) }
        }
    }

    /// Workers say which streams they forget; one that nobody has mentioned for longer is forgotten all the same.
    private func forgetSilent() {
        let now = DaemonClock.monotonic()
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepPeriod
        // While nothing comes, nothing is known.
        guard link.connection != nil else {
            for name in streams.keys { streams[name]?.lastAt = now }
            return
        }
        let patience = UInt64((context.settings.current.streams.forgottenAfterSeconds + Self.sweepMargin) * 1e9)
        for (name, state) in streams where now > state.lastAt + patience {
            streams[name] = nil
            station?.take(.gone(stream: name), ofStream: name)
        }
    }
}
