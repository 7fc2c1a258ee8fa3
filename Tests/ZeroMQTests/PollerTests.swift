import Foundation
import Testing
import ZeroMQ

@Suite struct PollerTests {
    @Test func pollingReportsWhichSocketsAreReady() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let a = try ZeroMQSocket(context, .pull)
            let b = try ZeroMQSocket(context, .pull)
            let toA = try ZeroMQSocket(context, .push)
            let toB = try ZeroMQSocket(context, .push)
            try toA.connect(try a.bind(freshly: .tcp))
            try toB.connect(try b.bind(freshly: .ipc))
            var poller = ZeroMQPoller()
            let placeOfA = poller.add(a)
            let placeOfB = poller.add(b)
            #expect(try poller.wait(timeout: .milliseconds(10)) == 0)
            #expect(poller[placeOfA] == [] && poller[placeOfB] == [])

            try toB.send("b", timeout: patience)
            #expect(try poller.wait(timeout: patience) == 1)
            #expect(poller[placeOfA] == [] && poller[placeOfB] == .readable)

            try toA.send("a", timeout: patience)
            while try poller.wait(timeout: patience) == 1 {}
            #expect(poller[placeOfA] == .readable && poller[placeOfB] == .readable)

            #expect(try a.receive(timeout: .zero) != nil)
            #expect(try b.receive(timeout: .zero) != nil)
            #expect(try poller.wait(timeout: .zero) == 0)
        }
    }

    @Test func pollingReportsFileDescriptorsToo() async throws {
        try await onThread {
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            defer { ends.forEach { close($0) } }
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            _ = try pull.bind(freshly: .tcp)
            var poller = ZeroMQPoller()
            let placeOfSocket = poller.add(pull)
            let placeOfPipe = poller.add(fileDescriptor: ends[0])
            #expect(try poller.wait(timeout: .zero) == 0)
            #expect(write(ends[1], "x", 1) == 1)
            #expect(try poller.wait(timeout: patience) == 1)
            #expect(poller[placeOfPipe] == .readable)
            #expect(poller[placeOfSocket] == [])
        }
    }

    @Test func pollerEntryCanBeSkippedForAWhile() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let push = try ZeroMQSocket(context, .push)
            try push.connect(try pull.bind(freshly: .inproc))
            try push.send("x")
            var poller = ZeroMQPoller()
            let place = poller.add(pull)
            poller.setEvents([], at: place)
            #expect(try poller.wait(timeout: .milliseconds(10)) == 0)
            poller.setEvents(.readable, at: place)
            #expect(try poller.wait(timeout: patience) == 1)
            #expect(try pull.readiness() == .readable)
        }
    }

    @Test func writabilityShowsWhenTheQueueHasRoom() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let push = try ZeroMQSocket(context, .push)
            var poller = ZeroMQPoller()
            let place = poller.add(push, for: .writable)
            #expect(try poller.wait(timeout: .zero) == 0)
            try push.connect(try pull.bind(freshly: .inproc))
            #expect(try poller.wait(timeout: patience) == 1)
            #expect(poller[place] == .writable)
        }
    }

    @Test func closedSocketIsAnErrorNotACrash() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            var poller = ZeroMQPoller()
            let pull = try ZeroMQSocket(context, .pull)
            poller.add(pull)
            pull.close()
            let error = zeroMQError { try poller.wait(timeout: .zero) }
            #expect(error?.code == .notASocket)
        }
    }
}
