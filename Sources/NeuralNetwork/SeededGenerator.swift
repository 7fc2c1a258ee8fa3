#if canImport(Glibc)
    import Glibc
#endif

/// A seeded random number generator whose complete state can be saved, so that resumed training continues exactly as
/// if uninterrupted: SplitMix64 (Steele, Lea & Flood 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable, Codable, Equatable {
    public private(set) var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in 0 ..< 1.
    public mutating func nextUniform() -> Float {
        Float(next() >> 40) * 0x1p-24
    }

    /// Standard normal (Box & Muller 1958).
    public mutating func nextNormal() -> Float {
        let radius = (-2 * log(1 - Double(nextUniform()))).squareRoot()
        return Float(radius * cos(2 * .pi * Double(nextUniform())))
    }

    /// An independent generator for one part of the work, so that parts can run in any order.
    public func split(_ stream: UInt64) -> SeededGenerator {
        var parent = SeededGenerator(seed: state ^ (stream &* 0xD134_2543_DE82_EF95))
        return SeededGenerator(seed: parent.next())
    }
}
