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
}
