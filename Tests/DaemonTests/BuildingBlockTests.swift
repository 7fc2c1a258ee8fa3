import ECGWire
import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import MonitorDaemon

@Suite struct BoundedQueueTests {
    @Test func elementsStayInOrderBetweenThreadsAndNoneIsLost() throws {
        let queue = BoundedQueue<Int>(capacity: 7)
        let count = 20_000
        let producers = try (0..<3).map { producer in
            try OSThread(name: "producer") {
                for index in 0..<count {
                    #expect(queue.push(index * 3 + producer, waitingAtMost: nil) == .taken)
                }
            }
        }
        var taken: [Int] = []
        while taken.count < 3 * count { _ = queue.pop(into: &taken, limit: 5, waitingAtMost: 1_000_000_000) }
        for producer in producers { producer.join() }
        for producer in 0..<3 {
            #expect(taken.filter { $0 % 3 == producer } == (0..<count).map { $0 * 3 + producer })
        }
        #expect(queue.depth == 0)
    }

    @Test func fullQueueRefusesAndClosedQueueIsDrainedFirst() {
        let queue = BoundedQueue<Int>(capacity: 2)
        #expect(queue.push(1, waitingAtMost: 0) == .taken)
        #expect(queue.push(2, waitingAtMost: 0) == .taken)
        #expect(queue.push(3, waitingAtMost: 0) == .full)
        #expect(queue.push(3, waitingAtMost: 1000) == .full)
        #expect(queue.waits == 1)
        queue.close()
        #expect(queue.push(4, waitingAtMost: nil) == .closed)
        var taken: [Int] = []
        #expect(!queue.pop(into: &taken, limit: 1, waitingAtMost: 0))
        #expect(queue.pop(into: &taken, limit: 1, waitingAtMost: 0))
        #expect(taken == [1, 2])
    }

    @Test func queueIsFullByTotalCostButOneElementAlwaysFits() {
        let queue = BoundedQueue<Int>(capacity: 10, costLimit: 100) { $0 }
        #expect(queue.push(1000, waitingAtMost: 0) == .taken)
        #expect(queue.push(1, waitingAtMost: 0) == .full)
        var taken: [Int] = []
        _ = queue.pop(into: &taken, limit: 1, waitingAtMost: 0)
        #expect(queue.push(60, waitingAtMost: 0) == .taken)
        #expect(queue.push(41, waitingAtMost: 0) == .full)
        #expect(queue.push(40, waitingAtMost: 0) == .taken)
        #expect(queue.push(0, waitingAtMost: 0) == .taken)
    }

    @Test func aWaiterInPollIsWokenWhenTheQueueStopsBeingEmpty() throws {
        let wakeUp = try WakeUp()
        let queue = BoundedQueue<Int>(capacity: 4, wakeUp: wakeUp)
        var item = pollfd(fd: wakeUp.fileDescriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&item, 1, 0) == 0)
        _ = queue.push(1, waitingAtMost: 0)
        _ = queue.push(2, waitingAtMost: 0)
        #expect(poll(&item, 1, 0) == 1)
        wakeUp.clear()
        #expect(poll(&item, 1, 0) == 0)
        queue.close()
        #expect(poll(&item, 1, 0) == 1)
    }
}

@Suite struct ProgressJudgeTests {
    private func reading(_ name: String, _ turns: UInt64, working: Bool = true, ended: Bool = false)
        -> ThreadActivity.Reading
    {
        ThreadActivity.Reading(name: name, turns: turns, isWorking: working, hasEnded: ended)
    }

    @Test func threadThatMakesProgressIsAliveBusyOrIdle() {
        var judge = ProgressJudge(patienceNanoseconds: 10)
        for step in 0..<100 {
            let verdict = judge.judge(
                [reading("a", UInt64(step)), reading("b", UInt64(step), working: false)], at: UInt64(step) * 100)
            #expect(verdict.isAlive && !verdict.isIdle)
        }
    }

    @Test func threadWithoutProgressCountsAsStuckUntilItMovesAgain() {
        var judge = ProgressJudge(patienceNanoseconds: 10)
        #expect(judge.judge([reading("a", 5)], at: 0).isAlive)
        #expect(judge.judge([reading("a", 5)], at: 10).isAlive)
        #expect(judge.judge([reading("a", 5)], at: 11).stuck == ["a"])
        #expect(judge.judge([reading("a", 6)], at: 12).isAlive)
        #expect(judge.judge([reading("a", 6)], at: 20).isAlive)
    }

    @Test func threadThatEndedEarlyCountsAsStuckAtOnce() {
        var judge = ProgressJudge(patienceNanoseconds: 1000)
        #expect(judge.judge([reading("a", 5)], at: 0).isAlive)
        #expect(judge.judge([reading("a", 5, ended: true)], at: 1).stuck == ["a"])
    }
}

