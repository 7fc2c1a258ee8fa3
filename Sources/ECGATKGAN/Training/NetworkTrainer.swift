public import NeuralNetwork

/// One loss term, with its name on the progress line.
public struct NamedLoss: Sendable, Equatable {
    public var name: String
    public var value: Double

    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

/// A training run that proceeds step by step. It can be stopped after any step and resumes from a checkpoint as if it
/// had never stopped.
public protocol NetworkTrainer: AnyObject {
    var epochs: Int { get }
    /// Completed epochs.
    var epoch: Int { get }
    /// Steps completed in the current epoch.
    var stepInEpoch: Int { get }
    var stepsPerEpoch: Int { get }
    /// Means over the current epoch so far.
    var namedLosses: [NamedLoss] { get }
    /// Means over the last completed epoch.
    var lastEpochNamedLosses: [NamedLoss] { get }

    /// Makes one update. Throws if a loss is not finite; the last checkpoint is still valid then.
    func step() throws(TrainingError)
    /// Everything that the next step depends on.
    func checkpoint() -> SafeTensors
    /// Resumes from a checkpoint; `path` is used only in error messages.
    func restore(_ file: SafeTensors, path: String) throws(TrainingError)
}

extension NetworkTrainer {
    public var isFinished: Bool { epoch >= epochs }
    public var totalSteps: Int { stepsPerEpoch * epochs }
}
