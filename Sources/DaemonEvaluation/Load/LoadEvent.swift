/// The few fields of a published event that the load needs, read without decoding the rest: the generator must stay
/// cheap beside the daemon.
package struct LoadEvent: Equatable, Sendable {
    package var stream: Int
    package var kind: UInt8
    package var sequence: UInt64
    package var decidedAt: Int64

    /// - Parameters:
    ///   - topic: such as `beat.load-17`.
    ///   - body: in JSON or binary protobuf.
    /// - Returns: nil for what is not an event of one of the load's streams.
    package init?(topic: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        guard let dot = topic.firstIndex(of: UInt8(ascii: ".")), let kind = topic.first else { return nil }
        let name = UnsafeRawBufferPointer(rebasing: topic[(dot + 1)...])
        let prefix = LoadPlan.prefix.utf8
        guard name.starts(with: prefix),
            let stream = Self.number(UnsafeRawBufferPointer(rebasing: name.dropFirst(prefix.count)))
        else { return nil }
        self.kind = kind
        self.stream = Int(stream)
        guard let fields = body.first == UInt8(ascii: "{") ? Self.json(body) : Self.binary(body) else { return nil }
        (sequence, decidedAt) = fields
    }

    /// Decimal digits up to the first other character, or the end; nil if there are none, or too many.
    private static func number(_ text: UnsafeRawBufferPointer) -> Int64? {
        var value: Int64 = 0
        var count = 0
        for character in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { break }
            value = value * 10 + Int64(character - UInt8(ascii: "0"))
            count += 1
            guard count < 18 else { return nil }
        }
        return count > 0 ? value : nil
    }

    private static let sequenceKey = Array("\"sequence\":\"".utf8)
    private static let decidedKey = Array("\"decidedAtSampleIndex\":\"".utf8)

    private static func json(_ body: UnsafeRawBufferPointer) -> (UInt64, Int64)? {
        guard let sequence = value(after: sequenceKey, in: body), let decided = value(after: decidedKey, in: body)
        else { return nil }
        return (UInt64(sequence), decided)
    }

    private static func value(after key: [UInt8], in body: UnsafeRawBufferPointer) -> Int64? {
        guard body.count > key.count else { return nil }
        for start in 0..<(body.count - key.count) where body[start] == key[0] && body[start + 1] == key[1] {
            let part = UnsafeRawBufferPointer(rebasing: body[start..<start + key.count])
            if part.elementsEqual(key) {
                return number(UnsafeRawBufferPointer(rebasing: body[(start + key.count)...]))
            }
        }
        return nil
    }

    private static func binary(_ body: UnsafeRawBufferPointer) -> (UInt64, Int64)? {
        var place = 0
        func varint() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while place < body.count, shift < 64 {
                let byte = body[place]
                place += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        var sequence: UInt64?
        while place < body.count {
            guard let tag = varint(), let value = varint() else { return nil }
            switch tag {
            case 4 << 3: sequence = value
            case 7 << 3: return sequence.map { ($0, Int64(bitPattern: value)) }
            case let other where other & 7 == 2:
                guard value < body.count else { return nil }
                place += Int(value)
            case let other where other & 7 == 0: break
            default: return nil
            }
        }
        return nil
    }
}
