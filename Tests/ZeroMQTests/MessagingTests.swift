import Foundation
import Testing
import ZeroMQ

@Suite struct MessagingTests {
    @Test(arguments: Transport.allCases)
    func allFramesOfAMessageArriveInOrder(transport: Transport) async throws {
        let large = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let sent: [[UInt8]] = [Array("topic".utf8), [], [0, 255, 0], large, [1], [2]]
        let received = try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let endpoint = try pull.bind(freshly: transport)
            let push = try ZeroMQSocket(context, .push)
            try push.connect(endpoint)
            #expect(try push.send(parts: sent, timeout: patience))
            return try pull.receive(timeout: patience)
        }
        #expect(received == sent)
    }

    @Test func framesAreReadInPlaceAndStorageIsReused() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let push = try ZeroMQSocket(context, .push)
            try push.connect(try pull.bind(freshly: .inproc))
            var message = ZeroMQMessage()
            #expect(message.frameCount == 0)
            for round in 1...10 {
                try push.send(parts: (0..<round).map { [UInt8](repeating: UInt8($0), count: $0 * 20) })
                #expect(try pull.receive(into: &message, timeout: patience))
                #expect(message.frameCount == round)
                for index in 0..<round {
                    #expect(message.size(ofFrame: index) == index * 20)
                    #expect(message.withFrame(index) { $0.allSatisfy { $0 == index } })
                }
            }
            #expect(try !pull.receive(into: &message, timeout: .zero))
            #expect(message.frameCount == 0)
        }
    }

    @Test func twoFramesOfRawBytesAreOneMessage() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let push = try ZeroMQSocket(context, .push)
            try push.connect(try pull.bind(freshly: .inproc))
            let sent = try Array("alert.a".utf8).withUnsafeBytes { topic in
                try Array("{}".utf8).withUnsafeBytes { body in try push.send(topic, body) }
            }
            #expect(sent)
            #expect(try pull.receive(timeout: patience) == [Array("alert.a".utf8), Array("{}".utf8)])
        }
    }

    @Test func messageWithTooManyFramesKeepsTheLastAndCountsTheRest() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let push = try ZeroMQSocket(context, .push)
            try push.connect(try pull.bind(freshly: .tcp))
            try push.send(parts: (0..<200).map { [UInt8($0)] }, timeout: patience)
            try push.send("next", timeout: patience)
            var message = ZeroMQMessage()
            #expect(try pull.receive(into: &message, timeout: patience))
            #expect(message.frameCount == ZeroMQMessage.maximumFrameCount)
            #expect(message.discardedFrameCount == 200 - ZeroMQMessage.maximumFrameCount)
            #expect(message.bytes(ofFrame: 0) == [0])
            #expect(message.bytes(ofFrame: message.frameCount - 1) == [199])
            #expect(try pull.receive(into: &message, timeout: patience))
            #expect(message.text(ofFrame: 0) == "next")
            #expect(message.discardedFrameCount == 0)
        }
    }

    @Test func textThatIsNotUTF8IsNil() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let a = try ZeroMQSocket(context, .pair)
            let b = try ZeroMQSocket(context, .pair)
            try b.connect(try a.bind(freshly: .inproc))
            try b.send([0xC3, 0x28])
            var message = ZeroMQMessage()
            #expect(try a.receive(into: &message, timeout: patience))
            #expect(message.text(ofFrame: 0) == nil)
        }
    }

    @Test(arguments: Transport.allCases)
    func receivingTimesOutWithNothing(transport: Transport) async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            _ = try pull.bind(freshly: transport)
            #expect(try pull.receive(timeout: .zero) == nil)
            #expect(try pull.receive(timeout: .milliseconds(20)) == nil)
            #expect(try pull.receive(timeout: .seconds(-1)) == nil)
        }
    }

    @Test func aWaitingReceiverGetsWhatIsSentLater() async throws {
        let context = try ZeroMQContext()
        let endpoint = Transport.inproc.freshEndpoint()
        async let received = onThread {
            let pull = try ZeroMQSocket(context, .pull)
            try pull.bind(endpoint)
            // Once with a limit, once for ever.
            return [try pull.receive(timeout: patience), try pull.receive()]
        }
        try await onThread {
            let push = try ZeroMQSocket(context, .push)
            try push.connect(endpoint)
            Thread.sleep(forTimeInterval: 0.05)
            try push.send("one")
            Thread.sleep(forTimeInterval: 0.05)
            try push.send("two")
        }
        #expect(try await received == [[Array("one".utf8)], [Array("two".utf8)]])
    }

    @Test func sendingWithoutAPeerReportsThatItWouldBlock() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let push = try ZeroMQSocket(context, .push)
            try push.set(.immediate(true))
            try push.connect("ipc://" + freshPath())
            #expect(try !push.send("x", timeout: .zero))
            #expect(try !push.send(parts: [[1], [2]], timeout: .milliseconds(20)))
        }
    }

    @Test func fullQueueRefusesWholeMessagesAndLosesNone() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            try pull.set(.receiveHighWaterMark(3))
            let push = try ZeroMQSocket(context, .push)
            try push.set(.sendHighWaterMark(4))
            try push.connect(try pull.bind(freshly: .inproc))
            var accepted = 0
            while accepted < 100, try push.send(parts: [[UInt8(accepted)], [1]], timeout: .zero) { accepted += 1 }
            // Over inproc the two queues are one.
            #expect(accepted == 7)
            for number in 0..<accepted {
                #expect(try pull.receive(timeout: patience) == [[UInt8(number)], [1]])
            }
            #expect(try pull.receive(timeout: .zero) == nil)
            #expect(try push.send("again", timeout: patience))
        }
    }

    @Test func routerAddressesPeersByNameAndReportsMissingOnes() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let router = try ZeroMQSocket(context, .router)
            try router.set(.routerMandatory(true))
            let dealer = try ZeroMQSocket(context, .dealer)
            try dealer.set(.routingID(Array("bed-1".utf8)))
            try dealer.connect(try router.bind(freshly: .tcp))
            try dealer.send("hello", timeout: patience)
            let request = try #require(try router.receive(timeout: patience))
            #expect(request == [Array("bed-1".utf8), Array("hello".utf8)])
            try router.send(parts: [request[0], Array("welcome".utf8)], timeout: patience)
            #expect(try dealer.receive(timeout: patience) == [Array("welcome".utf8)])
            let error = zeroMQError { try router.send(parts: [Array("bed-2".utf8), []]) }
            #expect(error?.code == .hostUnreachable)
            #expect(error?.operation == "send")
        }
    }

    @Test func theKindOfSocketDecidesWhatItCanDo() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let push = try ZeroMQSocket(context, .push)
            #expect(zeroMQError { try pull.send("x") }?.code == .notSupported)
            #expect(zeroMQError { _ = try push.receive() }?.code == .notSupported)
        }
    }
}
