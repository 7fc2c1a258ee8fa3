import Testing

@testable import MonitorCluster

/// What a worker may publish and acknowledge of a partition, and when.
@Suite struct PartitionOwnerTests {
    /// A queue of states and one owner on it: what the owner publishes comes back to it.
    struct Queue {
        var owner: PartitionOwner
        var actions: [PartitionOwner.Action] = []
        var tag: UInt64 = 0
        var published: UInt64 = 0
        var now: UInt64 = 0
        var returned: [StatesEntry] = []

        init(_ name: String, seed: UInt64 = 1) { owner = PartitionOwner(owner: name, seed: seed) }

        /// Everything that was to be done since the last call.
        mutating func take() -> [PartitionOwner.Action] {
            defer { actions = [] }
            for action in actions {
                switch action {
                case .publish(let entry):
                    published += 1
                    returned.append(entry)
                case .publishEvent: published += 1
                default: break
                }
            }
            return actions
        }

        @discardableResult
        mutating func deliver(_ entry: StatesEntry) -> UInt64 {
            tag += 1
            owner.take(entry, tag: tag, at: now, &actions)
            return tag
        }

        /// Everything published is confirmed and comes back, until nothing more is published.
        mutating func settle() -> [PartitionOwner.Action] {
            var all: [PartitionOwner.Action] = []
            repeat {
                all += take()
                if published > 0 { owner.didConfirm(upTo: published, isMultiple: true, at: now, &actions) }
                let entries = returned
                returned = []
                for entry in entries { deliver(entry) }
            } while !actions.isEmpty
            return all
        }
    }

    static func state(_ stream: String, next: Int64 = 0, epoch: UInt64 = 0, revision: UInt64 = 0) -> StateMessage {
        var state = StateMessage(
            stream: stream, session: 1, nextSampleIndex: next, sequences: [1, 2, 3, 4], lastSamplesAt: 5,
            state: [1, 2, 3], events: [])
        state.term = Term(epoch: epoch, claim: 9)
        state.revision = revision
        return state
    }

    private func owning() -> Queue {
        var queue = Queue("a")
        queue.owner.standInLine(at: 0, &queue.actions)
        _ = queue.settle()
        return queue
    }

    private static let event = ClusterEvent(topic: "beat.bed-1", body: [7])

    @Test func ownerOfAnEmptyPartitionBeginsTheFirstEpoch() {
        let queue = owning()
        #expect(queue.owner.phase == .owning)
        #expect(queue.owner.term.epoch == 1)
    }

    @Test func nextOwnerRestoresTheNewestStateOfEachStream() {
        var queue = Queue("b")
        let marker = queue.deliver(.marker(Term(epoch: 6, claim: 3), owner: "a"))
        let old = queue.deliver(.state(Self.state("bed-1", next: 100, epoch: 6, revision: 1)))
        queue.deliver(.state(Self.state("bed-1", next: 200, epoch: 6, revision: 2)))
        queue.deliver(.state(Self.state("bed-2", next: 300, epoch: 5, revision: 9)))
        let actions = queue.settle()
        #expect(queue.owner.term.epoch == 7)
        #expect(actions.contains(.acknowledge(old)))
        #expect(actions.contains(.acknowledge(marker)), "its own marker has the epoch now")
        let restored = actions.compactMap { action -> [StateMessage]? in
            if case .restore(let messages) = action { messages } else { nil }
        }
        #expect(restored.map { $0.map(\.nextSampleIndex) } == [[200, 300]])
        #expect(actions.last == .consumeBlocks)
    }

    @Test func blockIsAcknowledgedOnceAStateThatCoversItIsBack() {
        var queue = owning()
        queue.owner.didDeliver(block: 50, of: "bed-1", session: 1, end: 90)
        queue.owner.didDeliver(block: 51, of: "bed-1", session: 1, end: 180)
        queue.owner.take([Self.event], state: Self.state("bed-1", next: 90), of: "bed-1", at: queue.now, &queue.actions)
        let first = queue.take()
        #expect(first.count == 1, "the state alone; its events wait for it")
        queue.owner.didConfirm(upTo: queue.published, isMultiple: true, at: 0, &queue.actions)
        #expect(queue.take().isEmpty, "a confirm is not enough")
        for entry in queue.returned { queue.deliver(entry) }
        queue.returned = []
        #expect(queue.take() == [.acknowledge(50), .publishEvent(Self.event)])
        #expect(queue.owner.unfinishedBlocks == 1)
    }

