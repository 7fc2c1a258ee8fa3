public import NeuralNetwork

/// A network behind the scaling that the monitor puts before it: each window is scaled so that its minimum is 0 and its
/// maximum 1, and gradients are led back through the scaling.
///
/// An attacker moves samples before they are scaled. Where the extremes move, the scaling moves every other sample with
/// them: up to twice as far as the attacker could alone. Input: windows (B, 280) of any offset and range; a constant
/// window becomes zeros.
public final class RescalingNetwork: BeatNetwork {
    private let network: any BeatNetwork
    private let scaled = FloatBuffer()
    private var scalings: [Scaling] = []

    /// How a window was scaled.
    struct Scaling: Equatable {
        /// Indices of the minimum and of the maximum; of several, the first.
        var least: Int
        var greatest: Int
        /// 1 over the range; 0 if the window is constant.
        var factor: Float
    }

    /// - Parameter network: used by this one alone from now on.
    public init(_ network: any BeatNetwork) { self.network = network }

    public var architectureIdentifier: String { network.architectureIdentifier }
    public var store: ParameterStore { network.store }
    public var computesAttackHead: Bool {
        get { network.computesAttackHead }
        set { network.computesAttackHead = newValue }
    }

    public func forward(_ windows: UnsafePointer<Float>, batch: Int, mode: NormalizationMode) -> NetworkOutput {
        let length = Discriminator.windowLength
        let rows = scaled.reserve(batch * length)
        rows.update(from: windows, count: batch * length)
        scalings = (0..<batch).map { Self.scale(rows + $0 * length) }
        return network.forward(rows, batch: batch, mode: mode)
    }

    @discardableResult
    public func backward(
        batch: Int, classGradient: UnsafePointer<Float>?, attackGradient: UnsafePointer<Float>?,
        realGradient: UnsafePointer<Float>?, gradients: UnsafeMutablePointer<Float>?, needsInputGradient: Bool
    ) -> UnsafeMutablePointer<Float> {
        let slope = network.backward(
            batch: batch, classGradient: classGradient, attackGradient: attackGradient, realGradient: realGradient,
            gradients: gradients, needsInputGradient: needsInputGradient)
        guard needsInputGradient else { return slope }
        let length = Discriminator.windowLength
        for item in 0..<batch {
            Self.leadBack(slope + item * length, scaled.pointer + item * length, scalings[item])
        }
        return slope
    }

    /// Scales one window in place.
    static func scale(_ window: UnsafeMutablePointer<Float>) -> Scaling {
        let length = Discriminator.windowLength
        var scaling = Scaling(least: 0, greatest: 0, factor: 0)
        for i in 1..<length {
            if window[i] < window[scaling.least] { scaling.least = i }
            if window[i] > window[scaling.greatest] { scaling.greatest = i }
        }
        let low = window[scaling.least]
        let range = window[scaling.greatest] - low
        scaling.factor = range > 0 ? 1 / range : 0
        for i in 0..<length { window[i] = (window[i] - low) * scaling.factor }
        return scaling
    }

    /// Turns the gradient of the scaled values `s = (x - min) / (max - min)` into that of `x`, in place: each sample
    /// has its own share, and the two extremes have in addition what they do to all samples.
    private static func leadBack(
        _ slope: UnsafeMutablePointer<Float>, _ scaled: UnsafePointer<Float>, _ scaling: Scaling
    ) {
        var ofMinimum: Float = 0
        var ofMaximum: Float = 0
        for i in 0..<Discriminator.windowLength {
            ofMinimum += slope[i] * (scaled[i] - 1)
            ofMaximum -= slope[i] * scaled[i]
            slope[i] *= scaling.factor
        }
        slope[scaling.least] += ofMinimum * scaling.factor
        slope[scaling.greatest] += ofMaximum * scaling.factor
    }

    public func weightsChanged() { network.weightsChanged() }
    public func updateRunningStatistics() { network.updateRunningStatistics() }
    public func replica() -> RescalingNetwork { RescalingNetwork(network.replica()) }
}
