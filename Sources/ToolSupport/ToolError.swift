/// An error that a person can act on: one line with the cause and the next step.
///
/// ArgumentParser prints the description after `Error: ` on standard error and exits with code 1.
public struct ToolError: Error, CustomStringConvertible, Equatable {
    /// What is wrong, naming the file, the endpoint or the value.
    public let problem: String
    /// What the user can do about it; may be empty.
    public let nextStep: String

    public init(_ problem: String, nextStep: String) {
        self.problem = problem
        self.nextStep = nextStep
    }

    public var description: String {
        let oneLine = problem.split(whereSeparator: \.isNewline).joined(separator: " ")
        return nextStep.isEmpty ? oneLine : "\(oneLine). \(nextStep)"
    }
}
