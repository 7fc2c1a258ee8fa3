internal import CKernels

#if canImport(Glibc)
    import Glibc
#endif

/// Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019).
public struct Adam {
    public var learningRate: Float
    public var beta1: Float
    public var beta2: Float
    public var epsilon: Float
    public var weightDecay: Float
    /// Number of steps taken; together with the two moments it is the complete state.
    public var step: Int = 0
    public let firstMoment: FloatBuffer, secondMoment: FloatBuffer

    /// The paper uses learning rate 2e-4 and betas 0.5 and 0.999 (section 3.2).
    public init(
        store: ParameterStore, learningRate: Float = 2e-4, beta1: Float = 0.5, beta2: Float = 0.999,
        epsilon: Float = 1e-7, weightDecay: Float = 0
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        firstMoment = FloatBuffer(count: store.count)
        secondMoment = FloatBuffer(count: store.count)
    }

    /// Updates every trainable tensor of `store` with `gradients`, which has the store's layout.
    ///
    /// - Parameter isMoved: tensors for which it returns false are left unchanged, without weight decay either.
    public mutating func update(
        _ store: ParameterStore, gradients: UnsafePointer<Float>,
        where isMoved: (ParameterTensor) -> Bool = { _ in true }
    ) {
        step += 1
        let correction1 = 1 / (1 - powf(beta1, Float(step)))
        let correction2 = 1 / (1 - powf(beta2, Float(step)))
        for tensor in store.tensors where tensor.isTrainable && isMoved(tensor) {
            ck_adam(
                tensor.count, store.pointer(to: tensor), gradients + tensor.offset,
                firstMoment.pointer + tensor.offset, secondMoment.pointer + tensor.offset, learningRate, beta1, beta2,
                correction1, correction2, epsilon, tensor.decays ? weightDecay : 0)
        }
    }
}
