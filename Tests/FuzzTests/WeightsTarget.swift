import ECGATKGAN
import ECGClassification

@testable import NeuralNetwork

/// The first byte chooses: the rest is the file as it is; or it is the header and the model card in pieces, and the
/// numbers, which the fuzzer would never make up to the right length, are zeros.
enum WeightsTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        if choice & 1 == 0 {
            read(file: rest, card: [])
        } else {
            let pieces = rest.pieces
            let header = pieces.first ?? []
            let length = UInt64(header.count)
            let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
            let numbers = [UInt8](repeating: 0, count: Int(choice) << 12)
            read(file: prefix + header + numbers, card: pieces.dropFirst().first ?? [])
        }
    }

    private static func read(file: [UInt8], card: [UInt8]) {
        _ = try? SafeTensors(bytes: file, path: "weights.safetensors")
        let path = Scratch.write("weights.safetensors", file)
        _ = Scratch.write("weights.json", card)
        _ = try? BeatClassifier(contentsOf: path)
        _ = try? ModelFile.readCard(besideModel: path)
    }
}
