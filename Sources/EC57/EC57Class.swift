/// The five beat classes of AAMI EC57 (ANSI/AAMI/ISO EC57:2012, table 3), in the order of the confusion matrix.
public enum EC57Class: Int, Sendable, CaseIterable {
    /// Normal, bundle branch block and escape beats that are neither S nor V.
    case normal
    /// Supraventricular ectopic.
    case supraventricular
    /// Ventricular ectopic, including R-on-T.
    case ventricular
    /// Fusion of ventricular and normal.
    case fusion
    /// Paced, fusion of paced and normal, unclassifiable.
    case unclassifiable

    /// N, S, V, F or Q.
    public var letter: Character {
        switch self {
        case .normal: "N"
        case .supraventricular: "S"
        case .ventricular: "V"
        case .fusion: "F"
        case .unclassifiable: "Q"
        }
    }

    /// The class of a beat annotation of the MIT-BIH databases. This is the only table of MIT codes and their classes.
    ///
    /// - Parameter symbol: the code's one-letter WFDB symbol, such as `L` or `V`.
    /// - Returns: nil for an annotation that is not a beat.
    public init?(annotationSymbol symbol: Character) {
        switch symbol {
        case "N", "L", "R", "e", "j", "B", "n", "?": self = .normal
        case "A", "a", "J", "S": self = .supraventricular
        case "V", "E", "r": self = .ventricular
        case "F": self = .fusion
        case "/", "f", "Q": self = .unclassifiable
        default: return nil
        }
    }
}
