import AMQP
import ECGMonitor
import Logging
import MonitorCluster

/// A worker's way to the gateways' displays. It has a connection of its own, waits for no confirm, and drops what finds
/// no room: displays must not hold up alarms. While no gateway listens, it looks once a second whether one does.
final class DisplaySender: ThreadService {
    private let link: BrokerLink
    private let feed: StationFeed
    private let stop: StopRequest
    private let context: DaemonContext
    private let activity: ThreadActivity
    /// Differs with every start.
    private let sender = UInt64.random(in: 1 ... .max)
    private var number: UInt64 = 0
    private var inputs: [StationFeed.Input] = []
    /// Nobody listened a moment ago; monotonic, ns.
    private var quietUntil: UInt64 = 0

    private static let period: Int32 = 100
    private static let quiet: UInt64 = 1_000_000_000
    /// Of one message.
    private static let mostSamples = 32_768
    private static let mostEntries = 1024

    init(
        _ settings: ClusterSettings, feed: StationFeed, stop: StopRequest, context: DaemonContext,
        activity: ThreadActivity
    ) {
        link = BrokerLink(settings, purpose: "display", context: context, activity: activity)
        self.feed = feed
        self.stop = stop
        self.context = context
        self.activity = activity
    }

    private var metrics: ClusterMetrics { context.metrics.cluster }

    func run() {
        while !stop.isRequested {
            _ = link.connectIfDue { (_) throws(AMQPError) in }
            inputs.removeAll(keepingCapacity: true)
            feed.drain(into: &inputs)
            do throws(AMQPError) {
                try listen()
                try send()
            } catch {
                link.lose(error)
            }
            activity.didTurn(working: !inputs.isEmpty)
            DescriptorPoll.wait([stop.wakeUp.fileDescriptor], milliseconds: Self.period)
        }
        link.close()
    }

    private func listen() throws(AMQPError) {
        while let connection = link.connection, let event = try connection.next() {
            switch event {
            case .returned: quietUntil = DaemonClock.monotonic() + Self.quiet
            case .channelClosed(_, let error): throw error
            case .delivery, .confirmed, .rejected, .consumerEnded, .blocked, .unblocked: break
            }
        }
    }

    private func send() throws(AMQPError) {
        guard !inputs.isEmpty else { return }
        guard let connection = link.connection, !connection.isBlocked else {
            return metrics.displayDropped.add(inputs.count)
        }
        guard DaemonClock.monotonic() >= quietUntil else { return }
        // Whatever was lost before this: the numbers tell that something was.
        if feed.takeLostEvents() { number += 1 }
        var entries: [DisplayEntry] = []
        var samples = 0
        for input in inputs {
            guard let entry = DisplayEntry(input) else { continue }
            entries.append(entry)
            if case .samples(_, let block, _) = input { samples += block.totalSampleCount }
            if samples >= Self.mostSamples || entries.count >= Self.mostEntries {
                try publish(entries, connection)
                entries.removeAll(keepingCapacity: true)
                samples = 0
            }
        }
        if !entries.isEmpty { try publish(entries, connection) }
    }

    private func publish(_ entries: [DisplayEntry], _ connection: AMQPConnection) throws(AMQPError) {
        number += 1
        metrics.displayMessages.add(1)
        try connection.publish(
            DisplayMessage(sender: sender, number: number, entries: entries).bytes, to: link.settings.names.display,
            key: "", channel: BrokerLink.channel, AMQPProperties(type: "display", isPersistent: false),
            isMandatory: true)
    }
}

extension DisplayEntry {
    /// nil: it goes another way.
    init?(_ input: StationFeed.Input) {
        switch input {
        case .samples(let stream, let block, let skipped):
            self.init(stream: stream, kind: .samples(DisplaySamples(block, skipping: skipped)))
        case .limits(let stream, let limits): self.init(stream: stream, kind: .limits(DisplayLimits(limits)))
        case .present(let stream): self.init(stream: stream, kind: .present)
        case .gone(let stream): self.init(stream: stream, kind: .gone)
        case .events, .alarms, .reply: return nil
        }
    }
}

extension DisplaySamples {
    init(_ block: SampleBlock, skipping skipped: Int) {
        let leads =
            [LeadSamples(lead: block.lead, leadOff: block.leadOff, millivolts: block.millivolts)] + block.furtherLeads
        let time = block.acquisitionTimeNanoseconds
        let offset = Int64((Double(skipped) / block.samplingRate * 1e9).rounded())
        self.init(
            session: block.session, firstSampleIndex: block.firstSampleIndex + Int64(skipped),
            samplingRate: block.samplingRate, acquisitionTimeNanoseconds: time > 0 ? time + offset : time,
            leads: leads.map {
                Lead(name: $0.lead, isOff: $0.leadOff, millivolts: Array($0.millivolts.dropFirst(skipped)))
            })
    }

    /// As the monitor had them.
    /// - Parameter skipped: of the first samples, which are left out; fewer than there are.
    func block(skipping skipped: Int) -> SampleBlock {
        let offset = Int64((Double(skipped) / samplingRate * 1e9).rounded())
        let rest = leads.map {
            LeadSamples(lead: $0.name, leadOff: $0.isOff, millivolts: Array($0.millivolts.dropFirst(skipped)))
        }
        return SampleBlock(
            session: session, firstSampleIndex: firstSampleIndex + Int64(skipped), samplingRate: samplingRate,
            acquisitionTimeNanoseconds: acquisitionTimeNanoseconds > 0
                ? acquisitionTimeNanoseconds &+ offset : acquisitionTimeNanoseconds,
            lead: rest[0].lead, leadOff: rest[0].leadOff, millivolts: rest[0].millivolts,
            furtherLeads: Array(rest.dropFirst()))
    }
}

extension DisplayLimits {
    init(_ inForce: LimitsInForce) {
        self.init(
            limits: BedLimit.allCases.map { limit in
                Limit(
                    key: limit.rawValue, value: limit.value(in: inForce.current),
                    configured: limit.value(in: inForce.configured))
            }, set: inForce.set?.stored ?? [])
    }

    /// Beside the limits of a bed everything is as this gateway has it, which shows no others.
    var inForce: LimitsInForce {
        var limits = LimitsInForce(
            configured: MonitorConfiguration(), current: MonitorConfiguration(), set: BedLimits(stored: set))
        for one in self.limits {
            guard let limit = BedLimit(rawValue: one.key) else { continue }
            if limit.range.contains(one.value) { limit.set(one.value, in: &limits.current) }
            if limit.range.contains(one.configured) { limit.set(one.configured, in: &limits.configured) }
        }
        return limits
    }
}
