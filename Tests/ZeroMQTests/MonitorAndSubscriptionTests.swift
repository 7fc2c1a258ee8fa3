import Foundation
import Testing
import ZeroMQ

@Suite struct MonitorTests {
    @Test func aConnectionsLifeIsReportedOnBothSides() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let listening = try pull.monitor()
            let endpoint = try pull.bind(freshly: .tcp)
            #expect(try listening.first("listening")?.endpoint == endpoint)
            do {
                let push = try ZeroMQSocket(context, .push)
                let connecting = try push.monitor()
                try push.connect(endpoint)
                #expect(try connecting.first("connected")?.endpoint == endpoint)
                #expect(try connecting.first("handshakeSucceeded") != nil)
                #expect(try listening.first("accepted")?.endpoint == endpoint)
                #expect(try listening.first("handshakeSucceeded") != nil)
            }
            #expect(try listening.first("disconnected")?.endpoint == endpoint)
        }
    }

    @Test func failedAttemptIsReportedAndRepeated() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let push = try ZeroMQSocket(context, .push)
            try push.set(.reconnectInterval(.milliseconds(7)))
            let monitor = try push.monitor()
            let endpoint = try {
                let once = try ZeroMQSocket(context, .pull)
                return try once.bind(freshly: .tcp)
            }()
            try push.connect(endpoint)
            let retried = try monitor.first("connectRetried")
            #expect(retried?.endpoint == endpoint)
        }
    }

    @Test func aPeerOfAnotherMechanismFailsTheHandshake() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let server = try ZeroMQSocket(context, .pull)
            try server.set(.curveServer(true))
            try server.set(.curveSecretKey([UInt8](1...32)))
            let monitor = try server.monitor()
            let endpoint = try server.bind(freshly: .tcp)
            let plain = try ZeroMQSocket(context, .push)
            try plain.connect(endpoint)
            let failed = try monitor.first("handshakeFailedProtocol")
            #expect(failed != nil)
        }
    }

    @Test func peerThatDoesNotSpeakZMTPIsDisconnectedAndOthersContinue() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let monitor = try pull.monitor()
            let endpoint = try pull.bind(freshly: .tcp)
            do {
                let rude = try RawConnection(to: endpoint)
                rude.write(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                #expect(try monitor.first("accepted") != nil)
            }
            let end = try monitor.first("disconnected")
            #expect(end != nil)
            let push = try ZeroMQSocket(context, .push)
            try push.connect(endpoint)
            try push.send("x", timeout: patience)
            #expect(try pull.receive(timeout: patience) != nil)
        }
    }

    @Test func unreadMonitorEventsDoNotStopTheSocket() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            try pull.set(.backlog(4096))
            let monitor = try pull.monitor()
            let endpoint = try pull.bind(freshly: .tcp)
            for _ in 0..<1000 {
                let rude = try RawConnection(to: endpoint)
                rude.write([0])
            }
            let push = try ZeroMQSocket(context, .push)
            try push.connect(endpoint)
            try push.send("x", timeout: patience)
            #expect(try pull.receive(timeout: patience) != nil)
            var accepted = 0
            while accepted < 1001, try monitor.first("accepted") != nil { accepted += 1 }
            #expect(accepted == 1001)
        }
    }

    @Test func aMonitorCanBePolledAndOutlivesItsSocket() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let pull = try ZeroMQSocket(context, .pull)
            let monitor = try pull.monitor()
            var poller = ZeroMQPoller()
            let place = poller.add(monitor)
            #expect(try poller.wait(timeout: .zero) == 0)
            _ = try pull.bind(freshly: .ipc)
            #expect(try poller.wait(timeout: patience) == 1)
            #expect(poller[place] == .readable)
            pull.close()
            #expect(try monitor.first("monitorStopped") != nil)
        }
    }
}

