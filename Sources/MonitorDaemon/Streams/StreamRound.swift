import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGSignal
import MonitorWire

/// The round that a worker is making. Blocks are appended to their streams' monitors; when the round is finished, the
/// beats of all its streams are classified in one batch, and each stream's events are decided in the order of its
/// samples and published.
///
/// How blocks fall into rounds cannot change an event: a monitor's answer depends on its own samples alone.
final class StreamRound {
    private let classifier: BeatClassifier
    private let workspace: BeatClassifier.Workspace
    private let publisher: EventPublisher
    private let tracker: AcknowledgementTracker
    private let metrics: DaemonMetrics
    private let log: PeriodicLog
    private let activity: ThreadActivity

    // Kept, so that a round allocates nothing once they have grown.
    private var streams: [WatchedStream] = []
    private var windows: [Float] = []
    private var classifications: [BeatClassification] = []
    /// Signs of the network's activations for the windows, if `keepsSigns`.
    private var signs: [UInt8] = []
    private var keepsSigns = false

    private static let maximumBatch = 1024

    init(
        classifier: BeatClassifier, publisher: EventPublisher, tracker: AcknowledgementTracker,
        context: DaemonContext, activity: ThreadActivity
    ) {
        self.classifier = classifier
        workspace = classifier.makeWorkspace()
        self.publisher = publisher
        self.tracker = tracker
        metrics = context.metrics
        log = context.log
        self.activity = activity
    }

    // MARK: What comes into the round

    /// Appends a block to its stream.
    /// - Returns: how many of its samples were new.
    /// - Throws: the monitor's reason; the stream is as it was before.
    func append(_ received: ReceivedBlock, to stream: WatchedStream) throws(BlockRejection) -> Int {
        let receipt = try stream.monitor.append(received.block) { block, skipped in
            publisher.publishWaveform(block, skipping: skipped, of: stream, receivedAt: received.receivedAt)
        }
        metrics.segmentsProcessed.add(1)
        if stream.isNew {
            stream.isNew = false
            metrics.streamLosses.watch(stream.name)
        }
        if received.acknowledgement != nil {
            stream.isAcknowledged = true
            stream.processedInRound += received.block.millivolts.count
        }
        account(receipt, stream, received.receivedAt, from: received.block.firstSampleIndex)
        return receipt.acceptedSamples
    }

    /// Goes on without the samples that a silent source has left out, and finishes the round.
    func releaseReordered(_ stream: WatchedStream, now: UInt64) {
        guard stream.monitor.bufferedSampleCount > 0 else { return }
        let receipt = stream.monitor.releaseReordered { block, skipped in
            publisher.publishWaveform(block, skipping: skipped, of: stream, receivedAt: now)
        }
        account(receipt, stream, now, from: stream.monitor.nextSampleIndex)
        // The clock decided this; the samples alone would not.
        stream.needsSnapshot = true
        finish()
    }

    /// Counts what became of samples, and puts their stream into the round.
    private func account(
        _ receipt: BlockReceipt, _ stream: WatchedStream, _ receivedAt: UInt64, from firstSampleIndex: Int64
    ) {
        metrics.samplesAccepted.add(receipt.acceptedSamples)
        metrics.count(.samplesDuplicate, receipt.duplicateSamplesDropped, of: stream.name)
        metrics.samplesReordered.add(receipt.reorderedSamples)
        metrics.count(.samplesInvalid, receipt.invalidSamples, of: stream.name)
        metrics.count(.samplesSetAside, receipt.spikeSamples, of: stream.name)
        for gap in receipt.gaps {
            metrics.count(.gap, of: stream.name)
            metrics.count(.samplesMissing, Int(gap.missingSampleCount), of: stream.name)
            log.note(
                "gap in the samples", cause: "gap", stream: stream.name,
                detail: "\(gap.missingSampleCount) missing from \(gap.firstMissingSampleIndex) on")
        }
        if receipt.duplicateSamplesDropped > 0 {
            // Shows a source that began again at 0 without a new session: none of its samples counts.
            log.note(
                "samples came twice", cause: "duplicate_samples", stream: stream.name,
                detail: "from \(firstSampleIndex) on; \(receipt.nextSampleIndex) is expected")
        }
        if receipt.timeWentBackwards {
            metrics.timeWentBackwards.add(1)
            log.note("acquisition time went backwards", cause: "time_went_backwards", stream: stream.name)
        }
        if receipt.sessionChanged {
            metrics.sessionsChanged.add(1)
            log.note(
                "another session began", cause: "session_changed", stream: stream.name,
                detail: "session \(stream.monitor.session ?? 0)")
        }
        if receipt.signalChanged {
            metrics.signalsChanged.add(1)
            log.note("sampling rate or leads changed", cause: "rate_or_leads_changed", stream: stream.name)
        }
        if !stream.isInRound {
            stream.isInRound = true
            stream.oldestInRound = receivedAt
            streams.append(stream)
        }
    }

