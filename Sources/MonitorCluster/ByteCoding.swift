/// Puts numbers, texts and bytes one after the other, little-endian, each text and each run of bytes after its length.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ run: [UInt8]) {
        put(UInt32(clamping: run.count))
        bytes.append(contentsOf: run)
    }

    mutating func put(_ values: [Float]) {
        put(UInt32(clamping: values.count))
        bytes.reserveCapacity(bytes.count + 4 * values.count)
        for value in values { put(value.bitPattern) }
    }

    mutating func put(_ text: String) { put(Array(text.utf8)) }
}

/// Reads what `ByteWriter` wrote. The bytes may be anything.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws(ClusterMessageError)
        -> Number
    {
        let size = MemoryLayout<Number>.size
        guard rest.count >= size else { throw .tooShort }
        var number: Number = 0
        for (place, byte) in rest.prefix(size).enumerated() {
            number |= Number(truncatingIfNeeded: byte) << (8 * place)
        }
        rest = rest.dropFirst(size)
        return number
    }

    mutating func run() throws(ClusterMessageError) -> [UInt8] {
        let count = Int(try number(UInt32.self))
        guard rest.count >= count else { throw .tooShort }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func floats() throws(ClusterMessageError) -> [Float] {
        let count = Int(try number(UInt32.self))
        guard rest.count >= 4 * count else { throw .tooShort }
        defer { rest = rest.dropFirst(4 * count) }
        return rest.withUnsafeBytes { bytes in
            (0..<count).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
    }

    mutating func text() throws(ClusterMessageError) -> String {
        guard let text = String(validating: try run(), as: UTF8.self) else { throw .notText }
        return text
    }
}

/// Why a message of the cluster cannot be read.
public enum ClusterMessageError: Error, Sendable, Equatable {
    case tooShort
    case tooLong
    case notText
    /// A number that cannot be.
    case outOfRange
    /// Written by another version of the program.
    case otherVersion(UInt8)
}
