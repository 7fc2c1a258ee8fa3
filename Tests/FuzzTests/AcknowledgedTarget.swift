import SwiftProtobuf

@testable import ECGWire
@testable import MonitorDaemon

/// Pieces of the input are what happens, by the first byte of each: a message as the daemon gets it, a reply as a
/// source gets it (as bytes, or as numbers, which the fuzzer would not put together), the source's own blocks, and
/// broken connections. The source keeps its books right whatever the daemon says.
enum AcknowledgedTarget {
    static func take(_ bytes: [UInt8]) {
        var source = Source()
        for piece in bytes.pieces {
            guard let kind = piece.first else { continue }
            let rest = Array(piece.dropFirst())
            switch kind % 5 {
            case 0: daemon(rest)
            case 1: if let reply = try? WireIngestReply(serializedBytes: rest) { source.take(reply) }
            case 2: source.take(reply(Numbers(rest)))
            case 3: source.append(Numbers(rest))
            default: source.send(rest.first ?? 0)
            }
        }
    }

    /// As `AcknowledgedIngestService` receives a frame.
    private static func daemon(_ bytes: [UInt8]) {
        guard let block = bytes.withUnsafeBytes({ try? WireSampleBlock(frame: $0) }) else { return }
        if block.sampleCount == 0 {
            _ = try? block.validateHello()
        } else if (try? block.validate()) != nil {
            precondition(block.samplesInMillivolts.count == block.sampleCount)
        }
        var credit = SourceCredit()
        for number in [
            Int(clamping: block.firstSampleIndex), block.sampleCount, Int(truncatingIfNeeded: block.session),
        ] {
            if credit.allows(number, window: 30_000) { credit.dispatch(number) }
            credit.update(processed: UInt64(bitPattern: block.acquisitionTimeNs))
            credit.takeBack(number)
        }
    }

    /// Numbers out of bytes: one that says of what size it is, then the number, little-endian; 0 at the end.
    private struct Numbers {
        private var bytes: ArraySlice<UInt8>
        init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

        mutating func next() -> Int64 {
            guard let size = bytes.popFirst() else { return 0 }
            var value: UInt64 = 0
            for place in 0..<(Int(size % 9)) { value |= UInt64(bytes.popFirst() ?? 0) << (8 * UInt64(place)) }
            return size & 0x80 == 0 ? Int64(bitPattern: value) : -1 &- Int64(bitPattern: value)
        }
    }

    private static let causes =
        ["", "", "", ""] + UnacknowledgedBlocks.retryable.sorted() + [
            "stale_session", "unusable_gain", "a cause of later versions",
        ]

    private static func reply(_ given: Numbers) -> WireIngestReply {
        var numbers = given
        var reply = WireIngestReply()
        let flags = Int(truncatingIfNeeded: numbers.next()) & 0xff
        reply.answersHello = flags & 1 != 0
        reply.cause = causes[(flags >> 1) % causes.count]
        reply.session = UInt64(bitPattern: numbers.next())
        reply.expectedSampleIndex = numbers.next()
        reply.neededFromSampleIndex = numbers.next()
        reply.sendUpToSampleIndex = numbers.next()
        reply.refusedSampleIndex = numbers.next()
        return reply
    }

    private struct Source {
        var blocks = UnacknowledgedBlocks(stream: "bed-1")
        var session: UInt64 = 1
        var next: Int64 = 0

        mutating func append(_ given: Numbers) {
            var numbers = given
            let count = 1 + Int(truncatingIfNeeded: numbers.next() & 0xffff)
            let skipped = numbers.next() & 0xffff_ffff
            if numbers.next() & 1 != 0 {
                session &+= 1
                next = 0
            }
            // A block beyond this is refused before it is kept.
            guard next + skipped + Int64(count) <= SampleBlockLimits.sampleIndexEnd else { return }
            blocks.append(
                session: session, first: next + skipped, count: count, body: [UInt8(truncatingIfNeeded: count)])
            next += skipped + Int64(count)
            check()
        }

        mutating func take(_ reply: WireIngestReply) {
            let before = blocks.samples
            switch blocks.take(reply) {
            case .nothing, .refused, .stale: break
            }
            precondition(blocks.samples <= before, "a reply adds no samples")
            check()
        }

        mutating func send(_ byte: UInt8) {
            if byte & 0x80 != 0 { blocks.lose() }
            if blocks.phase == .needsHello, !blocks.isEmpty { blocks.didSayHello() }
            for _ in 0..<Int(byte & 0x3f) {
                guard let block = blocks.sendable else { break }
                precondition(block.count > 0 && !block.body.isEmpty, "what is sent is whole")
                blocks.didSend()
            }
            check()
        }

        private func check() {
            precondition(blocks.samples >= 0 && blocks.onTheWay >= 0 && blocks.onTheWay <= blocks.samples)
            precondition(blocks.isEmpty == (blocks.samples == 0))
        }
    }
}
