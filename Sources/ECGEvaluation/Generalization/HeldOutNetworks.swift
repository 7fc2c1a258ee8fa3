import ECGSignal
import FoundationEssentials
public import ToolSupport

/// Networks of the ventricular rhythm detector that were each trained without some records, read from a file: each
/// record is judged by the one that has not seen it.
///
/// The file is a JSON array; each element has `records` (names with the database's folder, such as `vfdb/418`) and the
/// weights `mean` (71), `scale` (71), `w1` (71 × units), `b1` (units), `w2` (units × 4), `b2` (4), by rows.
public struct HeldOutNetworks: Sendable {
    public let path: String
    private let networks: [String: VentricularRhythmNetwork]

    private struct Entry: Decodable {
        var records: [String]
        var mean, scale, w1, b1, w2, b2: [Float]
    }

    public init(contentsOf path: String) throws(ToolError) {
        self.path = path
        let entries: [Entry]
        do {
            entries = try JSONDecoder().decode([Entry].self, from: try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw ToolError(
                "\(path) does not hold networks of the ventricular rhythm detector: \(error)",
                nextStep: "Docs/signal.md has the form of the file")
        }
        var networks: [String: VentricularRhythmNetwork] = [:]
        for (number, entry) in entries.enumerated() {
            guard
                let network = VentricularRhythmNetwork(
                    mean: entry.mean, scale: entry.scale, hiddenWeights: entry.w1, hiddenBias: entry.b1,
                    outputWeights: entry.w2, outputBias: entry.b2)
            else {
                throw ToolError(
                    "\(path): the weights of network \(number) have other shapes than the detector's",
                    nextStep: "Docs/signal.md has the form of the file")
            }
            for record in entry.records {
                guard networks.updateValue(network, forKey: record) == nil else {
                    throw ToolError(
                        "\(path): two networks hold out \(record)", nextStep: "Name each record once")
                }
            }
        }
        self.networks = networks
    }

    /// The network that has not seen a record; nil: none of them held it out.
    func network(for record: String, in database: String) -> VentricularRhythmNetwork? {
        networks["\(database)/\(record)"]
    }
}
