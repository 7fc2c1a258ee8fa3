package import DaemonHarness
import Dispatch
import ECGWire
import Glibc
import Synchronization
package import ToolSupport
import ZeroMQ

/// Lets a daemon monitor a ward for a simulated time, with clients of all kinds, and records the daemon's memory use.
package struct MemoryRun: Sendable {
    package var ward: SimulatedWard
    package var hours: Int
    /// Minimum duration of the run in real time, in seconds: a faster sender waits.
    package var seconds: Double
    /// Configuration written for the daemon at the start of each simulated day.
    package var configuration: @Sendable (_ day: Int) -> String
    /// Receives the share of the run that is over since the last call, 0 ... 1; called on the thread of `run`.
    package var progress: @Sendable (_ share: Double) -> Void = { _ in }

    package init(
        ward: SimulatedWard, hours: Int, seconds: Double, configuration: @escaping @Sendable (_ day: Int) -> String
    ) {
        self.ward = ward
        self.hours = hours
        self.seconds = seconds
        self.configuration = configuration
    }

    /// Totals of what was sent.
    package struct Sent: Equatable, Sendable {
        package var blocks = 0
        /// New samples, and duplicates.
        package var samples = 0
        package var samplesAgain = 0
        /// Blocks that had to be rejected, by cause.
        package var wrong: [String: Int] = [:]
    }

    /// What the subscriber that uses the history received.
    package struct Received: Equatable, Sendable {
        package var events = 0
        package var fromHistory = 0
        /// By sequence number: missing, or out of order.
        package var missing: UInt64 = 0
        package var outOfOrder = 0
    }

    package struct Outcome: Sendable {
        package var readings: [ProcessReading] = []
        package var sent = Sent()
        package var received = Received()
        /// The metrics page at the end.
        package var metrics = MetricsReading(page: "")
        package var streamNames = 0
        /// Number of answers to commands, history queries and `/metrics` requests.
        package var answers = 0
        /// Number of subscribers that connected and left.
        package var visitors = 0
        package var seconds = 0.0
        package var lastEnding = ""
        package var problems: [String] = []
    }

    /// State shared by the threads.
    private final class Shared: Sendable {
        /// Number of steps of the simulated time sent so far.
        let step = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let received = Atomic<Int>(0)
        let names: Mutex<[String]>
        let outcome = Mutex(Outcome())

        init(names: [String]) { self.names = Mutex(names) }
        var goesOn: Bool { !isOver.load(ordering: .acquiring) && !Interruption.requested }
        func note(_ problem: String) { outcome.withLock { if $0.problems.count < 100 { $0.problems.append(problem) } } }
    }

    /// - Parameter onDay: called with each day's line of the table when the day is over.
    /// - Throws: `ToolError` if the daemon does not work at all.
    package func run(with daemon: LocalDaemon, onDay: @escaping @Sendable (MemoryTable.Day) -> Void) throws(ToolError)
        -> Outcome
    {
        let start = monotonicNanoseconds()
        let context = try ZeroMQContext.orToolError()
        try daemon.start()
        let port = try Self.port(of: daemon)
        let shared = Shared(names: ward.names)
        let group = DispatchGroup()
        let (events, history, commands) = (
            daemon.endpoints.events, daemon.endpoints.history, daemon.endpoints.commands
        )
        let journal = "\(daemon.directory)/journal.sqlite"
        let process = daemon.processID ?? 0
        func thread(_ name: String, _ body: @escaping @Sendable () throws -> Void) {
            DispatchQueue(label: name).async(group: group) {
                do { try body() } catch { shared.note("\(name): \(error)") }
            }
        }
        thread("subscriber with a history") { try listen(events, history, context, shared) }
        thread("slow subscriber") { try listenSlowly(events, context, shared) }
        thread("subscriber that never reads") { try neverRead(events, context, shared) }
        thread("asker") { try ask(commands, history, port, context, shared) }
        thread("visitors") { try visit(events, context, shared) }
        thread("readings") { readMemory(process, journal, shared, onDay) }
        usleep(200_000)
        let sent = try send(to: daemon, context, shared)
        let metrics = Self.metricsWhenDone(port, sent)
        waitForSubscriber(metrics, shared)
        shared.isOver.store(true, ordering: .releasing)
        group.wait()
        var outcome = shared.outcome.withLock { $0 }
        outcome.sent = sent
        outcome.metrics = metrics
        outcome.lastEnding = daemon.end(SIGTERM)?.description ?? "did not end"
        outcome.seconds = Double(monotonicNanoseconds() - start) / 1e9
        return outcome
    }

    private static func port(of daemon: LocalDaemon) throws(ToolError) -> UInt16 {
        let limit = monotonicNanoseconds() + 30_000_000_000
        while monotonicNanoseconds() < limit, !daemon.hasEnded, !Interruption.requested {
            if let port = daemon.httpPort { return port }
            usleep(20_000)
        }
        throw ToolError(
            "the daemon does not start: \(daemon.lastLogLine)", nextStep: "Start it by hand and see what it logs")
    }

    /// Everything sent has been counted, or nothing more arrives.
    private static func metricsWhenDone(_ port: UInt16, _ sent: Sent) -> MetricsReading {
        var metrics = MetricsReading(page: "")
        var before = -1
        var quiet = 0
        while quiet < 20, !Interruption.requested {
            usleep(500_000)
            guard let page = MetricsReading.fetch(port: port) else {
                quiet += 1
                continue
            }
            metrics = page
            let samples = page["ecgmon_samples_total"] + page["ecgmon_samples_duplicate_total"]
            quiet = samples == before ? quiet + 1 : 0
            before = samples
            if samples == sent.samples + sent.samplesAgain { break }
        }
        return metrics
    }

    /// The subscriber has everything decided before this moment, as far as its number of events shows.
    private func waitForSubscriber(_ metrics: MetricsReading, _ shared: Shared) {
        let wanted = ["beat", "alert", "suspicion", "status"].reduce(0) {
            $0 + metrics["ecgmon_events_total{kind=\"\($1)\"}"]
        }
        let limit = monotonicNanoseconds() + 60_000_000_000
        while shared.received.load(ordering: .acquiring) < wanted, monotonicNanoseconds() < limit,
            !Interruption.requested
        {
            usleep(50_000)
        }
    }

    // MARK: The sources

    private func send(to daemon: LocalDaemon, _ context: ZeroMQContext, _ shared: Shared) throws(ToolError) -> Sent {
        var ward = ward
        var sent = Sent()
        let start = monotonicNanoseconds()
        let steps = hours * ward.stepsInHour
        do {
            let pushing = try AcquisitionClient(endpoint: daemon.endpoints.ingest, context: context)
            var acknowledged = try AcknowledgedAcquisitionClient(
                endpoint: daemon.endpoints.acknowledged, context: context)
            for step in 0..<steps where !Interruption.requested {
                if daemon.hasEnded {
                    throw ToolError("the daemon ended: \(daemon.lastLogLine)", nextStep: "See what it logs")
                }
                let (hour, stepOfHour) = (step / ward.stepsInHour, step % ward.stepsInHour)
                if stepOfHour == 0 {
                    ward.begin(hour: hour)
                    let names = ward.names
                    shared.names.withLock { $0 = names }
                    if hour > 0, hour % 24 == 0 { reconfigure(daemon, day: hour / 24, shared) }
                }
                for index in 0..<ward.count {
                    for message in ward.messages(of: index, hour: hour, step: stepOfHour) {
                        let isKept = ward.isAcknowledged(index)
                        try send(message, pushing, isKept: isKept, &acknowledged, &sent)
                    }
                }
                try acknowledged.service(timeout: .zero)
                shared.step.store(step + 1, ordering: .releasing)
                let due = start + Int64(seconds * 1e9 / Double(steps) * Double(step + 1))
                while monotonicNanoseconds() < due, !Interruption.requested {
                    try acknowledged.service(timeout: .milliseconds(5))
                }
                progress(1 / Double(steps))
            }
            if try !acknowledged.waitUntilAcknowledged(timeout: .seconds(60)) {
                shared.note("\(acknowledged.unacknowledgedSamples) samples were not acknowledged")
            }
            for problem in acknowledged.takeProblems() { shared.note("\(problem)") }
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError("samples cannot be sent: \(error)", nextStep: "See what the daemon logs")
        }
        let names = ward.namesGiven
        shared.outcome.withLock { $0.streamNames = names }
        return sent
    }

    private func send(
        _ message: SimulatedWard.Message, _ pushing: borrowing AcquisitionClient, isKept: Bool,
        _ acknowledged: inout AcknowledgedAcquisitionClient, _ sent: inout Sent
    ) throws(WireError) {
        let block: WireSampleBlock
        switch message {
        case .block(let new):
            block = new
            sent.samples += new.sampleCount
        case .again(let old):
            block = old
            sent.samplesAgain += old.sampleCount
        case .wrong(let wrong, let cause):
            block = wrong
            sent.wrong[cause, default: 0] += 1
        }
        sent.blocks += 1
        if isKept {
            while try !acknowledged.send(block, timeout: .milliseconds(100)), !Interruption.requested {}
        } else {
            guard let body = try? block.body(as: .binary) else { return }
            while try !pushing.send(body: body, timeout: .milliseconds(100)), !Interruption.requested {
                try acknowledged.service(timeout: .zero)
            }
        }
    }

    private func reconfigure(_ daemon: LocalDaemon, day: Int, _ shared: Shared) {
        do {
            try daemon.write(configuration: configuration(day))
            daemon.signal(SIGHUP)
        } catch {
            shared.note("\(error)")
        }
    }

    // MARK: The readers

    private static let kept: [TopicFilter] = [.all(.alert), .all(.beat), .all(.suspicion), .all(.status)]

    private func listen(_ events: String, _ history: String, _ context: ZeroMQContext, _ shared: Shared) throws {
        var client = try HistorySubscriberClient(
            endpoint: events, history: history, filters: Self.kept, start: .beginning, context: context)
        var received = Received()
        var last: [Topic: UInt64] = [:]
        while shared.goesOn {
            guard let publication = try client.receive(timeout: .milliseconds(50)), let event = publication.event else {
                continue
            }
            received.events += 1
            received.missing += publication.missedBefore
            if event.sequence != (last[publication.topic] ?? 0) + 1 + publication.missedBefore {
                received.outOfOrder += 1
            }
            last[publication.topic] = event.sequence
            shared.received.store(received.events, ordering: .releasing)
        }
        received.fromHistory = client.fromHistory
        let result = received
        shared.outcome.withLock { $0.received = result }
    }

    private func listenSlowly(_ events: String, _ context: ZeroMQContext, _ shared: Shared) throws {
        let waveform = TopicFilter.only(.waveform(stream: shared.names.withLock { $0[0] }))
        var client = try SubscriberClient(
            endpoint: events, filters: Self.kept + [waveform], context: context, queueLength: 100)
        while shared.goesOn {
            _ = try client.receive(timeout: .milliseconds(50))
            usleep(20_000)
        }
    }

    private func neverRead(_ events: String, _ context: ZeroMQContext, _ shared: Shared) throws {
        let client = try SubscriberClient(endpoint: events, filters: [.everything], context: context, queueLength: 100)
        while shared.goesOn { usleep(50_000) }
        _ = client.endpoint
    }

    /// Subscribers that connect, read for a moment and leave: the display of one bed, with its waveform.
    private func visit(_ events: String, _ context: ZeroMQContext, _ shared: Shared) throws {
        var visits = 0
        while shared.goesOn {
            let names = shared.names.withLock { $0 }
            let bed = names[visits * 7 % names.count]
            var client = try SubscriberClient(
                endpoint: events, filters: Topic.Kind.allCases.map { .only(Topic($0, stream: bed)) }, context: context)
            let end = monotonicNanoseconds() + 1_500_000_000
            while monotonicNanoseconds() < end, shared.goesOn { _ = try client.receive(timeout: .milliseconds(50)) }
            visits += 1
        }
        let count = visits
        shared.outcome.withLock { $0.visitors = count }
    }

    /// Commands, history queries and page requests, in turn.
    private func ask(_ commands: String, _ history: String, _ port: UInt16, _ context: ZeroMQContext, _ shared: Shared)
        throws
    {
        var desk = try CommandClient(endpoint: commands, context: context)
        var archive = try HistoryClient(endpoint: history, context: context)
        let patience = Duration.seconds(30)
        var answers = 0
        var turn = 0
        while shared.goesOn {
            let names = shared.names.withLock { $0 }
            let bed = names[turn * 13 % names.count]
            switch turn % 4 {
            case 0, 1:
                var command = WireCommand()
                command.stream = bed
                command.by = "nurse \(turn % 10)"
                command.action = Self.action(turn / 4)
                if try desk.send(command, timeout: patience) != nil { answers += 1 }
            case 2:
                if let reply = try archive.ask(Self.question(turn / 4, bed), timeout: patience) {
                    answers += 1
                    if !reply.error.isEmpty { shared.note("history: \(reply.error)") }
                }
            default: if MetricsReading.fetch(port: port) != nil { answers += 1 }
            }
            turn += 1
            usleep(100_000)
        }
        let count = answers
        shared.outcome.withLock { $0.answers = count }
    }

    private static func action(_ number: Int) -> WireCommand.OneOf_Action {
        switch number % 4 {
        case 0: return .acknowledge(.init())
        case 1:
            var pause = WireCommand.Pause()
            pause.kind = number % 8 == 1 ? .audio : .alarm
            pause.seconds = 10
            return .pause(pause)
        case 2: return .list(.init())
        default: return .resume(.init())
        }
    }

    private static func question(_ number: Int, _ bed: String) -> WireHistoryRequest.OneOf_Question {
        switch number % 3 {
        case 0:
            var positions = WireHistoryRequest.Positions()
            positions.activeAlerts = true
            return .positions(positions)
        case 1:
            var find = WireHistoryRequest.Find()
            find.kind = number % 6 == 1 ? "alert" : "beat"
            find.stream = number % 12 < 6 ? bed : ""
            find.limit = 1000
            find.newestFirst = true
            return .find(find)
        default:
            var position = WireTopicPosition()
            position.topic = "beat.\(bed)"
            var after = WireHistoryRequest.After()
            after.positions = [position]
            after.limit = 1000
            return .after(after)
        }
    }

    // MARK: The readings

    private func readMemory(
        _ process: pid_t, _ journal: String, _ shared: Shared, _ onDay: @Sendable (MemoryTable.Day) -> Void
    ) {
        let stepsInHour = Double(ward.stepsInHour)
        // At most a dozen per hour, and none within a fiftieth of a second of another.
        let pause = UInt32(min(max(seconds / Double(hours) / 12, 0.02), 5) * 1e6)
        var readings: [ProcessReading] = []
        var daysTold = 0
        while shared.goesOn {
            let step = shared.step.load(ordering: .acquiring)
            // Anything after the last step belongs to the last hour.
            let hour = min(Double(step) / stepsInHour, Double(hours) - 1e-6)
            if let reading = ProcessReading.read(process, journal: journal, hour: hour) {
                if Int(hour) / 24 > daysTold {
                    daysTold = Int(hour) / 24
                    if let day = MemoryTable(readings).days.last { onDay(day) }
                }
                readings.append(reading)
            }
            usleep(pause)
        }
        if let day = MemoryTable(readings).days.last { onDay(day) }
        let all = readings
        shared.outcome.withLock { $0.readings = all }
    }
}
