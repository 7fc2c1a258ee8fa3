import Foundation

/// Power spectrum of 3 s at 40 Hz: 120 samples, Hann-windowed and zero-padded to 512.
///
/// Computed as four 128-point transforms, decimated in frequency (Gentleman & Sande 1966): transform q yields bins q, q
/// + 4, q + 8 and so on, from samples each rotated by q/512 of a circle. Only eight of the padding zeros are
/// transformed, and the four transforms run side by side in one vector.
struct PowerSpectrum: Sendable {
    static let shared = PowerSpectrum()

    private static let count = 120
    private static let size = 128
    /// The window times the rotation of sample i in transform q: (120) of (4).
    private let cosines: ContiguousArray<SIMD4<Float>>
    private let sines: ContiguousArray<SIMD4<Float>>
    /// exp(-2 pi i j / 128), (64).
    private let turns: ContiguousArray<SIMD2<Float>>

    private init() {
        var cosines = ContiguousArray<SIMD4<Float>>()
        var sines = ContiguousArray<SIMD4<Float>>()
        for index in 0..<Self.count {
            // The window's end points lie half a sample outside.
            let hann = 0.5 - 0.5 * cos(2 * Double.pi * (Double(index) + 0.5) / Double(Self.count))
            let angles = (0..<4).map { -2 * Double.pi * Double(index * $0) / 512 }
            cosines.append(SIMD4(angles.map { Float(hann * cos($0)) }))
            sines.append(SIMD4(angles.map { Float(hann * sin($0)) }))
        }
        self.cosines = cosines
        self.sines = sines
        turns = ContiguousArray(
            (0..<Self.size / 2).map {
                let angle = -2 * Double.pi * Double($0) / Double(Self.size)
                return SIMD2(Float(cos(angle)), Float(sin(angle)))
            })
    }

    /// - Parameters:
    ///   - samples: (120) at 40 Hz; their mean is removed.
    ///   - power: power in bins of 40/512 Hz, 0 to 20 Hz.
    func transform(_ samples: UnsafePointer<Float>, into power: inout InlineArray<257, Float>) {
        withUnsafeTemporaryAllocation(of: SIMD4<Float>.self, capacity: 2 * Self.size) { memory in
            memory.initialize(repeating: .zero)
            guard let real = memory.baseAddress else { return }
            let imaginary = real + Self.size
            let mean = WindowArithmetic.sum(samples, Self.count) / Float(Self.count)
            for index in 0..<Self.count {
                real[index] = cosines[index] * (samples[index] - mean)
                imaginary[index] = sines[index] * (samples[index] - mean)
            }
            turns.withUnsafeBufferPointer { Self.transform(real, imaginary, $0) }
            // The results are in bit-reversed order.
            for bin in 0...256 {
                let place = Int(UInt8(truncatingIfNeeded: bin / 4).bitReversed >> 1)
                let (x, y) = (real[place][bin % 4], imaginary[place][bin % 4])
                power[bin] = x * x + y * y
            }
        }
    }

    private static func transform(
        _ real: UnsafeMutablePointer<SIMD4<Float>>, _ imaginary: UnsafeMutablePointer<SIMD4<Float>>,
        _ turns: UnsafeBufferPointer<SIMD2<Float>>
    ) {
        var half = size / 2
        while half > 0 {
            let step = size / 2 / half
            var start = 0
            while start < size {
                for offset in 0..<half {
                    let (a, b) = (start &+ offset, start &+ offset &+ half)
                    let turn = turns[offset &* step]
                    let (x, y) = (real[a] - real[b], imaginary[a] - imaginary[b])
                    real[a] += real[b]
                    imaginary[a] += imaginary[b]
                    real[b] = x * turn.x - y * turn.y
                    imaginary[b] = x * turn.y + y * turn.x
                }
                start &+= 2 &* half
            }
            half /= 2
        }
    }
}

extension UInt8 {
    fileprivate var bitReversed: UInt8 {
        var value = self
        value = value >> 4 | value << 4
        value = (value & 0xcc) >> 2 | (value & 0x33) << 2
        return (value & 0xaa) >> 1 | (value & 0x55) << 1
    }
}
