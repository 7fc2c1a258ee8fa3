internal import ECGLimits
import Foundation
internal import StateCoding

/// Why a resampler cannot be created.
public enum ResamplerError: Error, Sendable, Equatable {
    /// The rate is not a number within `Resampler.supportedRates`.
    case rateOutOfRange(Double)
}

/// Streaming conversion of any sampling rate between 100 and 2,000 Hz to 360 Hz.
///
/// A windowed sinc (Kaiser, beta 6: about 63 dB below the passband) in polyphase form. Output `n` is the signal at
/// input time `n * inputRate / 360`, so the filter's delay is compensated. It becomes available once the future half of
/// the kernel has been pushed: 8 periods of the lower of the two rates (22 ms from 360 Hz up, 64 ms at 125 Hz). The
/// cut-off is at half the lower rate, which suppresses images when upsampling and aliases when downsampling. Before the
/// first sample the signal is assumed constant, so that an offset causes no step. A NaN affects only the outputs whose
/// kernel covers it. At 360 Hz the samples pass through unchanged and without delay.
///
/// No allocation after `init`. Rates in whole hertz have an exact table with at most 360 phases; others use 512 phases
/// with linear interpolation between them.
public struct Resampler: Sendable {
    /// Supported input rates, in hertz.
    public static var supportedRates: ClosedRange<Double> { SignalLimits.samplingRates }
    /// Half-width of the kernel in periods of the lower rate.
    static let zeroCrossings = 8.0
    static let kaiserBeta = 6.0
    static let interpolatedPhases = 512

    /// The input rate in hertz.
    public let inputRate: Double
    /// Whether samples pass through unchanged.
    public var isPassThrough: Bool { taps == 1 }

    /// Kernel length in input samples, a multiple of 4 (1: pass-through).
    private let taps: Int
    private let half: Int
    private let phases: Int
    /// For whole-hertz rates, output n lies exactly at input time `n * numerator / phases`. Otherwise 0.
    private let numerator: Int64
    /// `(phases + 1) x taps`, normalised so that each phase has gain 1 at 0 Hz.
    private let kernel: ContiguousArray<Float>
    private let length: Int
    private var state: State

    /// All state that changes as samples pass; the table, which depends only on the rate, is not included.
    public struct State: Sendable, Codable {
        /// The last inputs, each stored twice (`length` apart) so that any window is contiguous.
        fileprivate var ring: ContiguousArray<Float>
        fileprivate var cursor = 0
        fileprivate var pushed: Int64 = 0
        fileprivate var produced: Int64 = 0
        /// Input sample at or before the next output, and the position of that output between this sample and the next.
        fileprivate var nextBase: Int64 = 0
        fileprivate var nextPhase: Int64 = 0
        /// Upper bound: no output lies at or beyond it.
        @FullRange fileprivate var limit: Int64 = .max
    }

    /// - Parameter inputRate: samples per second of the input, within `supportedRates`.
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
            state = State(ring: [0, 0])
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
        state = State(ring: ContiguousArray(repeating: 0, count: 2 * taps))
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

    /// Pushes one input sample. Then call `next()` until it returns nil.
    public mutating func push(_ sample: Float) {
        precondition(isDrained, "fetch every output before the next input")
        if state.pushed == 0 {
            for index in state.ring.indices { state.ring[index] = sample }
        }
        store(sample)
    }

    private mutating func store(_ sample: Float) {
        state.ring[state.cursor] = sample
        state.ring[state.cursor + length] = sample
        state.cursor += 1
        if state.cursor == length { state.cursor = 0 }
        state.pushed += 1
    }

    /// The next output sample, or nil if it needs more input.
    public mutating func next() -> Float? {
        if state.limit != .max {
            let last = state.ring[state.cursor == 0 ? length - 1 : state.cursor - 1]
            while state.nextBase < state.limit, state.nextBase + Int64(half) >= state.pushed { store(last) }
        }
        // The newest input under the kernel is base + half.
        guard state.nextBase + Int64(half) < state.pushed, state.nextBase < state.limit else { return nil }
        let value = convolve()
        state.produced += 1
        if numerator != 0 {
            state.nextPhase += numerator
            state.nextBase += state.nextPhase / Int64(phases)
            state.nextPhase %= Int64(phases)
        } else {
            state.nextBase = Int64((Double(state.produced) * inputRate / InternalSampling.rate).rounded(.down))
        }
        return value
    }

    private func convolve() -> Float {
        if taps == 1 { return state.ring[0] }
        var row = Int(state.nextPhase)
        var weight: Float = 0
        if numerator == 0 {
            let time = Double(state.produced) * inputRate / InternalSampling.rate
            let position = (time - time.rounded(.down)) * Double(phases)
            row = min(Int(position), phases - 1)
            weight = Float(position - Double(row))
        }
        // Every output is fetched as soon as its newest input is available, so the ring holds exactly the samples under
        // the kernel, and the oldest of them is the next to be overwritten.
        let slot = state.cursor
        return state.ring.withUnsafeBufferPointer { ring in
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

    /// Ends a segment: the last sample is held until the outputs up to the last input have been produced. Fetch them
    /// with `next()`, then `reset()` before pushing again.
    public mutating func finish() {
        guard state.pushed > 0, taps > 1 else { return }
        state.limit = state.pushed
    }

    /// Time of output `index` in input samples: `index * inputRate / 360`.
    public func inputIndex(ofOutput index: Int64) -> Double {
        Double(index) * inputRate / InternalSampling.rate
    }

    /// Whether all available outputs have been fetched; only then may samples be pushed.
    public var isDrained: Bool { state.nextBase + Int64(half) >= state.pushed && state.limit == .max }

    /// State from which a resampler of the same rate can resume.
    public var snapshot: State { state }

    /// Resumes from the state of another resampler of this rate.
    ///
    /// - Returns: false, with nothing changed, if no resampler of this rate can be in that state.
    public mutating func restore(_ new: State) -> Bool {
        let isDrained = new.nextBase >= new.pushed - Int64(half) && new.limit == .max
        let isFinished = new.limit != .max && new.nextBase >= new.limit
        guard new.ring.count == state.ring.count, (0..<length).contains(new.cursor), new.pushed >= 0, new.produced >= 0,
            new.nextBase >= 0, (0..<Int64(phases)).contains(new.nextPhase), isDrained || isFinished
        else { return false }
        state = new
        return true
    }

    /// Restarts as after `init`: nothing is carried across a gap.
    public mutating func reset() {
        state.cursor = 0
        state.pushed = 0
        state.produced = 0
        state.nextBase = 0
        state.nextPhase = 0
        state.limit = .max
    }
}
