/// Encodes what types contain; see `StateCoding`.
final class StateEncoder: Encoder {
    private(set) var bytes: [UInt8] = []
    var fingerprint = Fingerprint()

    init() { bytes.reserveCapacity(24 * 1024) }

    // The path is never used: errors name the type.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedStateEncoding(encoder: self))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer { UnkeyedStateEncoding(self) }
    func singleValueContainer() -> any SingleValueEncodingContainer { SingleStateEncoding(encoder: self) }

    // MARK: Writing

    @inline(__always)
    func put<Scalar: StateScalar>(_ scalar: Scalar) {
        withUnsafeBytes(of: scalar) { bytes.append(contentsOf: $0) }
    }

    func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    func put(_ string: String) {
        var string = string
        string.withUTF8 { utf8 in
            put(UInt32(clamping: utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    /// Scalars as they are in memory; their count is written if the type does not determine it.
    func putBlock(_ memory: UnsafeRawBufferPointer, kind: UInt8, count: Int?) {
        fingerprint.mix(UInt64(StateKind.block) << 8 | UInt64(kind))
        if let count { put(UInt32(clamping: count)) }
        bytes.append(contentsOf: memory)
    }

    func putValue<Value: Encodable>(_ value: Value) throws {
        // A cast is expensive; comparing types is not.
        if Value.self == [Float].self {
            let array = value as! [Float]
            array.withUnsafeBytes { putBlock($0, kind: Float.kind, count: array.count) }
        } else if Value.self == ContiguousArray<Float>.self {
            let array = value as! ContiguousArray<Float>
            array.withUnsafeBytes { putBlock($0, kind: Float.kind, count: array.count) }
        } else if Value.self == SIMD4<Float>.self || Value.self == SIMD2<Float>.self {
            withUnsafeBytes(of: value) { putBlock($0, kind: Float.kind, count: nil) }
        } else if Value.self == SIMD2<Int32>.self {
            withUnsafeBytes(of: value) { putBlock($0, kind: Int32.kind, count: nil) }
        } else {
            try value.encode(to: self)
        }
    }

    /// Fills in the element count of an array at the position reserved for it.
    func patch(count: Int, at position: Int) {
        withUnsafeBytes(of: UInt32(clamping: count)) { source in
            bytes.replaceSubrange(position..<position + 4, with: source)
        }
    }
}

/// Keyed fields; the names go only into the fingerprint.
struct KeyedStateEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: StateEncoder
    var codingPath: [any CodingKey] { [] }

    private func name(_ key: Key, _ kind: UInt8) { encoder.fingerprint.mix(key, kind) }

    private func put<Scalar: StateScalar>(_ value: Scalar, _ key: Key) {
        name(key, Scalar.kind)
        encoder.put(value)
    }

    private func put<Scalar: StateScalar>(ifPresent value: Scalar?, _ key: Key) {
        name(key, Scalar.kind | StateKind.optional)
        encoder.put(value != nil)
        if let value { encoder.put(value) }
    }

    func encodeNil(forKey key: Key) throws { throw StateCodingError.notSupported }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        name(key, StateKind.value)
        try encoder.putValue(value)
    }
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
        name(key, StateKind.value | StateKind.optional)
        encoder.put(value != nil)
        if let value { try encoder.putValue(value) }
    }

    func encode(_ value: Bool, forKey key: Key) {
        name(key, StateKind.bool)
        encoder.put(value)
    }
    func encodeIfPresent(_ value: Bool?, forKey key: Key) {
        name(key, StateKind.bool | StateKind.optional)
        encoder.put(value != nil)
        if let value { encoder.put(value) }
    }
    func encode(_ value: String, forKey key: Key) {
        name(key, StateKind.string)
        encoder.put(value)
    }
    func encodeIfPresent(_ value: String?, forKey key: Key) {
        name(key, StateKind.string | StateKind.optional)
        encoder.put(value != nil)
        if let value { encoder.put(value) }
    }

    func encode(_ value: Double, forKey key: Key) { put(value, key) }
    func encode(_ value: Float, forKey key: Key) { put(value, key) }
    func encode(_ value: Int, forKey key: Key) { put(value, key) }
    func encode(_ value: Int8, forKey key: Key) { put(value, key) }
    func encode(_ value: Int16, forKey key: Key) { put(value, key) }
    func encode(_ value: Int32, forKey key: Key) { put(value, key) }
    func encode(_ value: Int64, forKey key: Key) { put(value, key) }
    func encode(_ value: UInt, forKey key: Key) { put(value, key) }
    func encode(_ value: UInt8, forKey key: Key) { put(value, key) }
    func encode(_ value: UInt16, forKey key: Key) { put(value, key) }
    func encode(_ value: UInt32, forKey key: Key) { put(value, key) }
    func encode(_ value: UInt64, forKey key: Key) { put(value, key) }

    func encodeIfPresent(_ value: Double?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) { put(ifPresent: value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) { put(ifPresent: value, key) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        name(key, StateKind.value)
        return encoder.container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        name(key, StateKind.array)
        return encoder.unkeyedContainer()
    }
    func superEncoder() -> any Encoder { encoder }
    func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

/// Elements of an array, preceded by their count.
struct UnkeyedStateEncoding: UnkeyedEncodingContainer {
    private let encoder: StateEncoder
    private let position: Int
    private(set) var count = 0
    var codingPath: [any CodingKey] { [] }

    init(_ encoder: StateEncoder) {
        self.encoder = encoder
        position = encoder.bytes.count
        encoder.fingerprint.mix(UInt64(StateKind.array))
        encoder.put(UInt32(0))
    }

    private mutating func begin() {
        count += 1
        encoder.patch(count: count, at: position)
    }

    mutating func encodeNil() throws { throw StateCodingError.notSupported }
    mutating func encode<Value: Encodable>(_ value: Value) throws {
        begin()
        try encoder.putValue(value)
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        begin()
        return encoder.container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        begin()
        return encoder.unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { encoder }
}

/// A single value, as enumerations encode themselves.
struct SingleStateEncoding: SingleValueEncodingContainer {
    let encoder: StateEncoder
    var codingPath: [any CodingKey] { [] }

    private func put(scalar: some StateScalar) {
        encoder.fingerprint.mix(UInt64(type(of: scalar).kind))
        encoder.put(scalar)
    }

    func encodeNil() throws { throw StateCodingError.notSupported }
    func encode<Value: Encodable>(_ value: Value) throws { try encoder.putValue(value) }
    func encode(_ value: Bool) {
        encoder.fingerprint.mix(UInt64(StateKind.bool))
        encoder.put(value)
    }
    func encode(_ value: String) {
        encoder.fingerprint.mix(UInt64(StateKind.string))
        encoder.put(value)
    }
    func encode(_ value: Double) { put(scalar: value) }
    func encode(_ value: Float) { put(scalar: value) }
    func encode(_ value: Int) { put(scalar: value) }
    func encode(_ value: Int8) { put(scalar: value) }
    func encode(_ value: Int16) { put(scalar: value) }
    func encode(_ value: Int32) { put(scalar: value) }
    func encode(_ value: Int64) { put(scalar: value) }
    func encode(_ value: UInt) { put(scalar: value) }
    func encode(_ value: UInt8) { put(scalar: value) }
    func encode(_ value: UInt16) { put(scalar: value) }
    func encode(_ value: UInt32) { put(scalar: value) }
    func encode(_ value: UInt64) { put(scalar: value) }
}
