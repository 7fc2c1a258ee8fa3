public import ECGATKGAN
internal import NeuralNetwork

/// Reading and writing generator weights: the same format as the discriminator's, in a separate file.
extension ModelFile {
    /// Writes the generator's weights atomically and returns their SHA-256 in hexadecimal.
    @discardableResult
    public static func write(_ generator: Generator, to path: String) throws(ModelError) -> String {
        var file = SafeTensors(metadata: metadata(architecture: Generator.architectureIdentifier))
        file.metadata["input"] = "six channels: the window, the class in four (N S V F), the noise"
        file.metadata["layout transposed"] = "transposed convolutions (kernel, out, in)"
        for tensor in generator.store.tensors {
            file.tensors[tensor.name] = .init(shape: tensor.shape, values: generator.store.array(of: tensor))
        }
        do {
            try file.write(to: path)
            return SHA256.hexadecimalDigest(of: try file.serialized())
        } catch {
            throw .file(error)
        }
    }

    /// Reads a generator's weights; a generator has no model card of its own.
    ///
    /// - Returns: the generator, and the file's SHA-256 in hexadecimal.
    public static func readGenerator(from path: String) throws(ModelError) -> (generator: Generator, sha256: String) {
        let (file, checksum, _) = try open(path, checkingCard: false)
        let found = file.metadata["architecture"] ?? "none named"
        guard found == Generator.architectureIdentifier else {
            throw .otherArchitecture(path: path, found: found, expected: Generator.architectureIdentifier)
        }
        let generator = Generator(seed: 0)
        try load(file, into: generator.store, path: path)
        generator.weightsChanged()
        return (generator, checksum)
    }
}
