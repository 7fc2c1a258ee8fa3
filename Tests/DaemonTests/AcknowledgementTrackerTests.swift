import Testing

@testable import MonitorDaemon

@Suite struct AcknowledgementTrackerTests {
    /// The journal's thread may have saved a stream's first blocks before the worker reports them.
    @Test func aJournalThatIsQuickerThanTheWorkerIsReported() throws {
        let tracker = try AcknowledgementTracker(isDurable: true, metrics: DaemonMetrics())
        tracker.begin("bed-1")
        tracker.didPersist("bed-1", session: 1, before: 36)
        tracker.didProcess("bed-1", session: 1, next: 36, samples: 36)
        #expect(tracker.offsets(of: "bed-1")?.neededFrom == 36)
    }

    @Test func aStreamWithoutAcknowledgementLeavesNothing() throws {
        let tracker = try AcknowledgementTracker(isDurable: true, metrics: DaemonMetrics())
        tracker.didPersist("bed-1", session: 1, before: 36)
        #expect(tracker.offsets(of: "bed-1") == nil)
    }

    /// A worker that was held up finds a stream silent for long enough to be forgotten, before it was ever saved.
    @Test func aStreamThatEndsIsForgottenOnceTheJournalHoldsIt() throws {
        let tracker = try AcknowledgementTracker(isDurable: true, metrics: DaemonMetrics())
        tracker.begin("bed-1")
        tracker.didProcess("bed-1", session: 7, next: 36, samples: 36)
        tracker.end("bed-1")
        #expect(forgotten(tracker) == [])
        tracker.didPersist("bed-1", session: 7, before: 36)
        #expect(forgotten(tracker) == [36], "what its source may drop is told with it")
        #expect(tracker.offsets(of: "bed-1") == nil)
    }

    @Test func aStreamThatIsSavedIsForgottenWhenItEnds() throws {
        let tracker = try AcknowledgementTracker(isDurable: true, metrics: DaemonMetrics())
        tracker.begin("bed-1")
        tracker.didProcess("bed-1", session: 7, next: 36, samples: 36)
        tracker.didPersist("bed-1", session: 7, before: 36)
        tracker.end("bed-1")
        #expect(forgotten(tracker) == [36])
    }

    @Test func aStreamThatComesBackWhileItEndsIsKept() throws {
        let tracker = try AcknowledgementTracker(isDurable: true, metrics: DaemonMetrics())
        tracker.begin("bed-1")
        tracker.didProcess("bed-1", session: 7, next: 36, samples: 36)
        tracker.end("bed-1")
        tracker.begin("bed-1")
        tracker.didPersist("bed-1", session: 7, before: 36)
        tracker.didProcess("bed-1", session: 7, next: 72, samples: 36)
        #expect(forgotten(tracker) == [])
        let offsets = tracker.offsets(of: "bed-1")
        #expect(offsets?.neededFrom == 36 && offsets?.expected == 72)
        #expect(offsets?.processed == 72, "its source counts on")
    }

    /// Up to where the sources of forgotten streams may drop their samples.
    private func forgotten(_ tracker: AcknowledgementTracker) -> [Int64] {
        var notices: [AcknowledgementTracker.Notice] = []
        var changed: [(stream: String, offsets: AcknowledgementTracker.Offsets)] = []
        _ = tracker.take(changed: &changed, notices: &notices)
        return notices.compactMap { notice in
            if case .forgotten(_, let last) = notice { last.neededFrom } else { nil }
        }
    }
}
