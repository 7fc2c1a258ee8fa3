/// Decodes what types have encoded of themselves; see `StateCoding`.
final class StateDecoder: Decoder {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    var fingerprint = Fingerprint()

    /// - Parameter bytes: must outlive the decoder.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var isAtEnd: Bool { position == bytes.count }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedStateDecoding(decoder: self))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try UnkeyedStateDecoding(self) }
    func singleValueContainer() -> any SingleValueDecodingContainer { SingleStateDecoding(decoder: self) }

    // MARK: Reading

    /// The next bytes.
    private func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - position else { throw StateCodingError.otherLayout }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    @inline(__always)
    func scalar<Scalar: StateScalar>(_ type: Scalar.Type) throws -> Scalar {
        let scalar = try take(MemoryLayout<Scalar>.size).loadUnaligned(as: type)
        guard scalar.isModest else { throw StateCodingError.outOfRange("\(type)") }
        return scalar
    }

    func bool() throws -> Bool {
        switch try scalar(UInt8.self) {
        case 0: false
        case 1: true
        default: throw StateCodingError.otherLayout
        }
    }

    func string() throws -> String {
        let utf8 = try take(Int(try scalar(UInt32.self)))
        guard let string = String(validating: utf8, as: UTF8.self) else { throw StateCodingError.otherLayout }
        return string
    }

    /// Number of elements that follow. Each takes at least a byte, so no count can reserve more elements than there are
    /// bytes.
    func elementCount() throws -> Int {
        let count = Int(try scalar(UInt32.self))
        guard count <= bytes.count - position else { throw StateCodingError.otherLayout }
        return count
    }

    /// Copies scalars to their destination.
    ///
    /// - Parameter destination: consists of whole scalars, as many as were written.
    func fill<Scalar: StateScalar>(_ destination: UnsafeMutableRawBufferPointer, _ type: Scalar.Type) throws {
        fingerprint.mix(UInt64(StateKind.block) << 8 | UInt64(type.kind))
        destination.copyMemory(from: try take(destination.count))
        guard destination.withMemoryRebound(to: type, type.areModest) else {
            throw StateCodingError.outOfRange("block of \(type)")
        }
    }

    /// A block that starts with its number of floats.
    private func floats() throws -> ContiguousArray<Float> {
        fingerprint.mix(UInt64(StateKind.block) << 8 | UInt64(Float.kind))
        let source = try take(Int(try scalar(UInt32.self)) * MemoryLayout<Float>.stride)
        var array = ContiguousArray<Float>(repeating: 0, count: source.count / MemoryLayout<Float>.stride)
        let isModest = array.withUnsafeMutableBufferPointer { scalars in
            UnsafeMutableRawBufferPointer(scalars).copyMemory(from: source)
            return Float.areModest(scalars)
        }
        guard isModest else { throw StateCodingError.outOfRange("[Float]") }
        return array
    }

    private func vector<Vector: SIMD, Scalar: StateScalar>(_ type: Vector.Type, _ scalar: Scalar.Type) throws -> Vector
    {
        var vector = Vector()
        try withUnsafeMutableBytes(of: &vector) { try fill($0, scalar) }
        return vector
    }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == [Float].self { return Array(try floats()) as! Value }
        if type == ContiguousArray<Float>.self { return try floats() as! Value }
        if type == SIMD4<Float>.self { return try vector(SIMD4<Float>.self, Float.self) as! Value }
        if type == SIMD2<Float>.self { return try vector(SIMD2<Float>.self, Float.self) as! Value }
        if type == SIMD2<Int32>.self { return try vector(SIMD2<Int32>.self, Int32.self) as! Value }
        let value = try Value(from: self)
        // The type is queried, so that a large value need not be boxed for it.
        if Value.self is any RangeChecked.Type, let checked = value as? any RangeChecked, !checked.isInRange {
            throw StateCodingError.outOfRange("\(type)")
        }
        return value
    }
}

/// Keyed fields; the names go only into the fingerprint.
struct KeyedStateDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: StateDecoder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    private func name(_ key: Key, _ kind: UInt8) { decoder.fingerprint.mix(key, kind) }

    private func scalar<Scalar: StateScalar>(_ type: Scalar.Type, _ key: Key) throws -> Scalar {
        name(key, type.kind)
        return try decoder.scalar(type)
    }

    private func scalar<Scalar: StateScalar>(ifPresent type: Scalar.Type, _ key: Key) throws -> Scalar? {
        name(key, type.kind | StateKind.optional)
        return try decoder.bool() ? decoder.scalar(type) : nil
    }

    // Never called by synthesized conformances.
    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        name(key, StateKind.value)
        return try decoder.value(type)
    }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        name(key, StateKind.value | StateKind.optional)
        return try decoder.bool() ? decoder.value(type) : nil
    }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        name(key, StateKind.bool)
        return try decoder.bool()
    }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
        name(key, StateKind.bool | StateKind.optional)
        return try decoder.bool() ? decoder.bool() : nil
    }
    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        name(key, StateKind.string)
        return try decoder.string()
    }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        name(key, StateKind.string | StateKind.optional)
        return try decoder.bool() ? decoder.string() : nil
    }

    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try scalar(type, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try scalar(type, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try scalar(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try scalar(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try scalar(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try scalar(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try scalar(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try scalar(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try scalar(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try scalar(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try scalar(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try scalar(type, key) }

    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try scalar(ifPresent: type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try scalar(ifPresent: type, key) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        name(key, StateKind.value)
        return decoder.container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        name(key, StateKind.array)
        return try decoder.unkeyedContainer()
    }
    func superDecoder() -> any Decoder { decoder }
    func superDecoder(forKey key: Key) -> any Decoder { decoder }
}

/// Elements of an array, preceded by their count.
struct UnkeyedStateDecoding: UnkeyedDecodingContainer {
    private let decoder: StateDecoder
    let count: Int?
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    var isAtEnd: Bool { currentIndex >= count ?? 0 }

    init(_ decoder: StateDecoder) throws {
        self.decoder = decoder
        decoder.fingerprint.mix(UInt64(StateKind.array))
        count = try decoder.elementCount()
    }

    private mutating func begin() throws {
        guard !isAtEnd else { throw StateCodingError.otherLayout }
        currentIndex += 1
    }

    mutating func decodeNil() -> Bool { false }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try begin()
        return try decoder.value(type)
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try begin()
        return decoder.container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try begin()
        return try decoder.unkeyedContainer()
    }
    mutating func superDecoder() -> any Decoder { decoder }
}

/// A single value, as enumerations encode themselves.
struct SingleStateDecoding: SingleValueDecodingContainer {
    let decoder: StateDecoder
    var codingPath: [any CodingKey] { [] }

    private func scalar<Scalar: StateScalar>(_ type: Scalar.Type) throws -> Scalar {
        decoder.fingerprint.mix(UInt64(type.kind))
        return try decoder.scalar(type)
    }

    func decodeNil() -> Bool { false }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.value(type) }
    func decode(_ type: Bool.Type) throws -> Bool {
        decoder.fingerprint.mix(UInt64(StateKind.bool))
        return try decoder.bool()
    }
    func decode(_ type: String.Type) throws -> String {
        decoder.fingerprint.mix(UInt64(StateKind.string))
        return try decoder.string()
    }
    func decode(_ type: Double.Type) throws -> Double { try scalar(type) }
    func decode(_ type: Float.Type) throws -> Float { try scalar(type) }
    func decode(_ type: Int.Type) throws -> Int { try scalar(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try scalar(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try scalar(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try scalar(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try scalar(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try scalar(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try scalar(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try scalar(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try scalar(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try scalar(type) }
}
