extension SequentialNetwork.Architecture {
    /// The classifier of Shaker et al. 2020, "Generalization of convolutional neural networks for ECG classification
    /// using generative adversarial networks": a deep CNN, trained on a set whose minority classes a DC-GAN filled up
    /// (`DCGAN`).
    ///
    /// The paper's table of layers could not be had, so the layers are our reconstruction, after the family that it
    /// describes: stacks of convolutions with batch normalisation and pooling whose features double, then dense layers.
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