    @Test func stateWaitsUntilEarlierEventsAreConfirmed() {
        var queue = owning()
        queue.owner.take([Self.event], state: nil, of: "bed-1", at: queue.now, &queue.actions)
        #expect(queue.take() == [.publishEvent(Self.event)])
        queue.owner.take([], state: Self.state("bed-1", next: 90), of: "bed-1", at: queue.now, &queue.actions)
        #expect(queue.take().isEmpty)
        queue.owner.didConfirm(upTo: queue.published, isMultiple: false, at: 0, &queue.actions)
        #expect(queue.take().count == 1)
    }

    @Test func successorPublishesTheEventsThatCameWithAState() {
        var queue = Queue("b")
        var state = Self.state("bed-1", next: 100, epoch: 1, revision: 1)
        state.events = [Self.event]
        queue.deliver(.state(state))
        #expect(queue.settle().contains(.publishEvent(Self.event)))
    }

    @Test func statesOfEarlierTermsBehindTheMarkerDoNotCount() {
        var queue = owning()
        let late = queue.deliver(.state(Self.state("bed-1", next: 900, epoch: 0, revision: 99)))
        #expect(queue.take() == [.acknowledge(late)])
        #expect(queue.owner.staleStates == 1)
    }

    @Test func ownerStepsDownWhenAnotherTermBegins() {
        var queue = owning()
        queue.deliver(.marker(Term(epoch: 2, claim: 0), owner: "b"))
        #expect(queue.owner.phase == .over)
        queue.actions = []
        queue.owner.take([Self.event], state: nil, of: "bed-1", at: queue.now, &queue.actions)
        #expect(queue.actions.isEmpty, "it publishes nothing more")
    }

    @Test func ownerWhoseStatesDoNotComeBackStepsDown() {
        var queue = owning()
        queue.owner.take([], state: Self.state("bed-1", next: 90), of: "bed-1", at: queue.now, &queue.actions)
        _ = queue.take()
        queue.owner.didConfirm(upTo: queue.published, isMultiple: true, at: 1, &queue.actions)
        queue.owner.check(at: PartitionOwner.returnPatience, &queue.actions)
        #expect(queue.actions.isEmpty)
        queue.owner.check(at: PartitionOwner.returnPatience + 2, &queue.actions)
        #expect(queue.owner.phase == .over)
    }

    @Test func ownerWithoutConfirmsStepsDown() {
        var queue = owning()
        queue.owner.take([Self.event], state: nil, of: "bed-1", at: 0, &queue.actions)
        _ = queue.take()
        queue.owner.check(at: ConfirmPace().patience, &queue.actions)
        #expect(queue.actions.isEmpty)
        queue.owner.check(at: ConfirmPace().patience + 1, &queue.actions)
        #expect(queue.owner.phase == .over)
    }

    @Test func refusedBlockIsAcknowledged() {
        var queue = owning()
        queue.owner.didDeliver(block: 50, of: "bed-1", session: 1, end: 90)
        queue.owner.didRefuse(blockOf: "bed-1", end: 90, &queue.actions)
        #expect(queue.take() == [.acknowledge(50)])
    }

    @Test func messagesSurviveTheirBytesAndRefuseOthers() throws {
        var state = Self.state("bed-1", next: 1 << 40, epoch: 3, revision: 4)
        state.events = [ClusterEvent(topic: "alert.bed-1", body: [1, 2], beginsAnew: true)]
        #expect(try StateMessage(bytes: state.bytes) == state)
        for count in 0..<state.bytes.count {
            #expect(throws: ClusterMessageError.self) { try StateMessage(bytes: Array(state.bytes.prefix(count))) }
        }
        let sign = MemberSign(
            name: "a", start: 1, partitions: 8, version: "0.1.0", model: "ab",
            owned: [.init(partition: 3, epoch: 4, streams: 5, unfinished: 6)])
        #expect(try MemberSign(bytes: sign.bytes) == sign)
        #expect(
            try StatesEntry(type: "marker", bytes: StatesEntry.marker(state.term, owner: "a").bytes)
                == .marker(state.term, owner: "a"))
        #expect(try StatesEntry(type: "other", bytes: []) == nil)
    }

    @Test func memberThatComesMovesOnlyItsOwnPartitions() {
        var members = MemberTable()
        func hear(_ name: String) {
            members.hear(MemberSign(name: name, start: 1, partitions: 128, version: "", model: ""), at: 0)
        }
        for name in ["a", "b", "c"] { hear(name) }
        let before = (0..<128).map { members.order(of: $0)[0] }
        hear("d")
        let after = (0..<128).map { members.order(of: $0)[0] }
        for (old, new) in zip(before, after) where old != new { #expect(new == "d") }
        for name in ["a", "b", "c", "d"] { #expect(after.count { $0 == name } > 15) }
        members.forgetSilent(at: MemberTable.patience)
        #expect(members.signs.isEmpty)
    }
}
