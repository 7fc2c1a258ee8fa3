package import DaemonHarness
import Dispatch
import ECGWire
package import Glibc
import Synchronization
package import ToolSupport
package import ZeroMQ

/// Sends the ECG of many beds to a daemon in real time, and measures how it copes.
package struct LoadRun: Sendable {
    package var plan: LoadPlan
    /// Before anything is measured: the monitors learn their patients.
    package var warmUpSeconds: Double
    /// Measured.
    package var seconds: Double
    /// 99 % of the beats' events must come within this time, in ms.
    package var limitMilliseconds: Double
    package var keys: CurveClientKeys?

    package init(
        plan: LoadPlan, warmUpSeconds: Double, seconds: Double, limitMilliseconds: Double,
        keys: CurveClientKeys? = nil
    ) {
        self.plan = plan
        self.warmUpSeconds = warmUpSeconds
        self.seconds = seconds
        self.limitMilliseconds = limitMilliseconds
        self.keys = keys
    }

    /// Where the daemon is.
    package struct Target: Sendable {
        package var ingest: String
        package var events: String
        /// Port of its pages; nil: what was refused is not known.
        package var httpPort: UInt16?
        /// nil: its processor time and memory are not known.
        package var process: pid_t?
        package var journal = ""

        package init(ingest: String, events: String, httpPort: UInt16?, process: pid_t?, journal: String = "") {
            self.ingest = ingest
            self.events = events
            self.httpPort = httpPort
            self.process = process
            self.journal = journal
        }
    }

    /// A daemon that takes nothing for this long has fallen behind.
    private static let patience: Duration = .seconds(5)
    /// New streams a second.
    private static let arrivals = 4_000.0

    /// - Parameter directory: for the sockets of the bare round trip.
    /// - Throws: `ToolError` if the daemon cannot be reached at all.
    package func run(at target: Target, directory: String) throws(ToolError) -> LoadFigures {
        let context = try ZeroMQContext.orToolError()
        let subscriber = LoadSubscriber(plan: plan)
        let probe = try RoundTripProbe(directory: directory)
        let problems = Mutex<[String]>([])
        let group = DispatchGroup()
        func thread(_ name: String, _ body: @escaping @Sendable () throws -> Void) {
            DispatchQueue(label: name).async(group: group) {
                do { try body() } catch { problems.withLock { $0.append("\(name): \(error)") } }
            }
        }
        let (events, keys) = (target.events, keys)
        thread("subscriber") { try subscriber.listen(events, context, keys) }
        thread("echo") { try probe.echo() }
        thread("round trip") { try probe.ask() }
        defer {
            subscriber.end()
            probe.end()
            group.wait()
        }
        // A subscriber that connects later would miss the first events.
        usleep(300_000)
        let before = target.httpPort.flatMap { MetricsReading.fetch(port: $0) }
        var figures = LoadFigures(beds: plan.streams, seconds: seconds)
        var sending = Sending(plan: plan, client: try connect(to: target.ingest, context))
        do throws(WireError) {
            try send(&sending, to: target, &figures)
        } catch {
            throw ToolError("\(error)", nextStep: "See the daemon's log")
        }
        let (window, start) = (sending.measured, sending.start)
        figures.blocks_sent = sending.blocks
        figures.samples_sent = sending.samples
        figures.load_lateness_p99 = sending.latenesses.quantile(0.99)
        figures.load_lateness_largest = sending.latenesses.quantile(1)
        figures.drained_after = drain(target.httpPort, samples: sending.samples, since: before)
        figures.count(target.httpPort.flatMap { MetricsReading.fetch(port: $0) }, since: before)
        // What is published by now still has to arrive.
        usleep(300_000)
        subscriber.end()
        probe.end()
        group.wait()
        let arrivals = subscriber.arrivals
        figures.events_missed = subscriber.missed
        func latencies(_ kind: Unicode.Scalar) -> [Int64] {
            arrivals.lazy.filter { $0.kind == UInt8(ascii: kind) }.compactMap { arrival in
                guard let due = plan.due(stream: Int(arrival.stream), sample: arrival.decidedAt),
                    window.contains(start + due)
                else { return nil }
                return arrival.at - start - due
            }
        }
        figures.beat_latency = .init(latencies("b"))
        figures.alert_latency = .init(latencies("a"))
        figures.beats = figures.beat_latency.count
        figures.round_trip = .init(probe.latencies)
        figures.judge(
            limit: limitMilliseconds, sending.hasFallenBehind, readsPage: before != nil,
            problems.withLock { $0 })
        return figures
    }

    private func connect(to endpoint: String, _ context: ZeroMQContext) throws(ToolError) -> AcquisitionClient {
        do throws(WireError) {
            return try AcquisitionClient(
                endpoint: endpoint, context: context, keys: keys, queueLength: 10_000, linger: .zero)
        } catch {
            throw ToolError("\(error)", nextStep: "Give the daemon's ingest endpoint")
        }
    }

    /// Sends, and reads what the two processes take in the measured time.
    private func send(
        _ sending: inout Sending, to target: Target, _ figures: inout LoadFigures
    ) throws(WireError) {
        let idle = target.process.flatMap { ProcessReading.read($0, journal: target.journal, hour: 0) }
        guard try sending.introduceStreams(perSecond: Self.arrivals, patience: Self.patience) else { return }
        let length = Int64(seconds * 1e9)
        let begin = sending.start + Int64(warmUpSeconds * 1e9)
        sending.measured = begin..<begin + length
        guard try sending.send(until: begin, patience: Self.patience) else { return }
        let (daemon, own, from) = (times(target.process), times(getpid()), monotonicNanoseconds())
        let threads = target.process.map { ProcessorTime.secondsByThread(of: $0) } ?? [:]
        guard try sending.send(until: begin + length, patience: Self.patience) else { return }
        let real = Double(monotonicNanoseconds() - from) / 1e9
        if let daemon, let now = times(target.process) { figures.daemon_cores = (now - daemon) / real }
        if let process = target.process {
            for (name, seconds) in ProcessorTime.secondsByThread(of: process) {
                figures.daemon_thread_cores[name] = (seconds - threads[name, default: 0]) / real
            }
        }
        if let own, let now = times(getpid()) { figures.load_cores = (now - own) / real }
        if let process = target.process,
            let reading = ProcessReading.read(process, journal: target.journal, hour: 0)
        {
            figures.daemon_resident = reading.resident
            if let idle { figures.daemon_bytes_per_stream = (reading.anonymous - idle.anonymous) / plan.streams }
            if !target.journal.isEmpty { figures.journal_bytes = reading.journal }
        }
        figures.load_resident = ProcessReading.read(getpid(), journal: "", hour: 0)?.resident
    }

    private func times(_ process: pid_t?) -> Double? { process.flatMap { ProcessorTime.seconds(of: $0) } }

    /// Waits until the daemon has taken everything.
    /// - Returns: in ms; nil: not within ten seconds, or it cannot be known.
    private func drain(_ port: UInt16?, samples: Int, since before: MetricsReading?) -> Double? {
        guard let port, let before else { return nil }
        let start = monotonicNanoseconds()
        while monotonicNanoseconds() < start + 10_000_000_000, !Interruption.requested {
            guard let page = MetricsReading.fetch(port: port) else { return nil }
            if page["ecgmon_samples_total"] - before["ecgmon_samples_total"] >= samples {
                return Double(monotonicNanoseconds() - start) / 1e6
            }
            usleep(20_000)
        }
        return nil
    }
}

