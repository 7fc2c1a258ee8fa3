import Foundation

/// Why a resampler cannot be made.
public enum ResamplerError: Error, Sendable, Equatable {
    /// The rate is not a number within `Resampler.supportedRates`.
    case rateOutOfRange(Double)
}

/// Streaming conversion of any sampling rate between 100 and 2,000 Hz to 360 Hz.
///
/// A windowed sinc (Kaiser, beta 6: about 63 dB below the passband) in polyphase form. Output `n` is the signal at
/// input time `n * inputRate / 360`, so the filter's delay is compensated; it comes out once the half of the kernel
/// that lies in its future has been pushed: 8 periods of the lower of the two rates (22 ms from 360 Hz up, 64 ms at 125
/// Hz). The cut-off is at half the lower rate: that suppresses images when upsampling and aliases when downsampling.
/// Before the first sample the signal is taken as constant, so that an offset makes no step. A NaN spoils the outputs
/// whose kernel it lies under and no others. At 360 Hz the samples pass through untouched and without delay.
///
/// Nothing is allocated after `init`. Rates in whole hertz have an exact table with at most 360 phases; others use 512
/// phases and linear interpolation between them.
public struct Resampler: Sendable {
    /// Input rates that can be converted, in hertz.
    public static let supportedRates: ClosedRange<Double> = 100...2_000
    /// Half-width of the kernel in periods of the lower rate.
    static let zeroCrossings = 8.0
    static let kaiserBeta = 6.0
    static let interpolatedPhases = 512

    /// The input rate in hertz.
    public let inputRate: Double
    /// Whether samples pass through untouched.
    public var isPassThrough: Bool { taps == 1 }

    /// Kernel length in input samples, a multiple of 4 (1: pass-through).
    private let taps: Int
    private let half: Int
    private let phases: Int
    /// Whole-hertz rates: output n lies at input time `n * numerator / phases`, exactly. Else 0.
    private let numerator: Int64
    /// `(phases + 1) x taps`, normalised so that each phase has gain 1 at 0 Hz.
    private let kernel: ContiguousArray<Float>
    /// The last inputs, each stored twice (`length` apart) so that any window is contiguous.
    private var ring: ContiguousArray<Float>
    private let length: Int
    private var cursor = 0
    private var pushed: Int64 = 0
    private var produced: Int64 = 0
    /// Input sample at or before the next output, and where between it and the following one that output lies.
    private var nextBase: Int64 = 0
    private var nextPhase: Int64 = 0
    private var limit: Int64 = .max

    /// - Parameter inputRate: samples a second of the input, within `supportedRates`.
    /// - Throws: `ResamplerError.rateOutOfRange`, also for a rate that is not a number.
    public init(inputRate: Double) throws(ResamplerError) {
        guard inputRate.isFinite, Self.supportedRates.contains(inputRate) else {
            throw .rateOutOfRange(inputRate)
        }
        self.inputRate = inputRate
        if inputRate == InternalSampling.rate {
            (taps, half, phases, numerator) = (1, 0, 1, 1)
            kernel = [1]
            length = 1
            ring = [0, 0]
            return
        }
        // Cut-off relative to the input rate: 0.5 when upsampling.
        let cutoff = 0.5 * min(1, InternalSampling.rate / inputRate)
        let halfWidth = Self.zeroCrossings / (2 * cutoff)
        let half = (Int(halfWidth.rounded(.up)) + 1) / 2 * 2
        let taps = 2 * half
        if inputRate == inputRate.rounded() {
            var (a, b) = (Int64(inputRate), Int64(InternalSampling.samplesPerSecond))
            while b != 0 { (a, b) = (b, a % b) }
            numerator = Int64(inputRate) / a
            phases = InternalSampling.samplesPerSecond / Int(a)
        } else {
            numerator = 0
            phases = Self.interpolatedPhases
        }
        kernel = Self.makeKernel(phases: phases, half: half, cutoff: cutoff, halfWidth: halfWidth)
        self.half = half
        self.taps = taps
        length = taps
        ring = ContiguousArray(repeating: 0, count: 2 * taps)
    }