    // MARK: What the round decides

    /// Classifies the beats that wait in the streams of the round, then decides and publishes stream by stream.
    func finish() {
        guard !streams.isEmpty else { return }
        classify()
        var start = 0
        for stream in streams {
            let end = start + stream.windowsInRound
            if stream.isAcknowledged, !stream.isTracked {
                tracker.begin(stream.name)
                stream.isTracked = true
            }
            publisher.publish(stream, receivedAt: stream.oldestInRound) { events in
                classifications.withUnsafeBufferPointer { all in
                    signs.withUnsafeBufferPointer { signs in
                        let own = keepsSigns ? signs.baseAddress.map { $0 + start * classifier.signBytes } : nil
                        stream.monitor.resolve(
                            UnsafeBufferPointer(rebasing: all[start..<end]), contextual: classifier.contextual,
                            gradient: LossGradient(classifier, workspace: workspace, signs: own), events: &events)
                    }
                }
            }
            start = end
            stream.isInRound = false
            if stream.isAcknowledged { stream.reportProgress(to: tracker) }
            activity.didWork()
        }
        streams.removeAll(keepingCapacity: true)
    }

    /// Publishes what can still be decided about a stream that gets no more samples.
    func end(_ stream: WatchedStream) {
        publisher.publish(stream, hasEnded: true) { events in
            stream.monitor.finish(classifier: classifier, workspace: workspace, events: &events)
        }
    }

    /// Fills `classifications`, stream after stream.
    private func classify() {
        windows.removeAll(keepingCapacity: true)
        var total = 0
        for stream in streams {
            stream.windowsInRound = stream.monitor.appendPendingWindows(to: &windows)
            total += stream.windowsInRound
        }
        reserve(total)
        windows.withUnsafeBufferPointer { windows in
            classifications.withUnsafeMutableBufferPointer { results in
                signs.withUnsafeMutableBufferPointer { signs in
                    // In parts, so that a long batch shows that it moves on. Each result depends on its own window
                    // alone.
                    for start in stride(from: 0, to: total, by: Self.maximumBatch) {
                        let end = min(start + Self.maximumBatch, total)
                        classifier.classify(
                            UnsafeBufferPointer(rebasing: windows[start * BeatWindow.length..<end * BeatWindow.length]),
                            into: UnsafeMutableBufferPointer(rebasing: results[start..<end]),
                            signs: keepsSigns ? signs.baseAddress : nil, workspace: workspace)
                        activity.didWork()
                    }
                }
            }
        }
        metrics.windowsClassified.add(total)
    }

    private func reserve(_ count: Int) {
        // Of a longer batch the activations are computed anew: they would take more memory than they are worth.
        keepsSigns = count <= Self.maximumBatch
        let bytes = count * classifier.signBytes
        if keepsSigns, signs.count < bytes { signs = Array(repeating: 0, count: bytes) }
        guard classifications.count < count else { return }
        classifications = Array(
            repeating: BeatClassification(probabilities: .zero, attackSuspicion: 0), count: count)
    }
}
