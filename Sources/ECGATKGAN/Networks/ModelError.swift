public import NeuralNetwork

/// Errors in a weights file or its model card.
public enum ModelError: Error, Equatable, CustomStringConvertible {
    case file(SafeTensorsError)
    case otherArchitecture(path: String, found: String, expected: String)
    case tensorMissing(path: String, tensor: String)
    case tensorOfOtherShape(path: String, tensor: String, found: [Int], expected: [Int])
    case notFinite(path: String, tensor: String)
    case noModelCard(path: String, reason: String)
    case checksumMismatch(path: String, found: String, inCard: String)

    public var description: String {
        switch self {
        case .file(let error): error.description
        case .otherArchitecture(let path, let found, let expected):
            "\(path): holds weights of the architecture \"\(found)\", not \"\(expected)\""
        case .tensorMissing(let path, let tensor): "\(path): has no tensor \(tensor)"
        case .tensorOfOtherShape(let path, let tensor, let found, let expected):
            "\(path): tensor \(tensor) has shape \(found), not \(expected)"
        case .notFinite(let path, let tensor): "\(path): tensor \(tensor) holds a value that is not finite"
        case .noModelCard(let path, let reason): "\(path): the model card cannot be read: \(reason)"
        case .checksumMismatch(let path, let found, let inCard):
            "\(path): its SHA-256 is \(found), but its model card says \(inCard); fetch the pair again or train anew"
        }
    }
}
