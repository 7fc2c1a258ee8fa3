import ECGWire
import Testing

@testable import ECGWire

/// What a source keeps, without a daemon.
@Suite struct UnacknowledgedBlocksTests {
    private func reply(
        session: UInt64 = 1, needed: Int64 = 0, expected: Int64 = 0, room: Int64 = 1000, hello: Bool = false,
        cause: String = "", refused: Int64 = 0
    ) -> WireIngestReply {
        var reply = WireIngestReply()
        reply.session = session
        reply.neededFromSampleIndex = needed
        reply.expectedSampleIndex = expected
        reply.sendUpToSampleIndex = expected + room
        reply.answersHello = hello
        reply.cause = cause
        reply.refusedSampleIndex = refused
        return reply
    }

    /// Ten blocks of 100 samples, of which the daemon knows nothing.
    private func ten() -> UnacknowledgedBlocks {
        var blocks = UnacknowledgedBlocks(stream: "bed-1")
        for index in 0..<10 { blocks.append(session: 1, first: Int64(index * 100), count: 100, body: [UInt8(index)]) }
        return blocks
    }

    private func sendAll(_ blocks: inout UnacknowledgedBlocks) -> [Int64] {
        var sent: [Int64] = []
        while let block = blocks.sendable {
            sent.append(block.first)
            blocks.didSend()
        }
        return sent
    }

    @Test func nothingIsSentBeforeTheHelloIsAnswered() {
        var blocks = ten()
        #expect(sendAll(&blocks) == [])
        blocks.didSayHello()
        #expect(sendAll(&blocks) == [])
        _ = blocks.take(reply(session: 0, hello: true))
        #expect(sendAll(&blocks).count == 10)
        #expect(blocks.samples == 1000, "all are kept")
    }

    @Test func releaseIsAwaitedOnceTheDaemonHasAllInMemory() {
        var blocks = ten()
        blocks.didSayHello()
        _ = blocks.take(reply(hello: true))
        #expect(!blocks.awaitsRelease)
        _ = sendAll(&blocks)
        #expect(!blocks.awaitsRelease, "they are on the way")
        _ = blocks.take(reply(needed: 500, expected: 1000))
        #expect(blocks.awaitsRelease)
        _ = blocks.take(reply(needed: 1000, expected: 1000))
        #expect(!blocks.awaitsRelease)
    }

    @Test func lateAnswerToAnEarlierHelloIsIgnored() {
        var blocks = ten()
        blocks.didSayHello()
        // Silence: another hello, whose answer comes first as far as this source can tell.
        blocks.loseBySilence()
        blocks.didSayHello()
        var early = reply(hello: true)
        early.helloNumber = 1
        _ = blocks.take(early)
        #expect(sendAll(&blocks) == [], "the daemon was there before it got what followed")
        var last = reply(expected: 500, hello: true)
        last.helloNumber = 2
        _ = blocks.take(last)
        #expect(sendAll(&blocks) == [500, 600, 700, 800, 900])
        // A hello in the midst of sending, while an answer is still on its way.
        blocks.loseBySilence()
        blocks.didSayHello()
        _ = blocks.take(last)
        #expect(sendAll(&blocks) == [])
        last.helloNumber = 3
        last.expectedSampleIndex = 900
        _ = blocks.take(last)
        #expect(sendAll(&blocks) == [900])
    }

    @Test func silentDaemonIsAskedLessAndLessOften() {
        var blocks = ten()
        for _ in 0..<10 {
            blocks.didSayHello()
            blocks.loseBySilence()
        }
        #expect(blocks.silences == UnacknowledgedBlocks.maximumSilences)
        blocks.didSayHello()
        blocks.lose()
        #expect(blocks.silences == UnacknowledgedBlocks.maximumSilences, "a broken connection is no silence")
        blocks.didSayHello()
        _ = blocks.take(reply(hello: true))
        #expect(blocks.silences == UnacknowledgedBlocks.maximumSilences - 1)
    }

    @Test(arguments: [(Int64.min, Int64.max), (.max, .min), (0, .min)])
    func nonsensicalReplyEndsNothing(expected: Int64, upTo: Int64) {
        var blocks = ten()
        blocks.didSayHello()
        var nonsense = reply(hello: true)
        (nonsense.expectedSampleIndex, nonsense.neededFromSampleIndex) = (expected, -1)
        nonsense.sendUpToSampleIndex = upTo
        _ = blocks.take(nonsense)
        _ = sendAll(&blocks)
        #expect(blocks.samples == 1000, "all are kept")
    }

