/// The cyclic redundancy check of ISO 3309 and ITU-T V.42 (polynomial 0x04C11DB7, reflected), as used by zlib and PNG:
/// detects every error burst of up to 32 bits, and other damage with a probability of 1 - 2^-32.
public enum CRC32 {
    /// Eight tables, so that eight bytes are processed per step: `table[256 * k + byte]` is the remainder of `byte`
    /// followed by k zero bytes.
    private static let table: ContiguousArray<UInt32> = {
        var table = ContiguousArray<UInt32>(repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 != 0 ? 0xedb8_8320 : 0) }
            table[byte] = remainder
        }
        for slot in 256..<table.count {
            let before = table[slot - 256]
            table[slot] = before >> 8 ^ table[Int(before & 0xff)]
        }
        return table
    }()

    /// The checksum of some bytes.
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var remainder: UInt32 = 0xffff_ffff
            var position = 0
            while position + 8 <= bytes.count {
                let word =
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                    ^ UInt64(remainder)
                remainder = 0
                for k in 0..<8 { remainder ^= table[256 * (7 - k) + Int(word >> UInt64(8 * k) & 0xff)] }
                position += 8
            }
            while position < bytes.count {
                remainder = remainder >> 8 ^ table[Int((remainder ^ UInt32(bytes[position])) & 0xff)]
                position += 1
            }
            return ~remainder
        }
    }
}
