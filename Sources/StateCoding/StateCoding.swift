/// Codes a value's state as bytes and back through its `Codable` conformance, so that the compiler generates the list
/// of fields and none is forgotten. Only the values are stored, one after the other in coding order, without names.
/// Sequences of numbers (`[Float]`, `InlineArray` of numbers, SIMD vectors) are blocks copied as they are in memory.
///
/// The data must be read with the same sequence of fields with which it was written. This is checked by a fingerprint:
/// a hash over the name and type of each field encountered, computed by both writer and reader.
///
/// Decoding is safe for arbitrary bytes: every length is checked against the bytes remaining, and numbers must be
/// within ranges in which sums of a few cannot overflow (`StateScalar.isModest`). A type states any further safety
/// conditions through `RangeChecked`.
public enum StateCoding {
    /// - Returns: the bytes and the fingerprint of the fields.
    /// - Throws: for a value that this format cannot represent: `nil` within an array, or a superclass.
    public static func encode(_ value: some Encodable) throws -> (bytes: [UInt8], fingerprint: UInt64) {
        let encoder = StateEncoder()
        try value.encode(to: encoder)
        return (encoder.bytes, encoder.fingerprint.value)
    }

    /// - Parameters:
    ///   - bytes: exactly as returned by `encode`.
    ///   - fingerprint: as returned by `encode`.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: UnsafeRawBufferPointer, fingerprint: UInt64
    ) throws(StateCodingError) -> Value {
        do {
            let decoder = StateDecoder(bytes)
            let value = try decoder.value(type)
            guard decoder.isAtEnd, decoder.fingerprint.value == fingerprint else { throw StateCodingError.otherLayout }
            return value
        } catch let error as StateCodingError {
            throw error
        } catch {
            // An enumeration that lacks the case read.
            throw .otherLayout
        }
    }
}

/// Why bytes cannot be decoded as a state.
public enum StateCodingError: Error, Sendable, Equatable {
    /// They end too early, continue after the value, or were written with other fields.
    case otherLayout
    /// A number is outside the range allowed for this type (given by name).
    case outOfRange(String)
    /// The value contains something that the format cannot represent.
    case notSupported
}

/// A type whose decoded value is safe to use only if some of its numbers are within their ranges. The decoder checks
/// this and rejects the value otherwise.
public protocol RangeChecked {
    var isInRange: Bool { get }
}

/// FNV-1a over names and types of fields, a word at a time where possible.
struct Fingerprint {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func mix(_ number: UInt64) { value = (value ^ number) &* 0x0000_0100_0000_01b3 }

    mutating func mix(_ key: some CodingKey, _ kind: UInt8) {
        var name = key.stringValue
        var hash = value
        name.withUTF8 { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        value = hash
        mix(UInt64(kind) | 0x100)
    }
}

/// A number (or Boolean) that is stored as it is in memory.
protocol StateScalar: BitwiseCopyable {
    /// Distinguishes the types in the fingerprint.
    static var kind: UInt8 { get }
    /// Whether it is within the range in which sums cannot overflow.
    var isModest: Bool { get }
    /// The same check for a whole block: specialized per type, because otherwise the compiler would check each number
    /// separately.
    static func areModest(_ scalars: UnsafeMutableBufferPointer<Self>) -> Bool
}

extension StateScalar {
    var isModest: Bool { true }
    static func areModest(_ scalars: UnsafeMutableBufferPointer<Self>) -> Bool { true }

    @inline(__always)
    static func all(_ scalars: UnsafeMutableBufferPointer<Self>) -> Bool {
        var areModest = true
        for scalar in scalars where !scalar.isModest { areModest = false }
        return areModest
    }
}

extension Float: StateScalar {
    static var kind: UInt8 { 1 }
    /// False if it is not a number.
    var isModest: Bool { abs(self) <= 1e15 }
    static func areModest(_ scalars: UnsafeMutableBufferPointer<Float>) -> Bool { all(scalars) }
}
extension Double: StateScalar {
    static var kind: UInt8 { 2 }
    var isModest: Bool { abs(self) <= 1e18 }
    static func areModest(_ scalars: UnsafeMutableBufferPointer<Double>) -> Bool { all(scalars) }
}
extension Int: StateScalar {
    static var kind: UInt8 { 3 }
    var isModest: Bool { magnitude <= 1 << 60 }
}
extension Int64: StateScalar {
    static var kind: UInt8 { 4 }
    /// Sample indices end at 2^53; sums of squares go further.
    var isModest: Bool { magnitude <= 1 << 60 }
    static func areModest(_ scalars: UnsafeMutableBufferPointer<Int64>) -> Bool { all(scalars) }
}
extension Int32: StateScalar {
    static var kind: UInt8 { 5 }
    var isModest: Bool { magnitude <= 1 << 30 }
    static func areModest(_ scalars: UnsafeMutableBufferPointer<Int32>) -> Bool { all(scalars) }
}
extension UInt64: StateScalar { static var kind: UInt8 { 6 } }
extension UInt32: StateScalar { static var kind: UInt8 { 7 } }
extension UInt16: StateScalar { static var kind: UInt8 { 8 } }
extension UInt8: StateScalar { static var kind: UInt8 { 9 } }
extension Int16: StateScalar { static var kind: UInt8 { 10 } }
extension Int8: StateScalar { static var kind: UInt8 { 11 } }
extension UInt: StateScalar { static var kind: UInt8 { 12 } }

/// The fingerprint kind of anything that is not a scalar.
enum StateKind {
    static let bool: UInt8 = 13, string: UInt8 = 14, block: UInt8 = 15, value: UInt8 = 16, array: UInt8 = 17
    /// Added to the kind of a field that may be nil.
    static let optional: UInt8 = 0x80
}