@Suite struct ServiceNotifierTests {
    @Test func theWatchdogIsForTheProcessThatItNames() {
        #expect(ServiceNotifier.watchdogInterval(microseconds: "3000000", process: nil) == 3_000_000_000)
        #expect(ServiceNotifier.watchdogInterval(microseconds: "1", process: "\(getpid())") == 1000)
        #expect(ServiceNotifier.watchdogInterval(microseconds: "1", process: "1") == nil)
        for text in ["0", "", "-1", "ten", "99999999999999999999"] {
            #expect(ServiceNotifier.watchdogInterval(microseconds: text, process: nil) == nil)
        }
        #expect(ServiceNotifier.watchdogInterval(microseconds: nil, process: nil) == nil)
    }
}

@Suite struct SubscriptionsTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func aTopicIsWantedByAnyPrefixOfIt() {
        let subscriptions = Subscriptions()
        #expect(!subscriptions.wants(bytes("beat.bed-1")))
        subscriptions.add(bytes("beat."))
        #expect(subscriptions.wants(bytes("beat.bed-1")))
        #expect(!subscriptions.wants(bytes("alert.bed-1")))
        subscriptions.add(bytes("alert.bed-1"))
        #expect(subscriptions.wants(bytes("alert.bed-10")))
        #expect(!subscriptions.wants(bytes("alert.bed")))
        subscriptions.remove(bytes("alert.bed-1"))
        #expect(!subscriptions.wants(bytes("alert.bed-10")))
        let before = subscriptions.generation
        subscriptions.add([])
        #expect(subscriptions.generation != before)
        #expect(subscriptions.wants(bytes("health")))
    }

    @Test func surplusAndOverlongPrefixesAreHarmless() {
        let subscriptions = Subscriptions()
        subscriptions.add([UInt8](repeating: 1, count: 4000))
        #expect(subscriptions.count == 0)
        for index in 0...Subscriptions.maximumPrefixes { subscriptions.add(bytes("\(index)")) }
        #expect(subscriptions.count == Subscriptions.maximumPrefixes)
        #expect(subscriptions.wants(bytes("beat.x")), "beyond the limit everything counts as wanted")
    }
}

@Suite struct SnapshotScheduleTests {
    /// 200 streams that begin together, in steps of 0.1 s of a signal of 250 Hz, with a period of 5 s.
    @Test func streamsThatBeginTogetherAreNotWrittenTogether() {
        var schedules = (0..<200).map { SnapshotSchedule(stream: "bed-\($0)") }
        for stream in schedules.indices { schedules[stream].restart() }
        var written = [Int](repeating: 0, count: schedules.count)
        for step in 1...200 {
            var together = 0
            for stream in schedules.indices where schedules[stream].note(25, period: 1_250) {
                schedules[stream].restart()
                together += 1
                written[stream] += 1
            }
            #expect(together <= 20, "\(together) of 200 in step \(step)")
        }
        // Once in 5 s, and once more for the first, shorter period.
        #expect(written.allSatisfy { (4...5).contains($0) })
    }
}

@Suite struct StreamHashTests {
    @Test func sharesOfAWardAreSpreadEvenly() {
        let shares = (0..<1_000).map { StreamHash.share(of: "bed-\($0)") }
        #expect(shares.allSatisfy { $0 > 0 && $0 <= 1 })
        for tenth in 0..<10 {
            let count = shares.count { $0 > Double(tenth) / 10 && $0 <= Double(tenth + 1) / 10 }
            #expect((50...150).contains(count), "\(count) of 1,000 in tenth \(tenth)")
        }
    }

    /// These are the algorithm's own published values: another answer would move streams between workers at an upgrade.
    @Test func theHashIsTheSameOnEveryMachineAndSpreadsStreams() {
        #expect(StreamHash.worker(of: "", among: 1 << 20) == Int(0xcbf2_9ce4_8422_2325 % (1 << 20) as UInt64))
        #expect(StreamHash.worker(of: "a", among: 1 << 20) == Int(0xaf63_dc4c_8601_ec8c % (1 << 20) as UInt64))
        #expect(StreamHash.worker(of: "foobar", among: 1 << 20) == Int(0x8594_4171_f739_67e8 % (1 << 20) as UInt64))
        var counts = [Int](repeating: 0, count: 8)
        for bed in 0..<8000 { counts[StreamHash.worker(of: "bed-\(bed)", among: 8)] += 1 }
        #expect(counts.allSatisfy { (800...1200).contains($0) }, "\(counts)")
    }
}

