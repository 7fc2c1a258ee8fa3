import ECGEvaluation
import ToolSupport

extension AttackReport {
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
