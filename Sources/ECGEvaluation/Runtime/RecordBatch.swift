import FoundationEssentials
import Synchronization

/// Processes many records or files in parallel, with the results in input order.
public enum RecordBatch {
    private typealias MakeProgress = @Sendable (_ inputs: Double) -> any EvaluationProgress
    private static let display = Mutex<MakeProgress?>(nil)

    /// From here on every batch of this process shows how far it is: for a program that has a terminal.
    /// - Parameter make: makes a batch's progress from its number of inputs.
    public static func showProgress(by make: @escaping @Sendable (_ inputs: Double) -> any EvaluationProgress) {
        display.withLock { $0 = make }
    }

    /// - Parameters:
    ///   - inputs: the records or files.
    ///   - jobs: number processed at a time; nil: the number of processor cores.
    ///   - showsProgress: false where the caller shows a progress of its own.
    ///   - work: called on several threads.
    /// - Throws: the first error; inputs not yet started are then skipped.
    public static func map<Input: Sendable, Result: Sendable>(
        _ inputs: [Input], jobs: Int?, showsProgress: Bool = true, _ work: @escaping @Sendable (Input) async throws -> Result
    ) async throws -> [Result] {
        let width = max(1, min(jobs ?? ProcessInfo.processInfo.activeProcessorCount, inputs.count))
        let progress = showsProgress ? display.withLock { $0 }?(Double(inputs.count)) : nil
        defer { progress?.end() }
        return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results = [Result?](repeating: nil, count: inputs.count)
            var next = 0
            func addTask() {
                guard next < inputs.count else { return }
                let index = next
                next += 1
                group.addTask { (index, try await work(inputs[index])) }
            }
            for _ in 0..<width { addTask() }
            while let (index, result) = try await group.next() {
                results[index] = result
                progress?.advance(1)
                addTask()
            }
            return results.compactMap { $0 }
        }
    }
}
