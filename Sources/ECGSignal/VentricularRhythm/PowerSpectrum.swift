internal import CKernels
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
    private let cosines: [Float]
    private let sines: [Float]
    /// exp(-2 pi i j / 128): (64) of (2).
    private let turns: [Float]

    private init() {
        var cosines: [Float] = []
        var sines: [Float] = []
        for index in 0..<Self.count {
            // The window's end points lie half a sample outside.
            let hann = 0.5 - 0.5 * cos(2 * Double.pi * (Double(index) + 0.5) / Double(Self.count))
            let angles = (0..<4).map { -2 * Double.pi * Double(index * $0) / 512 }
            cosines += angles.map { Float(hann * cos($0)) }
            sines += angles.map { Float(hann * sin($0)) }
        }
        self.cosines = cosines
        self.sines = sines
        turns = (0..<Self.size / 2).flatMap {
            let angle = -2 * Double.pi * Double($0) / Double(Self.size)
            return [Float(cos(angle)), Float(sin(angle))]
        }
    }

    /// - Parameters:
    ///   - samples: (120) at 40 Hz; their mean is removed.
    ///   - power: power in bins of 40/512 Hz, 0 to 20 Hz.
    func transform(_ samples: UnsafePointer<Float>, into power: inout InlineArray<257, Float>) {
        let mean = WindowArithmetic.sum(samples, Self.count) / Float(Self.count)
        var span = power.mutableSpan
        span.withUnsafeMutableBufferPointer { power in
            ck_power_spectrum(samples, mean, cosines, sines, turns, power.baseAddress)
        }
    }
}
