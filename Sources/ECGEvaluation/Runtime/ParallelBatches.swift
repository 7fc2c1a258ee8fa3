import Dispatch
public import ECGATKGAN
import Synchronization

/// Processes numbered batches on several threads. The result of a batch must depend on its number alone, so that the
/// number of threads affects only the run time.
public enum ParallelBatches {
    /// - Parameters:
    ///   - batches: the batch numbers, started in this order.
    ///   - runtime: provides the number of threads and the cancellation check.
    ///   - makeWorker: called once on each thread to create its own state.
    ///   - body: called for every batch until the evaluation is cancelled.
    public static func run<Worker>(
        _ batches: [Int], on runtime: EvaluationRuntime, makeWorker: @Sendable () -> Worker,
        body: @Sendable (inout Worker, Int) -> Void
    ) {
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: max(1, min(runtime.threads, batches.count))) { _ in
            var place = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard place < batches.count else { return }
            var worker = makeWorker()
            while place < batches.count, !runtime.isCancelled() {
                body(&worker, batches[place])
                place = next.wrappingAdd(1, ordering: .relaxed).oldValue
            }
        }
    }
}

/// Shares a network between threads, each of which creates its own replica. The weights must not be changed.
public struct SharedNetwork: @unchecked Sendable {
    private let network: any BeatNetwork

    public init(_ network: any BeatNetwork) { self.network = network }

    /// A network for the caller alone, on the shared weights.
    public func replica() -> any BeatNetwork { network.replica() }
}
