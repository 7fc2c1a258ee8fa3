import FoundationEssentials

/// How a long evaluation runs: its number of threads, where it reports progress, and when to stop early.
public struct EvaluationRuntime: Sendable {
    /// Number of parallel threads, 1 or more. It affects only the run time.
    public var threads: Int
    /// Checked between pieces of work, on any thread: true ends the evaluation with `EvaluationCancelled`.
    public var isCancelled: @Sendable () -> Bool
    /// Creates an evaluation's progress from its total work, in any unit proportional to time.
    public var makeProgress: @Sendable (_ totalWork: Double) -> any EvaluationProgress

    /// - Parameters:
    ///   - threads: nil: the number of processor cores.
    ///   - isCancelled: asked often, on any thread; true ends the evaluation with `EvaluationCancelled`.
    ///   - makeProgress: creates the progress display for an amount of work.
    public init(
        threads: Int? = nil, isCancelled: @escaping @Sendable () -> Bool = { false },
        makeProgress: @escaping @Sendable (_ totalWork: Double) -> any EvaluationProgress = { _ in NoProgress() }
    ) {
        self.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        self.isCancelled = isCancelled
        self.makeProgress = makeProgress
    }
}

/// Receives the progress of an evaluation, on any thread.
public protocol EvaluationProgress: Sendable {
    /// Names the current work item.
    func begin(_ label: String)
    /// Adds completed work, as part of the total.
    func advance(_ work: Double)
    /// Ends the reports; may be called twice.
    func end()
}

/// Discards the progress.
public struct NoProgress: EvaluationProgress {
    public init() {}
    public func begin(_ label: String) {}
    public func advance(_ work: Double) {}
    public func end() {}
}

/// An evaluation that ended early because `EvaluationRuntime.isCancelled` returned true.
public struct EvaluationCancelled: Error, Equatable {
    /// What became of the work done so far; nil: it is lost.
    public let message: String?

    public init(_ message: String? = nil) { self.message = message }

    /// The finished part is stored in a folder, from which the same evaluation can resume.
    static func resumable(from directory: String) -> EvaluationCancelled {
        EvaluationCancelled("stopped; the same command goes on from \(directory)")
    }
}
