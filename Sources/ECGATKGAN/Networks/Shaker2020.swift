extension SequentialNetwork.Architecture {
    /// The classifier of Shaker et al. 2020, "Generalization of convolutional neural networks for ECG classification
    /// using generative adversarial networks": a deep CNN, trained on a set whose minority classes were oversampled
    /// with a DC-GAN (`DCGAN`).
    ///
    /// The paper's layer table was not available, so the layers are our reconstruction from its description: stacks
    /// of convolutions with batch normalization and pooling, with the features doubling, then dense layers.
    public static let shaker2020 = SequentialNetwork.Architecture(
        identifier: "shaker-2020",
        layers: [16, 32, 64, 128].enumerated().flatMap { number, features -> [LayerDescription] in
            let name = "stage\(number + 1)"
            return [
                .convolution(name + ".first", features: features, kernelSize: 5),
                .normalization(name + ".first.normalization", slope: 0.2),
                .convolution(name + ".second", features: features, kernelSize: 5),
                .normalization(name + ".second.normalization", slope: 0.2), .maxPooling(size: 2, stride: 2),
            ]
        } + [.dense("dense", outputs: 64), .leakyReLU(slope: 0.2), .dense("class", outputs: 4)])
}
