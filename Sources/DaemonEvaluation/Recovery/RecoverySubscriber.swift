import DaemonHarness
import ECGWire
import Synchronization
import ToolSupport
import ZeroMQ

/// The subscriber of a run that is interrupted: it receives every event from the beginning on, with what it misses out of the
/// history.
enum RecoverySubscriber {
    /// Receives until the run is over, and puts what came into its outcome.
    /// - Parameter didReceive: called with each event, and how many there are with it.
    static func listen(
        events: String, history: String, _ context: ZeroMQContext, _ keys: CurveClientKeys? = nil,
        isOver: borrowing Atomic<Bool>, outcome: borrowing Mutex<RecoveryRun.Outcome>,
        didReceive: (WireEvent, _ count: Int) -> Void
    ) {
        do {
            var client = try HistorySubscriberClient(
                endpoint: events, history: history,
                filters: [.all(.alert), .all(.beat), .all(.suspicion), .all(.status)], start: .beginning,
                context: context, keys: keys)
            var received: [WireEvent] = []
            var missed: UInt64 = 0
            while !isOver.load(ordering: .acquiring), !Interruption.requested {
                guard let publication = try client.receive(timeout: .milliseconds(20)), let event = publication.event
                else { continue }
                missed += publication.missedBefore
                received.append(event)
                didReceive(event, received.count)
            }
            let (repeats, fromHistory) = (client.repeats, client.fromHistory)
            outcome.withLock { outcome in
                outcome.received = received
                outcome.missed = missed
                outcome.repeats = repeats
                outcome.fromHistory = fromHistory
            }
        } catch {
            outcome.withLock { $0.problems.append("subscriber: \(error)") }
        }
    }
}