    @Test func sendingResumesAtTheDaemonsPositionAndKeepsWhatIsNeeded() {
        var blocks = ten()
        blocks.didSayHello()
        _ = blocks.take(reply(needed: 200, expected: 450, hello: true))
        #expect(blocks.samples == 800)
        #expect(sendAll(&blocks) == [400, 500, 600, 700, 800, 900], "a block that is there in part is sent whole")
        // The daemon was killed: it goes on from what is durable.
        blocks.lose()
        #expect(sendAll(&blocks) == [])
        blocks.didSayHello()
        _ = blocks.take(reply(needed: 200, expected: 200, hello: true))
        #expect(sendAll(&blocks).first == 200)
        _ = blocks.take(reply(needed: 1000, expected: 1000))
        #expect(blocks.isEmpty)
        #expect(blocks.samples == 0)
    }

    @Test func samplesInTransitNeverExceedTheRoom() {
        var blocks = ten()
        blocks.didSayHello()
        _ = blocks.take(reply(session: 0, room: 250, hello: true))
        #expect(sendAll(&blocks) == [0, 100])
        #expect(blocks.onTheWay == 200)
        _ = blocks.take(reply(expected: 100, room: 250))
        #expect(sendAll(&blocks) == [200])
        _ = blocks.take(reply(expected: 300, room: 50))
        #expect(sendAll(&blocks) == [300], "one goes always, else a large one never would")
    }

    @Test func permanentlyRefusedBlockIsReleasedAndReported() {
        var blocks = ten()
        blocks.didSayHello()
        _ = blocks.take(reply(session: 0, hello: true))
        _ = sendAll(&blocks)
        let outcome = blocks.take(reply(expected: 300, cause: "unusable_gain", refused: 300))
        #expect(outcome == .refused(cause: "unusable_gain", first: 300))
        #expect(blocks.samples == 900)
        _ = blocks.take(reply(needed: 1000, expected: 1000))
        #expect(blocks.isEmpty)
    }

    @Test func nonsensicalNumbersLeaveRoomForOneBlockAtATime() {
        var blocks = ten()
        blocks.didSayHello()
        var odd = reply(expected: .min, room: 0, hello: true)
        odd.sendUpToSampleIndex = .max
        #expect(blocks.take(odd) == .nothing)
        #expect(sendAll(&blocks) == [0])
    }

    @Test(arguments: ["hello_needed", "beyond_credit", "worker_queue_full", "too_many_streams"])
    func temporaryRefusalLosesNothing(cause: String) {
        var blocks = ten()
        blocks.didSayHello()
        _ = blocks.take(reply(session: 0, hello: true))
        _ = sendAll(&blocks)
        #expect(blocks.take(reply(expected: 0, cause: cause, refused: 300)) == .nothing)
        #expect(blocks.phase == .needsHello)
        #expect(blocks.samples == 1000)
        blocks.didSayHello()
        // Those behind it on the way are refused, too, before the hello is answered.
        #expect(blocks.take(reply(expected: 0, cause: "hello_needed", refused: 400)) == .nothing)
        #expect(blocks.phase == .awaitsAnswer)
        _ = blocks.take(reply(expected: 300, hello: true))
        #expect(sendAll(&blocks).first == 300)
    }

    @Test func newSessionFollowsTheOldOne() {
        var blocks = ten()
        blocks.append(session: 2, first: 0, count: 100, body: [])
        blocks.didSayHello()
        _ = blocks.take(reply(session: 0, room: 2000, hello: true))
        #expect(sendAll(&blocks).count == 11)
        _ = blocks.take(reply(session: 2, needed: 0, expected: 100))
        #expect(blocks.samples == 1100, "nothing of the new session is safe yet")
        _ = blocks.take(reply(session: 2, needed: 100, expected: 100))
        #expect(blocks.isEmpty)
    }

    @Test func staleSessionIsReported() {
        var blocks = ten()
        blocks.didSayHello()
        #expect(blocks.take(reply(session: 5, needed: 0, expected: 70, hello: true)) == .stale(samples: 1000))
        #expect(sendAll(&blocks) == [])
    }
}

@Suite struct SubscriptionMergeTests {
    private let topic = Topic.alert(stream: "bed-1")

    @Test func eachNumberIsDeliveredOnceAndInOrder() {
        var merge = SubscriptionMerge()
        #expect(merge.verdict(topic, 1) == .deliver)
        merge.didDeliver(topic, 1)
        #expect(merge.verdict(topic, 1) == .drop)
        #expect(merge.verdict(topic, 4) == .hole(2))
        merge.didDeliver(topic, 4)
        #expect(merge.verdict(topic, 3) == .drop)
        #expect(merge.verdict(.alert(stream: "bed-2"), 1) == .deliver)
    }

    @Test func journalWithLowerNumbersIsANewOne() {
        var merge = SubscriptionMerge()
        merge.begin(topic, after: 10)
        #expect(merge.isBehind(topic, journal: 10) == false)
        #expect(merge.isBehind(topic, journal: 12) == true)
        #expect(merge.isBehind(topic, journal: 3) == true)
        #expect(merge.verdict(topic, 1) == .deliver)
    }
}