extension LoadFigures {
    fileprivate mutating func count(_ page: MetricsReading?, since before: MetricsReading?) {
        guard let page, let before else { return }
        func sum(_ reading: MetricsReading) -> Int { reading.counts("ecgmon_rejects_total").values.reduce(0, +) }
        blocks_refused = sum(page) - sum(before)
        samples_missing = page["ecgmon_samples_missing_total"] - before["ecgmon_samples_missing_total"]
    }

    /// - Parameters:
    ///   - limit: 99 % of the beats' events must come within this time, in ms.
    ///   - hasFallenBehind: the daemon took no blocks for seconds.
    ///   - readsPage: whether the daemon's counters are known.
    fileprivate mutating func judge(
        limit: Double, _ hasFallenBehind: Bool, readsPage: Bool, _ problems: [String]
    ) {
        faults = problems
        if hasFallenBehind { faults.append("the daemon took no more blocks") }
        if readsPage, drained_after.map({ $0 > 1_000 }) ?? true {
            faults.append("the daemon had not taken all samples a second after the last")
        }
        if let blocks_refused, blocks_refused > 0 { faults.append("\(blocks_refused) blocks refused") }
        if let samples_missing, samples_missing > 0 { faults.append("\(samples_missing) samples missing") }
        if events_missed > 0 { faults.append("\(events_missed) events did not arrive") }
        if beats == 0 {
            faults.append("no beat arrived")
        } else if let p99 = beat_latency.p99, p99 > limit {
            faults.append("99 % of the beats took \(fixed(p99, 1)) ms, more than \(fixed(limit, 0))")
        }
    }
}