@Suite struct MetricsPageTests {
    @Test func everySampleBelongsToAFamilyWithHelpAndType() {
        let metrics = DaemonMetrics()
        metrics.ingestToPublish.record(nanoseconds: 250_000)
        metrics.ingestToPublish.record(nanoseconds: 1 << 62)
        metrics.count(.samplesMissing, 5, of: "bed")
        metrics.count(.rejected(.notPermitted), of: "bed")
        let page = MetricsPage.render(
            metrics, version: "1", modelName: "a\"b\\c\nd", modelSHA256: "x",
            queues: [.init(name: "publish", depth: 1, capacity: 2, waits: 3)])
        var families: [String: String] = [:]
        var seen: Set<String> = []
        for line in page.split(separator: "\n") {
            if let match = line.wholeMatch(of: /# TYPE (\S+) (counter|gauge|histogram)/) {
                #expect(families[String(match.1)] == nil)
                families[String(match.1)] = String(match.2)
            } else if !line.hasPrefix("#") {
                let match = line.wholeMatch(of: /([a-z_]+)(\{[a-z0-9_]+="[^\n]*"\})? ([0-9.eE+-]+)/)
                #expect(match != nil, "\(line)")
                let name = match.map { String($0.1) } ?? ""
                let family = name.replacing(/_(bucket|sum|count)$/, with: "")
                #expect(families[name] != nil || families[family] == "histogram", "\(line)")
                #expect(seen.insert(String(line.prefix { $0 != " " })).inserted, "\(line)")
            }
        }
        #expect(page.contains(#"name="a\"b\\c\nd""#))
        #expect(page.contains("ecgmon_ingest_to_publish_seconds_bucket{le=\"0.0004\"} 1\n"))
        #expect(page.contains("ecgmon_ingest_to_publish_seconds_bucket{le=\"+Inf\"} 2\n"))
        #expect(page.contains("ecgmon_rejects_total{cause=\"not_decodable\"} 0\n"))
    }
}

@Suite struct LoggingTests {
    /// Keeps what is logged.
    private final class Sink: Sendable {
        let lines = Mutex<[String]>([])
        func logger() -> Logger { Logger(label: "test") { _ in Handler(sink: self) } }

        struct Handler: LogHandler {
            let sink: Sink
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.trace
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) {
                let words = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
                sink.lines.withLock { $0.append("\(event.message) \(words)") }
            }
        }
    }

    @Test func eachCauseIsLoggedOncePerStreamAndPeriodWithItsCount() {
        let sink = Sink()
        let log = PeriodicLog(logger: sink.logger(), periodSeconds: 3600)
        for _ in 0..<100 { log.note("rejected", cause: "gap", stream: "a", detail: "first") }
        log.note("rejected", cause: "gap", stream: "b")
        log.flush()
        let lines = sink.lines.withLock { $0 }
        #expect(lines == ["rejected cause=gap detail=first stream=a", "rejected cause=gap stream=b"])
        log.flush(everything: true)
        #expect(sink.lines.withLock { $0.last } == "rejected again=99 cause=gap stream=a")
    }

    @Test func thousandsOfInventedStreamsTakeBoundedMemory() {
        let sink = Sink()
        let log = PeriodicLog(logger: sink.logger(), periodSeconds: 3600)
        for index in 0..<5000 { log.note("rejected", cause: "gap", stream: "s\(index)") }
        #expect(sink.lines.withLock { $0.count } == PeriodicLog.maximumKeys)
        log.flush()
        #expect(sink.lines.withLock { $0.last }?.contains("count=\(5000 - PeriodicLog.maximumKeys)") == true)
    }

    @Test func nothingFromOutsideCanForgeALogLine() {
        #expect(LogFields.oneLine("a\nb\u{1b}[31m") == "a\\u{a}b\\u{1b}[31m")
        #expect(LogFields.quoted("two words") == "\"two words\"")
        #expect(LogFields.quoted("a\"b") == "\"a\\\"b\"")
        #expect(SystemdJournal.fieldName("model_sha256-x") == "MODEL_SHA256_X")
    }

    @Test func everyLevelHasASyslogPriority() {
        #expect(Logger.Level.allCases.map { SystemdJournal.priority($0) } == [7, 7, 6, 5, 4, 3, 2])
    }
}

@Suite struct SourceCreditTests {
    @Test func windowBoundsSamplesInTransitButOneBlockMayAlwaysGo() {
        var credit = SourceCredit()
        #expect(credit.allows(5000, window: 1000))
        credit.dispatch(600)
        #expect(credit.allows(400, window: 1000) && !credit.allows(401, window: 1000))
        credit.takeBack(100)
        credit.update(processed: 300)
        #expect(credit.onTheWay == 200 && credit.allows(800, window: 1000))
    }

    @Test func sourceOfAForgottenStreamGetsItsWholeWindowBack() {
        var credit = SourceCredit()
        // Blocks of the time before went to the stream that began anew, and one of them was refused.
        credit.takeBack(360)
        credit.update(processed: 7200)
        #expect(credit.onTheWay == 0 && credit.allows(.max, window: 1000))
        credit.dispatch(1000)
        #expect(!credit.allows(1, window: 1000) && !credit.allows(.max, window: 1000))
        credit.update(processed: 8200)
        #expect(credit.onTheWay == 0)
    }
}
