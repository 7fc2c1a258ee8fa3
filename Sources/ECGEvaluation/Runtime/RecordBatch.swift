import FoundationEssentials

/// Processes many records or files in parallel, with the results in input order.
public enum RecordBatch {
    /// - Parameters:
    ///   - inputs: the records or files.
    ///   - jobs: number processed at a time; nil: the number of processor cores.
    ///   - work: called on several threads.
    /// - Throws: the first error; inputs not yet started are then skipped.
    public static func map<Input: Sendable, Result: Sendable>(
        _ inputs: [Input], jobs: Int?, _ work: @escaping @Sendable (Input) async throws -> Result
    ) async throws -> [Result] {
        let width = max(1, min(jobs ?? ProcessInfo.processInfo.activeProcessorCount, inputs.count))
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
                addTask()
            }
            return results.compactMap { $0 }
        }
    }
}
