internal import NeuralNetwork

extension SequentialNetwork.Architecture {
    /// Acharya et al. 2017, "A deep convolutional neural network model to classify heartbeats": three convolutions of
    /// 5, 10 and 20 features, each with a pooling of 2, and three dense layers. The paper does not give the slope of
    /// LeakyReLU; 0.01 is the usual value.
    public static let acharya2017 = SequentialNetwork.Architecture(
        identifier: "acharya-2017",
        layers: [
            .convolution("convolution1", features: 5, kernelSize: 3, padding: .valid), .leakyReLU(slope: 0.01),
            .maxPooling(size: 2, stride: 2),
            .convolution("convolution2", features: 10, kernelSize: 4, padding: .valid), .leakyReLU(slope: 0.01),
            .maxPooling(size: 2, stride: 2),
            .convolution("convolution3", features: 20, kernelSize: 4, padding: .valid), .leakyReLU(slope: 0.01),
            .maxPooling(size: 2, stride: 2),
            .dense("dense1", outputs: 30), .leakyReLU(slope: 0.01), .dense("dense2", outputs: 20),
            .leakyReLU(slope: 0.01), .dense("class", outputs: 4),
        ])
}
