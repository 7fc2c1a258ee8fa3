public import ECGATKGAN
import NeuralNetwork
public import ToolSupport

extension OverlaidBeats {
    /// One beat, chosen by the seed from those that the network classifies correctly, under the paper's four attacks.
    ///
    /// - Parameters:
    ///   - windows: the held-out windows.
    ///   - beatClass: the beat's class.
    ///   - network: classifies the beat and is attacked.
    ///   - epsilon: radius of the attacks, in units of the [0,1] window.
    ///   - seed: selects the beat, and the attacks' random starts.
    ///   - caption: a line at the top of the figure.
    /// - Throws: `ToolError` if the network classifies no beat of the class correctly.
    public static func figure2(
        _ windows: EvaluationWindows, _ beatClass: BeatClass, by network: any BeatNetwork, epsilon: Float, seed: UInt64,
        caption: String
    ) throws(ToolError) -> OverlaidBeats {
        var generator = SeededGenerator(seed: seed)
        let candidates = windows.labels.indices.filter { windows.labels[$0] == beatClass.rawValue }
            .shuffled(using: &generator)
        func answer(_ window: [Float]) -> OverlaidBeats.Answer {
            let answers = window.withUnsafeBufferPointer { values in
                values.baseAddress.map { WindowAnswers(of: network, to: $0, batch: 1) } ?? WindowAnswers(count: 1)
            }
            let best = answers.answer(0)
            return OverlaidBeats.Answer(
                beatClass: best, probability: answers.probabilities(0)[Int(best.rawValue)])
        }
        guard
            let chosen = candidates.first(where: { answer(Array(windows.window($0))).beatClass == beatClass })
        else {
            throw ToolError(
                "the model gets no held-out window of class \(beatClass.letter) right",
                nextStep: "Choose another --class")
        }
        let clean = Array(windows.window(chosen))
        var figure = OverlaidBeats(
            windowNumber: chosen, truth: beatClass, samples: clean, clean: answer(clean), epsilon: epsilon,
            caption: caption)
        for condition in PaperFigures.Condition.allCases {
            guard let attack = try condition.attack(epsilon: epsilon),
                let attacked = attack.perturb([clean], labels: [beatClass], against: network, seed: seed).first
            else { continue }
            figure.panels.append(
                .init(title: attack.method.displayName, samples: attacked, answer: answer(attacked)))
        }
        return figure
    }
}
