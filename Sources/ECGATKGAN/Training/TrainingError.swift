/// Reasons why training cannot continue.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
    case lossNotFinite(epoch: Int, step: Int)
    case checkpointOfOtherRecipe(path: String)
    case tooFewWindows(count: Int, batch: Int)
    case model(ModelError)

    public var description: String {
        switch self {
        case .lossNotFinite(let epoch, let step):
            "the loss is not finite in epoch \(epoch), step \(step); the last checkpoint is untouched; lower the learning rate"
        case .checkpointOfOtherRecipe(let path):
            "\(path): was made by other settings; resume with the same options, or train into another folder"
        case .tooFewWindows(let count, let batch):
            "\(count) windows are fewer than one batch of \(batch); more records are needed"
        case .model(let error): error.description
        }
    }
}
