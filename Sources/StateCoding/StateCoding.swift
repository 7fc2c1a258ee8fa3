/// The state of a value as bytes and back, by its `Codable` conformance, so that the compiler writes the list of fields and
/// none is forgotten: the values alone, one after the other in the order in which they are coded, without names. Runs of
/// numbers (`[Float]`, `InlineArray` of numbers, SIMD vectors) are blocks that are copied as they lie in memory.
///
/// What is read back must have been written by the same sequence of fields. A fingerprint tells: a hash over the name and
/// the type of each field that was met, which writer and reader both make.
///
/// Reading is for bytes that may be anything: every length is checked against what is left, and numbers are held to
/// ranges in which sums of a few cannot overflow (`StateScalar.isModest`). What else a type needs to be safe it says as
/// `RangeChecked`.
public enum StateCoding {
    /// - Returns: the bytes and the fingerprint of the fields.
    /// - Throws: for a value that codes what this format has no place for: `nil` within an array, or a superclass.
    public static func encode(_ value: some Encodable) throws -> (bytes: [UInt8], fingerprint: UInt64) {
        let encoder = StateEncoder()
        try value.encode(to: encoder)
        return (encoder.bytes, encoder.fingerprint.value)
    }

    /// - Parameters:
    ///   - bytes: as `encode` gave them, and nothing else.
    ///   - fingerprint: as `encode` gave it.
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
            // An enumeration without the case that was read.
            throw .otherLayout
        }
    }
}

/// Why bytes are not a state.
public enum StateCodingError: Error, Sendable, Equatable {
    /// They end before the value does, go on after it, or were written by other fields.
    case otherLayout
    /// A number lies where none of this type (its name) can.
    case outOfRange(String)
    /// The value codes what the format has no place for.
    case notSupported
}

/// A type whose decoded value is safe to work with only if some of its numbers lie in their ranges. The decoder asks, and
/// refuses.
public protocol RangeChecked {
    var isInRange: Bool { get }
}

/// FNV-1a over names and types of fields, word by word where it can.
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

/// A number (or truth value) that is written as it lies in memory.
protocol StateScalar: BitwiseCopyable {
    /// Tells the types apart in the fingerprint.
    static var kind: UInt8 { get }
    /// Whether it lies where sums cannot overflow.
    var isModest: Bool { get }
    /// The same of all of them: a witness for each type, or the compiler would ask each number on its own.
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
    /// False for what is not a number.
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

/// What is not a scalar, in the fingerprint.
enum StateKind {
    static let bool: UInt8 = 13, string: UInt8 = 14, block: UInt8 = 15, value: UInt8 = 16, array: UInt8 = 17
    /// Added to the kind of a field that may be nil.
    static let optional: UInt8 = 0x80
}
