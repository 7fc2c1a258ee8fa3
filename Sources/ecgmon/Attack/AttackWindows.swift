import ArgumentParser
import ECGATKGAN
import Foundation
import NeuralNetwork

/// `ecgmon attack windows`: what an attack does to a network's answers.
struct AttackWindows: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "windows",
        abstract: "Attack windows that the network's training held out, and compare its answers.")

    @OptionGroup var options: AttackOptions

    @Option(
        help: ArgumentHelp(
            "Folder of annotated records at 360 Hz, or the name of one in the folder ECGMON_DATABASES.",
            valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("How many windows, of each class its share.", valueName: "n"))
    var sample = 500

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard sample >= 4 else { throw ValidationError("--sample must be 4 or more, one window of each class") }
    }

    func run() throws {
        let path = try InstalledFiles.model(options.model)
        let network: any BeatNetwork
        let card: ModelCard?
        do throws(ModelError) {
            (network, _, card) = try ModelFile.readNetwork(from: path)
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)",
                nextStep: "Name another with --model, or train one with `ecgmon train`")
        }
        let records = try RecordDatabase(database)
        let heldOut = EvaluationWindows(
            try card.map {
                try DataSplit($0).windows(of: records, margin: $0.windowMargin, seed: $0.seed).heldOut
            } ?? BeatWindowLoader.load(records, margin: 0))
        guard heldOut.count > 0 else {
            throw ToolError("\(database) has no annotated beats", nextStep: "Bring the mitdb with `ecgmon data fetch`")
        }
        let windows = heldOut.subset(heldOut.stratifiedSample(sample, seed: options.seed))
        let report = AttackReport(
            options.attack, on: windows, against: network, model: card?.name ?? path, seed: options.seed)
        print(json ? try report.json() : report.text)
    }
}

/// A network's answers before and after an attack.
struct AttackReport: Encodable {
    struct Answers: Encodable {
        /// In percent.
        var accuracy: Double
        /// Mean, 0 to 1; nil where the network has no attack head.
        var suspicion: Double?
        /// Windows with a suspicion above one half, in percent.
        var suspected: Double?
    }

    var model: String
    var method: String
    var epsilon: Float
    var windows: Int
    var before: Answers
    var after: Answers
    /// Means over the windows of the greatest change and of the root of the mean squared change.
    var largestChange: Double
    var rootMeanSquareChange: Double
    var seconds: Double

    init(
        _ attack: WindowAttack, on windows: EvaluationWindows, against network: any BeatNetwork, model: String,
        seed: UInt64
    ) {
        let length = Discriminator.windowLength
        let batch = 64
        let rows = (0..<windows.count).map { Array(windows.window($0)) }
        let labels = windows.labels.compactMap { BeatClass(rawValue: $0) }
        var attacked: [[Float]] = []
        let clock = ContinuousClock()
        let taken = clock.measure {
            for start in stride(from: 0, to: rows.count, by: batch) {
                let part = start..<min(start + batch, rows.count)
                attacked += attack.perturb(
                    Array(rows[part]), labels: Array(labels[part]), against: network, seed: seed &+ UInt64(start))
            }
        }
        var largest = 0.0
        var rootMeanSquare = 0.0
        for (one, other) in zip(attacked, rows) {
            let changes = zip(one, other).map { Double(abs($0 - $1)) }
            largest += (changes.max() ?? 0) / Double(rows.count)
            rootMeanSquare += (changes.reduce(0) { $0 + $1 * $1 } / Double(length)).squareRoot() / Double(rows.count)
        }
        self.model = model
        method = attack.method.rawValue
        epsilon = attack.epsilon
        self.windows = rows.count
        before = Self.answers(rows, labels, by: network)
        after = Self.answers(attacked, labels, by: network)
        largestChange = largest
        rootMeanSquareChange = rootMeanSquare
        seconds = taken / .seconds(1)
    }

    private static func answers(_ rows: [[Float]], _ labels: [BeatClass], by network: any BeatNetwork) -> Answers {
        var right = 0
        var suspicions: [Double] = []
        for start in stride(from: 0, to: rows.count, by: 64) {
            let part = start..<min(start + 64, rows.count)
            let flat = rows[part].flatMap { $0 }
            flat.withUnsafeBufferPointer { flat in
                guard let first = flat.baseAddress else { return }
                let output = network.forward(first, batch: part.count, mode: .runningStatistics)
                for (item, index) in part.enumerated() {
                    let logits = output.classLogits + item * Discriminator.classCount
                    let best = (0..<Discriminator.classCount).max { logits[$0] < logits[$1] }
                    if best == Int(labels[index].rawValue) { right += 1 }
                    if let attackLogits = output.attackLogits {
                        suspicions.append(Suspicion.probability(attackLogits[item]))
                    }
                }
            }
        }
        let share = 100 / Double(max(suspicions.count, 1))
        return Answers(
            accuracy: 100 * Double(right) / Double(max(rows.count, 1)),
            suspicion: suspicions.isEmpty ? nil : suspicions.reduce(0, +) / Double(suspicions.count),
            suspected: suspicions.isEmpty ? nil : Double(suspicions.count { $0 > 0.5 }) * share)
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var text: String {
        func line(_ name: String, _ answers: Answers) -> String {
            var line = "\(name): accuracy \(fixed(answers.accuracy, 1)) %"
            if let suspicion = answers.suspicion, let suspected = answers.suspected {
                line += ", mean suspicion \(fixed(suspicion, 3)), suspected \(fixed(suspected, 1)) %"
            }
            return line
        }
        return [
            "\(method) at epsilon \(epsilon) against \(model), \(windows) windows, \(fixed(seconds, 1)) s",
            line("before", before), line("after ", after),
            "change of a window: largest \(fixed(largestChange, 4)), root mean square \(fixed(rootMeanSquareChange, 4)) on average",
        ].joined(separator: "\n")
    }
}
