internal import NeuralNetwork

extension SequentialNetwork.Architecture {
    /// Kachuee, Fazeli & Sarrafzadeh 2018, "ECG heartbeat classification: a deep transferable representation": a
    /// convolution, five residual blocks of two convolutions and a pooling each, and two dense layers. All
    /// convolutions have 32 features and kernel size 5; poolings have size 5 and stride 2.
    public static let kachuee2018 = SequentialNetwork.Architecture(
        identifier: "kachuee-2018",
        layers: [.convolution("convolution", features: 32, kernelSize: 5, padding: .valid)]
            + (1...5).flatMap { number -> [LayerDescription] in
                [
                    .residual([
                        .convolution("block\(number).first", features: 32, kernelSize: 5), .leakyReLU(slope: 0),
                        .convolution("block\(number).second", features: 32, kernelSize: 5),
                    ]),
                    .leakyReLU(slope: 0), .maxPooling(size: 5, stride: 2),
                ]
            } + [.dense("dense", outputs: 32), .leakyReLU(slope: 0), .dense("class", outputs: 4)])
}
