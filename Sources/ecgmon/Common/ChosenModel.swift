import ECGEvaluation
import ToolSupport

extension LoadedModel {
    /// The weights that the user names; nil: the shipped ones.
    static func chosen(_ given: String?) throws(ToolError) -> LoadedModel {
        try LoadedModel(contentsOf: InstalledFiles.model(given))
    }
}

extension EvaluatedModel {
    /// The network that transfer attacks are made on: the one given, or `surrogate.safetensors` among those shipped.
    static func chosenSurrogate(_ given: String?) throws(ToolError) -> EvaluatedModel? {
        if let given { return try load(given) }
        guard let found = InstalledFiles.find("Config/models/surrogate.safetensors") else { return nil }
        return try load(found)
    }

    /// Where the shipped models lie.
    static func shippedFolder() throws(ToolError) -> String {
        let path = try InstalledFiles.model(nil)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}

extension EvaluationRuntime {
    /// A progress line on standard error, and an end at Ctrl-C.
    /// - Parameter threads: nil: as many as there are processor cores.
    static func console(threads: Int?) -> EvaluationRuntime {
        EvaluationRuntime(
            threads: threads, isCancelled: { Interruption.requested }, makeProgress: { ProgressLine(total: $0) })
    }
}
