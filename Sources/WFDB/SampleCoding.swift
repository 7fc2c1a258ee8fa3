/// Decodes and encodes the bit layouts of signal(5). Callers have checked all lengths.
enum SampleCoding {
    /// Decodes `count` samples (for format 8, differences) from `source`, which starts at a block boundary.
    /// - Precondition: `source` holds at least as many bytes as `count` samples need
    ///   (`format.sampleCount(inBytes: source.count) >= count`), `target` at least `count` values.
    static func decode(
        _ format: SignalFormat, _ source: UnsafeRawBufferPointer, count: Int, into target: UnsafeMutablePointer<Int32>
    ) {
        precondition(format.sampleCount(inBytes: source.count) >= count)
        guard count > 0, let bytes = source.bindMemory(to: UInt8.self).baseAddress else { return }
        switch format {
        case .format0: break
        case .format8:
            for i in 0..<count { target[i] = Int32(Int8(bitPattern: bytes[i])) }
        case .format80:
            for i in 0..<count { target[i] = Int32(bytes[i]) &- 128 }
        case .format160:
            for i in 0..<count { target[i] = Int32(pair(bytes + 2 &* i)) &- 32_768 }
        case .format16:
            for i in 0..<count { target[i] = Int32(Int16(bitPattern: pair(bytes + 2 &* i))) }
        case .format61:
            for i in 0..<count { target[i] = Int32(Int16(bitPattern: pair(bytes + 2 &* i).byteSwapped)) }
        case .format24:
            for i in 0..<count {
                let b = bytes + 3 &* i
                let bits = UInt32(b[0]) << 8 | UInt32(b[1]) << 16 | UInt32(b[2]) << 24
                target[i] = Int32(bitPattern: bits) >> 8
            }
        case .format32:
            for i in 0..<count {
                let b = bytes + 4 &* i
                target[i] = Int32(bitPattern: UInt32(pair(b)) | UInt32(pair(b + 2)) << 16)
            }
        case .format212:
            let blocks = count / 2
            for i in 0..<blocks {
                let b = bytes + 3 &* i
                target[2 &* i] = signExtended(UInt32(b[0]) | UInt32(b[1] & 0x0F) << 8, bits: 12)
                target[2 &* i &+ 1] = signExtended(UInt32(b[2]) | UInt32(b[1] >> 4) << 8, bits: 12)
            }
            if count & 1 == 1 {
                let b = bytes + 3 &* blocks
                target[count - 1] = signExtended(UInt32(b[0]) | UInt32(b[1] & 0x0F) << 8, bits: 12)
            }
        case .format310:
            let blocks = count / 3
            for i in 0..<blocks {
                let low = UInt32(pair(bytes + 4 &* i))
                let high = UInt32(pair(bytes + 4 &* i + 2))
                target[3 &* i] = signExtended(low >> 1, bits: 10)
                target[3 &* i &+ 1] = signExtended(high >> 1, bits: 10)
                target[3 &* i &+ 2] = signExtended(low >> 11 | (high >> 11) << 5, bits: 10)
            }
            for rest in 0..<(count % 3) {
                target[3 * blocks + rest] = signExtended(UInt32(pair(bytes + 4 * blocks + 2 * rest)) >> 1, bits: 10)
            }
        case .format311:
            let blocks = count / 3
            for i in 0..<blocks {
                let word = UInt32(pair(bytes + 4 &* i)) | UInt32(pair(bytes + 4 &* i + 2)) << 16
                target[3 &* i] = signExtended(word, bits: 10)
                target[3 &* i &+ 1] = signExtended(word >> 10, bits: 10)
                target[3 &* i &+ 2] = signExtended(word >> 20, bits: 10)
            }
            let rest = count % 3
            if rest > 0 {
                let b = bytes + 4 * blocks
                // The file may end after the third byte of the last, incomplete block.
                let word = UInt32(pair(b)) | (rest == 2 ? UInt32(b[2]) << 16 : 0)
                target[3 * blocks] = signExtended(word, bits: 10)
                if rest == 2 { target[3 * blocks + 1] = signExtended(word >> 10, bits: 10) }
            }
        }
    }

    /// Appends the packed samples to `bytes`; for format 8, the differences. Every sample is in `format.range` (the
    /// caller has checked).
    static func encode(_ format: SignalFormat, _ samples: [Int32], appendingTo bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + (format.byteCount(forSamples: samples.count) ?? 0))
        func put(_ pair: UInt32) {
            bytes.append(UInt8(truncatingIfNeeded: pair))
            bytes.append(UInt8(truncatingIfNeeded: pair >> 8))
        }
        switch format {
        case .format0: break
        case .format8:
            for sample in samples { bytes.append(UInt8(truncatingIfNeeded: sample)) }
        case .format80:
            for sample in samples { bytes.append(UInt8(truncatingIfNeeded: sample &+ 128)) }
        case .format160:
            for sample in samples { put(UInt32(bitPattern: sample &+ 32_768)) }
        case .format16:
            for sample in samples { put(UInt32(bitPattern: sample)) }
        case .format61:
            for sample in samples {
                bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
                bytes.append(UInt8(truncatingIfNeeded: sample))
            }
        case .format24:
            for sample in samples {
                put(UInt32(bitPattern: sample))
                bytes.append(UInt8(truncatingIfNeeded: sample >> 16))
            }
        case .format32:
            for sample in samples {
                put(UInt32(bitPattern: sample))
                put(UInt32(bitPattern: sample) >> 16)
            }
        case .format212:
            var i = 0
            while i < samples.count {
                let first = UInt32(bitPattern: samples[i]) & 0xFFF
                let second = i + 1 < samples.count ? UInt32(bitPattern: samples[i + 1]) & 0xFFF : 0
                put(first | (second >> 8) << 12)
                if i + 1 < samples.count { bytes.append(UInt8(truncatingIfNeeded: second)) }
                i += 2
            }
        case .format310, .format311:
            var i = 0
            while i < samples.count {
                let part = (0..<3).map { i + $0 < samples.count ? UInt32(bitPattern: samples[i + $0]) & 0x3FF : 0 }
                let word =
                    format == .format310
                    ? part[0] << 1 | (part[2] & 0x1F) << 11 | part[1] << 17 | (part[2] >> 5) << 27
                    : part[0] | part[1] << 10 | part[2] << 20
                put(word)
                if i + 1 < samples.count { put(word >> 16) }
                i += 3
            }
        }
    }

    @inline(__always)
    private static func pair(_ bytes: UnsafePointer<UInt8>) -> UInt16 {
        UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    }

    @inline(__always)
    private static func signExtended(_ value: UInt32, bits: UInt32) -> Int32 {
        Int32(bitPattern: value << (32 &- bits)) >> Int32(32 &- bits)
    }
}
