import Dispatch
import ECGATKGAN
import Synchronization

/// Work in numbered batches on several threads. What a batch gives must depend on its number alone; then the threads
/// change nothing but the time.
enum ParallelBatches {
    /// - Parameters:
    ///   - batches: the numbers to work on; begun in this order.
    ///   - threads: at most so many.
    ///   - makeWorker: called once on each thread, for what a thread must own.
    ///   - body: called for every batch, until Ctrl-C.
    static func run<Worker>(
        _ batches: [Int], threads: Int, makeWorker: @Sendable () -> Worker,
        body: @Sendable (inout Worker, Int) -> Void
    ) {
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, batches.count))) { _ in
            var place = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard place < batches.count else { return }
            var worker = makeWorker()
            while place < batches.count, !Interruption.requested {
                body(&worker, batches[place])
                place = next.wrappingAdd(1, ordering: .relaxed).oldValue
            }
        }
    }
}

/// Lends a network to threads that make replicas of it and leave it itself, and its weights, alone.
struct SharedNetwork: @unchecked Sendable {
    private let network: any BeatNetwork

    init(_ network: any BeatNetwork) { self.network = network }

    func replica() -> any BeatNetwork { network.replica() }
}
