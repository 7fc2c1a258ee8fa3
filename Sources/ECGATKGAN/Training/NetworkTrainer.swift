public import NeuralNetwork

/// One term of a training's loss, by its name on the progress line.
public struct NamedLoss: Sendable, Equatable {
    public var name: String
    public var value: Double

    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

/// A training that goes step by step, can be stopped after any of them and goes on from a checkpoint as if it had not
/// been.
public protocol NetworkTrainer: AnyObject {
    var epochs: Int { get }
    /// Epochs done.
    var epoch: Int { get }
    /// Steps done in this epoch.
    var stepInEpoch: Int { get }
    var stepsPerEpoch: Int { get }
    /// Means over this epoch so far.
    var namedLosses: [NamedLoss] { get }
    /// Means over the epoch that ended last.
    var lastEpochNamedLosses: [NamedLoss] { get }

    /// One update. Throws where a loss is not finite; the last checkpoint is then still good.
    func step() throws(TrainingError)
    /// Everything that the next step depends on.
    func checkpoint() -> SafeTensors
    /// Goes on where a checkpoint was made; `path` is for the error's text.
    func restore(_ file: SafeTensors, path: String) throws(TrainingError)
}

extension NetworkTrainer {
    public var isFinished: Bool { epoch >= epochs }
    public var totalSteps: Int { stepsPerEpoch * epochs }
}
