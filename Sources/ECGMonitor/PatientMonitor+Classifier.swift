internal import ECGATKGAN
public import ECGClassification
internal import ECGSignal

extension PatientMonitor {
    /// Runs both stages for one stream: takes a sample block and produces events.
    ///
    /// - Parameters:
    ///   - segment: the sample block, as for `append`.
    ///   - classifier: shared by all threads.
    ///   - workspace: the calling thread's own, created by the classifier.
    ///   - events: the events are appended.
    /// - Throws: why the block was rejected; nothing has changed in that case.
    public mutating func process(
        _ block: SampleBlock, classifier: BeatClassifier, workspace: BeatClassifier.Workspace,
        events: inout [MonitorEvent]
    ) throws(BlockRejection) -> BlockReceipt {
        let receipt = try append(block)
        classifyAndResolve(classifier: classifier, workspace: workspace, events: &events)
        return receipt
    }

    /// Ends the input: classifies the remaining beats, decides the last events and ends the session.
    public mutating func finish(
        classifier: BeatClassifier, workspace: BeatClassifier.Workspace, events: inout [MonitorEvent]
    ) {
        endInput()
        classifyAndResolve(classifier: classifier, workspace: workspace, events: &events)
    }

    /// Windows at a time whose activations are kept for their gradients.
    private static let mostSigns = 64

    /// Classifies the pending windows and resolves them.
    public mutating func classifyAndResolve(
        classifier: BeatClassifier, workspace: BeatClassifier.Workspace, events: inout [MonitorEvent]
    ) {
        let count = pendingWindowCount
        // A long block may bring many beats; then their activations are computed anew rather than kept.
        let keepsSigns = count <= Self.mostSigns
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count * BeatWindow.length) { windows in
            withUnsafeTemporaryAllocation(of: BeatClassification.self, capacity: count) { answers in
                withUnsafeTemporaryAllocation(
                    of: UInt8.self, capacity: keepsSigns ? count * classifier.signBytes : 0
                ) { signs in
                    let signs = keepsSigns ? signs.baseAddress : nil
                    if count > 0 {
                        windows.initialize(repeating: 0)
                        answers.initialize(repeating: BeatClassification(probabilities: .zero, attackSuspicion: 0))
                        copyPendingWindows(to: windows)
                        classifier.classify(
                            UnsafeBufferPointer(windows), into: answers, signs: signs, workspace: workspace)
                    }
                    resolve(
                        UnsafeBufferPointer(answers), contextual: classifier.contextual,
                        gradient: LossGradient(classifier, workspace: workspace, signs: signs), events: &events)
                }
            }
        }
    }
}
