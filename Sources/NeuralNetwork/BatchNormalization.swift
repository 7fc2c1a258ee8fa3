internal import CKernels

/// The statistics that batch normalization uses.
public enum NormalizationMode: Sendable {
    /// The batch's own mean and variance, for training; followed by `updateRunningStatistics`.
    case batchStatistics
    /// The constant running statistics, for inference and for every attack on the deployed network.
    case runningStatistics
}

/// Batch normalization over batch and length for each channel (Ioffe & Szegedy 2015), followed by LeakyReLU.
///
/// They form one layer because both are memory-bound: one pass does the work of two. Input and output (B, L, C); a
/// slope of 1 disables the activation.
public final class BatchNormalization {
    public static let epsilon: Float = 1e-3
    /// Weight of a new batch in the running statistics.
    public var momentum: Float = 0.02

    public let length: Int, channels: Int
    public let slope: Float
    public let gamma: ParameterTensor, beta: ParameterTensor
    public let runningMean: ParameterTensor, runningVariance: ParameterTensor

    private let store: ParameterStore
    private var mode = NormalizationMode.runningStatistics
    private var input: UnsafePointer<Float>?
    private let output = FloatBuffer()
    // Eight rows of `channels` floats: the coefficients of one pass.
    private let mean: FloatBuffer, variances: FloatBuffer, inverseDeviation: FloatBuffer, scale: FloatBuffer,
        shift: FloatBuffer
    private let sumA: FloatBuffer, sumB: FloatBuffer, center: FloatBuffer

    public init(_ name: String, in store: ParameterStore, length: Int, channels: Int, slope: Float) {
        precondition(length > 0 && channels > 0)
        self.store = store
        self.length = length
        self.channels = channels
        self.slope = slope
        gamma = store.add(name + ".gamma", shape: [channels])
        beta = store.add(name + ".beta", shape: [channels])
        runningMean = store.add(name + ".running_mean", shape: [channels], trainable: false)
        runningVariance = store.add(name + ".running_variance", shape: [channels], trainable: false)
        mean = FloatBuffer(count: channels)
        variances = FloatBuffer(count: channels)
        inverseDeviation = FloatBuffer(count: channels)
        scale = FloatBuffer(count: channels)
        shift = FloatBuffer(count: channels)
        sumA = FloatBuffer(count: channels)
        sumB = FloatBuffer(count: channels)
        center = FloatBuffer(count: channels)
    }

    public func initialize() {
        store.fill(gamma, with: 1)
        store.fill(beta, with: 0)
        store.fill(runningMean, with: 0)
        store.fill(runningVariance, with: 1)
    }

    /// `input` is owned by the caller and must stay valid and unchanged until `backward`. The output is valid until
    /// the next call.
    public func forward(
        _ input: UnsafePointer<Float>, batch: Int, mode: NormalizationMode
    ) -> UnsafeMutablePointer<Float> {
        self.mode = mode
        self.input = input
        let rows = batch * length
        let running = store.pointer(to: runningMean)
        let runningSquare = store.pointer(to: runningVariance)
        switch mode {
        case .batchStatistics:
            // Deviations are taken from the running mean, so that the variance of a channel with a large mean does
            // not lose precision.
            center.pointer.update(from: running, count: channels)
            sumA.zero()
            sumB.zero()
            ck_column_sums(
                Int32(rows), Int32(channels), input, center.pointer, sumA.pointer, sumB.pointer)
            for c in 0..<channels {
                let m = sumA.pointer[c] / Float(rows)
                let offset = m - center.pointer[c]
                let variance = max(sumB.pointer[c] / Float(rows) - offset * offset, 0)
                mean.pointer[c] = m
                variances.pointer[c] = variance
                inverseDeviation.pointer[c] = 1 / (variance + Self.epsilon).squareRoot()
            }
        case .runningStatistics:
            for c in 0..<channels {
                mean.pointer[c] = running[c]
                inverseDeviation.pointer[c] = 1 / (runningSquare[c] + Self.epsilon).squareRoot()
            }
        }
        let gamma = store.pointer(to: self.gamma)
        let beta = store.pointer(to: self.beta)
        for c in 0..<channels {
            scale.pointer[c] = gamma[c] * inverseDeviation.pointer[c]
            shift.pointer[c] = beta[c] - mean.pointer[c] * scale.pointer[c]
        }
        let output = self.output.reserve(rows * channels)
        ck_affine_leaky(Int32(rows), Int32(channels), input, scale.pointer, shift.pointer, slope, output)
        return output
    }

    /// Moves the running statistics towards those of the last pass on batch statistics.
    ///
    /// This is separate from `forward` so that replicas on several threads only read the store while they run.
    public func updateRunningStatistics() {
        guard mode == .batchStatistics else { return }
        let running = store.pointer(to: runningMean)
        let runningSquare = store.pointer(to: runningVariance)
        for c in 0..<channels {
            running[c] += momentum * (mean.pointer[c] - running[c])
            runningSquare[c] += momentum * (variances.pointer[c] - runningSquare[c])
        }
    }

    /// Converts `gradient` (B, L, C) from that of the output to that of the input, in place.
    public func backward(
        _ gradient: UnsafeMutablePointer<Float>, batch: Int, gradients: UnsafeMutablePointer<Float>?
    ) {
        let rows = batch * length
        guard let input else { preconditionFailure("backward before forward") }
        if mode == .runningStatistics && gradients == nil {
            ck_leaky_scale_backward(
                Int32(rows), Int32(channels), gradient, output.pointer, slope, scale.pointer)
            return
        }
        sumA.zero()
        sumB.zero()
        ck_leaky_norm_backward_sums(
            Int32(rows), Int32(channels), gradient, output.pointer, slope, input, mean.pointer,
            inverseDeviation.pointer, sumA.pointer, sumB.pointer)
        if let gradients {
            for c in 0..<channels {
                gradients[gamma.offset + c] += sumB.pointer[c]
                gradients[beta.offset + c] += sumA.pointer[c]
            }
        }
        // dx = scale * (dy - mean(dy) - xhat * mean(dy xhat)) = a dy + b x + e; with frozen statistics dx = a dy.
        for c in 0..<channels {
            let a = scale.pointer[c]
            var b: Float = 0
            var e: Float = 0
            if mode == .batchStatistics {
                b = -a * inverseDeviation.pointer[c] * sumB.pointer[c] / Float(rows)
                e = -a * sumA.pointer[c] / Float(rows) - b * mean.pointer[c]
            }
            center.pointer[c] = a
            sumB.pointer[c] = b
            sumA.pointer[c] = e
        }
        ck_norm_backward_apply(
            Int32(rows), Int32(channels), gradient, input, center.pointer, sumB.pointer, sumA.pointer)
    }
}