@Suite struct SubscriptionTests {
    @Test func anXPUBSeesWhatIsSubscribedAndUnsubscribed() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            let endpoint = try xpub.bind(freshly: .tcp)
            let sub = try ZeroMQSocket(context, .sub)
            try sub.set(.subscribe("waveform.bed-1"))
            try sub.connect(endpoint)
            #expect(try xpub.nextChange() == .init(true, "waveform.bed-1"))
            try xpub.send(parts: [Array("alert.bed-1".utf8), [1]])
            try xpub.send(parts: [Array("waveform.bed-1".utf8), [2]])
            #expect(try sub.receive(timeout: patience) == [Array("waveform.bed-1".utf8), [2]])
            try sub.set(.unsubscribe("waveform.bed-1"))
            #expect(try xpub.nextChange() == .init(false, "waveform.bed-1"))
        }
    }

    @Test func aSecondSubscriberIsSeenOnlyWhenAskedFor() async throws {
        for verbose in [false, true] {
            try await onThread {
                let context = try ZeroMQContext()
                let xpub = try ZeroMQSocket(context, .xpub)
                try xpub.set(.xpubVerbose(verbose))
                let endpoint = try xpub.bind(freshly: .tcp)
                let first = try ZeroMQSocket(context, .sub)
                try first.set(.subscribe("alert."))
                try first.connect(endpoint)
                #expect(try xpub.nextChange() == .init(true, "alert."))
                let second = try ZeroMQSocket(context, .sub)
                try second.set(.subscribe("alert."))
                try second.set(.subscribe("beat."))
                try second.connect(endpoint)
                // Subscriptions come in the order in which the subscriber's set gives them.
                let next = try xpub.nextChange()
                if verbose {
                    #expect(try Set([next, xpub.nextChange()]) == [.init(true, "alert."), .init(true, "beat.")])
                } else {
                    #expect(next == .init(true, "beat."))
                }
            }
        }
    }

    @Test func deadSubscribersSubscriptionsAreRemoved() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            let endpoint = try xpub.bind(freshly: .ipc)
            do {
                let sub = try ZeroMQSocket(context, .sub)
                try sub.set(.subscribe(""))
                try sub.connect(endpoint)
                #expect(try xpub.nextChange() == .init(true, ""))
            }
            #expect(try xpub.nextChange() == .init(false, ""))
        }
    }

    @Test func subscriberThatNeverReadsLosesOnlyItsOwnMessages() async throws {
        try await onThread {
            let context = try ZeroMQContext()
            let xpub = try ZeroMQSocket(context, .xpub)
            try xpub.set(.sendHighWaterMark(1000))
            try xpub.set(.sendBufferSize(4096))
            try xpub.set(.xpubVerbose(true))
            let endpoint = try xpub.bind(freshly: .tcp)
            let lazy = try ZeroMQSocket(context, .sub)
            try lazy.set(.receiveHighWaterMark(10))
            try lazy.set(.receiveBufferSize(4096))
            let keen = try ZeroMQSocket(context, .sub)
            try lazy.set(.subscribe(""))
            try keen.set(.subscribe(""))
            try lazy.connect(endpoint)
            #expect(try xpub.nextChange() == .init(true, ""))
            try keen.connect(endpoint)
            #expect(try xpub.nextChange() == .init(true, ""))

            let body = [UInt8](repeating: 1, count: 10_000)
            for number in 0..<3000 {
                #expect(try xpub.send(parts: [Array("\(number)".utf8), body], timeout: .zero))
                #expect(try keen.receive(timeout: patience)?.first == Array("\(number)".utf8))
            }
            var lazyCount = 0
            while try lazy.receive(timeout: .milliseconds(100)) != nil { lazyCount += 1 }
            #expect(lazyCount < 3000)
        }
    }
}

private struct Change: Hashable {
    let isSubscribed: Bool
    let prefix: String
    init(_ isSubscribed: Bool, _ prefix: String) {
        self.isSubscribed = isSubscribed
        self.prefix = prefix
    }
}

extension ZeroMQSocket {
    fileprivate func nextChange() throws -> Change? {
        guard let frame = try receive(timeout: patience)?.first,
            let change = frame.withUnsafeBytes({ ZeroMQSubscriptionChange(frame: $0) })
        else { return nil }
        return Change(change.isSubscribed, String(decoding: change.prefix, as: UTF8.self))
    }
}
