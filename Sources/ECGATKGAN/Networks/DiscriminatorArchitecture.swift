/// The layers of a `Discriminator`: its convolutions in order, and the position of its attack head.
public struct DiscriminatorArchitecture: Sendable, Equatable {
    /// One convolution ("same" padding) with batch normalization and LeakyReLU.
    public struct Block: Sendable, Equatable {
        /// Prefix of the tensor names in a weights file.
        public var name: String
        public var features: Int
        public var kernelSize: Int
        public var stride: Int
        /// Whether the block's input is added to its output; their shapes must match.
        public var isResidual = false

        public init(_ name: String, features: Int, kernelSize: Int, stride: Int, isResidual: Bool = false) {
            self.name = name
            self.features = features
            self.kernelSize = kernelSize
            self.stride = stride
            self.isResidual = isResidual
        }
    }

    /// Identifies the architecture in weights files and model cards.
    public var identifier: String
    public var blocks: [Block]
    /// The blocks of the attack head's own branch, starting from the window; if empty, the head uses the last feature
    /// map of `blocks`.
    public var attackBlocks: [Block]

    public init(identifier: String, blocks: [Block], attackBlocks: [Block] = []) {
        self.identifier = identifier
        self.blocks = blocks
        self.attackBlocks = attackBlocks
    }

    /// The paper's architecture (section 2.2): three Des blocks (k3 s1), each followed by a downsampling block (k3
    /// s2), with 16, 32 and 128 features, and three heads on the flattened last feature map.
    public static let paper = DiscriminatorArchitecture(
        identifier: "ecg-atk-gan-discriminator-1",
        blocks: [
            Block("des1", features: 16, kernelSize: 3, stride: 1),
            Block("down1", features: 16, kernelSize: 3, stride: 2),
            Block("des2", features: 32, kernelSize: 3, stride: 1),
            Block("down2", features: 32, kernelSize: 3, stride: 2),
            Block("des3", features: 128, kernelSize: 3, stride: 1),
            Block("down3", features: 128, kernelSize: 3, stride: 2),
        ])

    /// The paper's architecture, hardened: wide kernels with early downsampling. A perturbation within a small ball
    /// has most of its freedom in the fine structure of the signal, which such a stem averages away; the computation
    /// saved is spent on more features.
    public static let hardened = DiscriminatorArchitecture(
        identifier: "ecg-atk-gan-discriminator-2",
        blocks: [
            Block("stem", features: 32, kernelSize: 9, stride: 2),
            Block("down1", features: 64, kernelSize: 5, stride: 2),
            Block("des1", features: 64, kernelSize: 5, stride: 1, isResidual: true),
            Block("down2", features: 128, kernelSize: 5, stride: 2),
            Block("des2", features: 128, kernelSize: 3, stride: 1, isResidual: true),
        ],
        // The fine structure that the stem averages away is what reveals an attack, so the attack head has its own
        // view of the window.
        attackBlocks: [
            Block("attack.des1", features: 16, kernelSize: 3, stride: 1),
            Block("attack.down1", features: 16, kernelSize: 3, stride: 2),
            Block("attack.des2", features: 32, kernelSize: 3, stride: 1),
            Block("attack.down2", features: 32, kernelSize: 3, stride: 2),
            Block("attack.des3", features: 64, kernelSize: 3, stride: 1),
            Block("attack.down3", features: 64, kernelSize: 3, stride: 2),
        ])

    /// All architectures known to this build.
    public static let known = [paper, hardened]

    public static func named(_ identifier: String) -> DiscriminatorArchitecture? {
        known.first { $0.identifier == identifier }
    }
}
