import Testing

@testable import MonitorCluster

/// What members of a cluster write to each other, and what they make of others' bytes.
@Suite struct ClusterMessageTests {
    private static func samples(first: Int64 = 10, rate: Double = 360, counts: [Int] = [3, 3]) -> DisplaySamples {
        DisplaySamples(
            session: 2, firstSampleIndex: first, samplingRate: rate, acquisitionTimeNanoseconds: 77,
            leads: counts.enumerated().map { number, count in
                .init(name: "L\(number)", isOff: number == 1, millivolts: Array(repeating: .nan, count: count))
            })
    }

    @Test func displayMessagesComeBackAsTheyWere() throws {
        let limits = DisplayLimits(limits: [.init(key: "a", value: 1.5, configured: 2)], set: [1, 2])
        let message = DisplayMessage(
            sender: 3, number: 4,
            entries: [
                .init(stream: "bed-1", kind: .samples(Self.samples())), .init(stream: "bed-2", kind: .limits(limits)),
                .init(stream: "bed-3", kind: .present), .init(stream: "bed-4", kind: .gone),
            ])
        let bytes = message.bytes
        #expect(try DisplayMessage(bytes: bytes) == message)
        for length in bytes.indices.dropFirst(17) where length % 7 == 0 {
            // Shorter ones are refused, or end behind an entry.
            if let short = try? DisplayMessage(bytes: Array(bytes[..<length])) {
                #expect(short.entries == Array(message.entries.prefix(short.entries.count)))
            }
        }
    }

    @Test func samplesThatCannotBeAreRefused() {
        for bad in [
            Self.samples(first: -1), Self.samples(first: .max), Self.samples(rate: .nan), Self.samples(rate: 0),
            Self.samples(counts: []), Self.samples(counts: [3, 4]),
            Self.samples(counts: Array(repeating: 1, count: 17)),
        ] {
            let message = DisplayMessage(
                sender: 1, number: 1, entries: [.init(stream: "a", kind: .samples(bad))])
            #expect(throws: ClusterMessageError.outOfRange) { try DisplayMessage(bytes: message.bytes) }
        }
    }

    /// A member of the version before reads every state of a stream whose limits nobody has set.
    @Test func onlyAStateWithLimitsNeedsTheLaterVersion() throws {
        var state = StateMessage(
            stream: "bed-1", session: 1, nextSampleIndex: 2, sequences: [1, 2, 3, 4], lastSamplesAt: 5, state: [1],
            events: [ClusterEvent(topic: "beat.bed-1", body: [9])])
        #expect(state.bytes[0] == 1)
        #expect(try StateMessage(bytes: state.bytes) == state)
        state.limits = [4, 5]
        #expect(state.bytes[0] == 2)
        #expect(try StateMessage(bytes: state.bytes) == state)
        var later = state.bytes
        later[0] = 3
        #expect(throws: ClusterMessageError.otherVersion(3)) { try StateMessage(bytes: later) }
        #expect(throws: ClusterMessageError.tooLong) { try StateMessage(bytes: state.bytes + [1]) }
    }
}
