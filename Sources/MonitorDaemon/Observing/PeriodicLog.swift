import Logging
import Synchronization

/// Logs what may happen thousands of times a second: the first time at once, then once a period for each cause and
/// stream, with the number of times.
final class PeriodicLog: Sendable {
    private struct Key: Hashable {
        var message: String
        var cause: String
        var stream: String
        var key: String
    }

    private struct State {
        var periodNanoseconds: UInt64
        var counts: [Key: (suppressed: UInt64, windowEnd: UInt64)] = [:]
        var overflow: UInt64 = 0
    }

    /// Bounds the memory that thousands of made-up stream names could take.
    static let maximumKeys = 256

    private let logger: Logger
    private let state: Mutex<State>

    init(logger: Logger, periodSeconds: Double) {
        self.logger = logger
        state = Mutex(State(periodNanoseconds: UInt64(periodSeconds * 1e9)))
    }

    func setPeriod(seconds: Double) { state.withLock { $0.periodNanoseconds = UInt64(seconds * 1e9) } }

    /// - Parameters:
    ///   - stream: the stream that it concerns, "" when it is not known.
    ///   - key: the name of the sender's key, "" if it does not matter.
    ///   - detail: logged with the first one of the period only.
    func note(
        _ message: String, cause: String, stream: String, key: String = "",
        detail: @autoclosure () -> String = ""
    ) {
        let key = Key(message: message, cause: cause, stream: stream, key: key)
        let now = DaemonClock.monotonic()
        let first: Bool = state.withLock { state in
            if state.counts[key] != nil {
                state.counts[key]?.suppressed += 1
                return false
            }
            guard state.counts.count < Self.maximumKeys else {
                state.overflow += 1
                return false
            }
            state.counts[key] = (0, now &+ state.periodNanoseconds)
            return true
        }
        if first { write(key, detail: detail(), count: nil) }
    }

    /// Logs the sums of the periods that are over; to be called now and then.
    func flush(everything: Bool = false) {
        let now = DaemonClock.monotonic()
        var due: [(Key, UInt64)] = []
        let overflow: UInt64 = state.withLock { state in
            for (key, entry) in state.counts where everything || entry.windowEnd <= now {
                if entry.suppressed > 0 {
                    due.append((key, entry.suppressed))
                    state.counts[key] = (0, now &+ state.periodNanoseconds)
                } else {
                    state.counts[key] = nil
                }
            }
            defer { state.overflow = 0 }
            return state.overflow
        }
        for (key, count) in due { write(key, detail: "", count: count) }
        if overflow > 0 {
            logger.warning("more causes and streams than are logged apart", metadata: ["count": "\(overflow)"])
        }
    }

    private func write(_ key: Key, detail: String, count: UInt64?) {
        var metadata: Logger.Metadata = ["cause": "\(key.cause)"]
        if !key.stream.isEmpty { metadata["stream"] = "\(key.stream)" }
        if !key.key.isEmpty { metadata["key"] = "\(key.key)" }
        if !detail.isEmpty { metadata["detail"] = "\(detail)" }
        if let count { metadata["again"] = "\(count)" }
        logger.warning("\(key.message)", metadata: metadata)
    }
}
