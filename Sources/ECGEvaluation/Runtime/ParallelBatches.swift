import Dispatch
public import ECGATKGAN
import Synchronization

/// Work in numbered batches on several threads. The result of a batch must depend on its number alone; then the number of
/// threads changes nothing but the time.
public enum ParallelBatches {
    /// - Parameters:
    ///   - batches: the numbers to work on; begun in this order.
    ///   - runtime: gives the number of threads, and says when to stop.
    ///   - makeWorker: called once on each thread, for what a thread must own.
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

/// Shares a network between threads, each of which makes a replica of its own. Nobody changes the weights.
public struct SharedNetwork: @unchecked Sendable {
    private let network: any BeatNetwork

    public init(_ network: any BeatNetwork) { self.network = network }

    /// A network of the caller's own, on the common weights.
    public func replica() -> any BeatNetwork { network.replica() }
}
