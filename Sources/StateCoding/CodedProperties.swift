/// A number that may have any `Int64` value: a time in nanoseconds, or an index for which `.max` and `.min` mean never.
/// All code that uses it handles overflow. Other integers must be within a range when they are decoded.
@propertyWrapper
public struct FullRange: Sendable, Equatable, Codable {
    public var wrappedValue: Int64

    public init(wrappedValue: Int64) { self.wrappedValue = wrappedValue }

    public init(from decoder: any Decoder) throws {
        wrappedValue = Int64(bitPattern: try decoder.singleValueContainer().decode(UInt64.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(UInt64(bitPattern: wrappedValue))
    }
}

/// A property that is not part of the state: it is not coded, and starts with its initial value.
@propertyWrapper
public struct Uncoded<Value: Renewable>: Codable {
    public var wrappedValue: Value

    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public init(from decoder: any Decoder) { wrappedValue = Value.initialValue }
    public func encode(to encoder: any Encoder) {}
}

extension Uncoded: Sendable where Value: Sendable {}

/// A type with an initial value.
public protocol Renewable {
    static var initialValue: Self { get }
}

extension Array: Renewable {
    public static var initialValue: [Element] { [] }
}
extension Optional: Renewable {
    public static var initialValue: Wrapped? { nil }
}
