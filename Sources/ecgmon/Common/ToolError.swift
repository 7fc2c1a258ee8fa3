/// What a command says when it cannot do what it was asked: one line with the cause and the next step.
///
/// ArgumentParser prints the description after `Error: ` on standard error and exits with code 1.
struct ToolError: Error, CustomStringConvertible, Equatable {
    /// What is wrong, naming the file, the endpoint or the value.
    let problem: String
    /// What the user can do about it.
    let nextStep: String

    init(_ problem: String, nextStep: String) {
        self.problem = problem
        self.nextStep = nextStep
    }

    var description: String {
        let oneLine = problem.split(whereSeparator: \.isNewline).joined(separator: " ")
        return nextStep.isEmpty ? oneLine : "\(oneLine). \(nextStep)"
    }
}
