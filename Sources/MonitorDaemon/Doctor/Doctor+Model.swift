import ECGATKGAN
import ECGClassification
import FoundationEssentials
import NeuralNetwork

extension Doctor {
    /// The weights that would be loaded, and the cards of those beside them.
    func model() -> [Finding] {
        let path = ModelLocation.resolve(
            configuration.model.path, configurationFile: self.path, executable: ModelLocation.executable)
        var findings: [Finding] = []
        do throws(ModelError) {
            let classifier = try BeatClassifier(contentsOf: path)
            findings.append(.ok("model", "\(path), sha256 \(classifier.sha256.prefix(12))…"))
        } catch {
            findings.append(
                .problem(
                    "model", "\(error)", next: "install it anew, or name a weights file with its card at model.path"))
        }
        return findings + others(beside: path)
    }

    private func others(beside path: String) -> [Finding] {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var findings: [Finding] = []
        for name in names.sorted() where name.hasSuffix(".safetensors") && "\(folder)/\(name)" != path {
            let other = "\(folder)/\(name)"
            // Weights without a card are in use, too: a card is the claim that is checked.
            guard FileManager.default.fileExists(atPath: ModelCard.path(besideModel: other)) else { continue }
            do {
                let card = try ModelFile.readCard(besideModel: other)
                guard card.sha256 == SHA256.hexadecimalDigest(of: try SafeTensors.readFile(other)) else {
                    findings.append(
                        .warning("model", "\(other) is not the file that its card describes", next: "install it anew"))
                    continue
                }
            } catch {
                findings.append(.warning("model", "\(error)", next: "install it anew, or remove it"))
            }
        }
        return findings
    }
}