    private static func makeKernel(
        phases: Int, half: Int, cutoff: Double, halfWidth: Double
    ) -> ContiguousArray<Float> {
        let taps = 2 * half
        var kernel = ContiguousArray<Float>(repeating: 0, count: (phases + 1) * taps)
        var row = [Double](repeating: 0, count: taps)
        for phase in 0...phases {
            let fraction = Double(phase) / Double(phases)
            var sum = 0.0
            for tap in 0..<taps {
                // Tap 0 is the oldest input: base - half + 1.
                let time = Double(tap - half + 1) - fraction
                let relative = time / halfWidth
                let angle = 2 * Double.pi * cutoff * time
                let sinc = abs(angle) < 1e-9 ? 1 : sin(angle) / angle
                row[tap] =
                    abs(relative) >= 1
                    ? 0 : sinc * besselI0(kaiserBeta * (1 - relative * relative).squareRoot())
                sum += row[tap]
            }
            for tap in 0..<taps { kernel[phase * taps + tap] = Float(row[tap] / sum) }
        }
        return kernel
    }

    /// Modified Bessel function of the first kind, order 0, by its power series.
    private static func besselI0(_ x: Double) -> Double {
        var term = 1.0
        var sum = 1.0
        var k = 1.0
        while term > 1e-12 * sum {
            term *= (x / (2 * k)) * (x / (2 * k))
            sum += term
            k += 1
        }
        return sum
    }

    /// Takes one input sample. Then call `next()` until it gives nil.
    public mutating func push(_ sample: Float) {
        precondition(nextBase + Int64(half) >= pushed && limit == .max, "fetch every output before the next input")
        if pushed == 0 {
            for index in ring.indices { ring[index] = sample }
        }
        store(sample)
    }

    private mutating func store(_ sample: Float) {
        ring[cursor] = sample
        ring[cursor + length] = sample
        cursor += 1
        if cursor == length { cursor = 0 }
        pushed += 1
    }

    /// The next output sample, or nil if it needs more input.
    public mutating func next() -> Float? {
        if limit != .max {
            let last = ring[cursor == 0 ? length - 1 : cursor - 1]
            while nextBase < limit, nextBase + Int64(half) >= pushed { store(last) }
        }
        // The newest input under the kernel is base + half.
        guard nextBase + Int64(half) < pushed, nextBase < limit else { return nil }
        let value = convolve()
        produced += 1
        if numerator != 0 {
            nextPhase += numerator
            nextBase += nextPhase / Int64(phases)
            nextPhase %= Int64(phases)
        } else {
            nextBase = Int64((Double(produced) * inputRate / InternalSampling.rate).rounded(.down))
        }
        return value
    }

    private func convolve() -> Float {
        if taps == 1 { return ring[0] }
        var row = Int(nextPhase)
        var weight: Float = 0
        if numerator == 0 {
            let time = Double(produced) * inputRate / InternalSampling.rate
            let position = (time - time.rounded(.down)) * Double(phases)
            row = min(Int(position), phases - 1)
            weight = Float(position - Double(row))
        }
        // Every output is fetched as soon as its newest input is there, so the ring holds just the samples under the
        // kernel and the oldest of them is the next to be overwritten.
        let slot = cursor
        return ring.withUnsafeBufferPointer { ring in
            kernel.withUnsafeBufferPointer { kernel in
                let samples = UnsafeRawPointer(ring.baseAddress! + slot)
                let lower = UnsafeRawPointer(kernel.baseAddress! + row * taps)
                var sum = SIMD4<Float>(repeating: 0)
                var upper = SIMD4<Float>(repeating: 0)
                for tap in stride(from: 0, to: taps, by: 4) {
                    let x = samples.loadUnaligned(fromByteOffset: 4 * tap, as: SIMD4<Float>.self)
                    sum += x * lower.loadUnaligned(fromByteOffset: 4 * tap, as: SIMD4<Float>.self)
                    if weight != 0 {
                        upper += x * lower.loadUnaligned(fromByteOffset: 4 * (tap + taps), as: SIMD4<Float>.self)
                    }
                }
                return weight == 0 ? sum.sum() : (1 - weight) * sum.sum() + weight * upper.sum()
            }
        }
    }

    /// End of a stretch: the last sample is held until the outputs up to the last input have come out. Fetch them
    /// with `next()`, then `reset()` before pushing again.
    public mutating func finish() {
        guard pushed > 0, taps > 1 else { return }
        limit = pushed
    }

    /// Time of output `index` in input samples: `index * inputRate / 360`.
    public func inputIndex(ofOutput index: Int64) -> Double {
        Double(index) * inputRate / InternalSampling.rate
    }

    /// Starts again as after `init`: nothing is carried over a gap.
    public mutating func reset() {
        cursor = 0
        pushed = 0
        produced = 0
        nextBase = 0
        nextPhase = 0
        limit = .max
    }
}
