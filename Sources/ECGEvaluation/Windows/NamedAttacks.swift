public import ECGATKGAN
public import ToolSupport

extension PaperFigures.Condition {
    /// The attack of this condition; nil: none.
    public func attack(epsilon: Float) throws(ToolError) -> WindowAttack? {
        self == .none ? nil : try WindowAttack.named(rawValue, epsilon: epsilon)
    }

    /// The name as a heading.
    public var title: String { self == .none ? "no attack" : rawValue.uppercased() }
}

extension WindowAttack {
    /// The attack with this name, with the parameters used in the evaluation.
    public static func named(_ name: String, epsilon: Float) throws(ToolError) -> WindowAttack {
        guard let method = Method(rawValue: name) else {
            throw ToolError(
                "there is no attack called \(name)",
                nextStep: "There are " + Method.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return WindowAttack(method, epsilon: epsilon)
    }
}
