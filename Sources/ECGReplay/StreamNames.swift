import ECGWire
public import ToolSupport

/// The names of the streams of a replay: the given name, or that name with a number if there are several.
public enum StreamNames {
    /// - Throws: `ToolError` if the daemon would not accept a name.
    public static func make(base: String, count: Int) throws(ToolError) -> [String] {
        let names = count == 1 ? [base] : (1...max(1, count)).map { "\(base)-\($0)" }
        for name in names where !StreamName.isValid(name) {
            throw ToolError(
                "\(printable(name)) is no name for a stream",
                nextStep: "Use 1 to 64 letters, digits or _ and, not first, - . :")
        }
        return names
    }
}
