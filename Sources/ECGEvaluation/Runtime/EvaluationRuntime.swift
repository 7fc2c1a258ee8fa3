import FoundationEssentials

/// How a long evaluation runs: on how many threads, whom it tells how far it is, and when it is to stop early.
public struct EvaluationRuntime: Sendable {
    /// Threads that work side by side, 1 or more. They change nothing but the time.
    public var threads: Int
    /// Asked between pieces of work, on any thread: true ends the evaluation with `EvaluationCancelled`.
    public var isCancelled: @Sendable () -> Bool
    /// Makes the progress of an evaluation from the total of its work, in any unit that is proportional to its time.
    public var makeProgress: @Sendable (_ totalWork: Double) -> any EvaluationProgress

    /// - Parameter threads: nil: as many as there are processor cores.
    public init(
        threads: Int? = nil, isCancelled: @escaping @Sendable () -> Bool = { false },
        makeProgress: @escaping @Sendable (_ totalWork: Double) -> any EvaluationProgress = { _ in NoProgress() }
    ) {
        self.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        self.isCancelled = isCancelled
        self.makeProgress = makeProgress
    }
}

/// Is told how far an evaluation is, on any thread.
public protocol EvaluationProgress: Sendable {
    /// Names what is worked on now.
    func begin(_ label: String)
    /// So much more of the total work is done.
    func advance(_ work: Double)
    /// Nothing more comes; may be called twice.
    func end()
}

/// Keeps progress to itself.
public struct NoProgress: EvaluationProgress {
    public init() {}
    public func begin(_ label: String) {}
    public func advance(_ work: Double) {}
    public func end() {}
}

/// An evaluation that was stopped before its end because `EvaluationRuntime.isCancelled` asked for it.
public struct EvaluationCancelled: Error, Equatable {
    /// What became of the work done so far; nil: it is lost.
    public let message: String?

    public init(_ message: String? = nil) { self.message = message }

    /// The finished part lies in a folder, from which the same evaluation goes on.
    static func resumable(from directory: String) -> EvaluationCancelled {
        EvaluationCancelled("stopped; the same command goes on from \(directory)")
    }
}
