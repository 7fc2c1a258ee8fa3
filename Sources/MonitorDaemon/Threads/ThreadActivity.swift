import Synchronization

/// What one thread shows of its life.
///
/// A thread reports on two occasions only: when a piece of work is done, and when it has come round and found nothing
/// to do. It reports nothing while it works, waits for another thread that does not move, or hangs. So a counter that
/// moves means that samples are processed or the thread is idle, and only then is the watchdog fed.
final class ThreadActivity: Sendable {
    let name: String
    private let turns = Atomic<UInt64>(0)
    private let working = Atomic<Bool>(true)
    private let ended = Atomic<Bool>(false)

    init(name: String) { self.name = name }

    /// A piece of work is done.
    func didWork() {
        working.store(true, ordering: .relaxed)
        turns.add(1, ordering: .relaxed)
    }

    /// Came round, and nothing was waiting.
    func wasIdle() {
        working.store(false, ordering: .relaxed)
        turns.add(1, ordering: .relaxed)
    }

    /// Came round, with or without work done.
    func didTurn(working: Bool) { if working { didWork() } else { wasIdle() } }

    /// The thread's loop has ended.
    func didEnd() { ended.store(true, ordering: .relaxed) }

    /// How often it has shown life.
    var turn: UInt64 { turns.load(ordering: .relaxed) }

    /// Its present state.
    var reading: Reading {
        Reading(
            name: name, turns: turns.load(ordering: .relaxed), isWorking: working.load(ordering: .relaxed),
            hasEnded: ended.load(ordering: .relaxed))
    }

    struct Reading: Sendable, Equatable {
        var name: String
        var turns: UInt64
        var isWorking: Bool
        var hasEnded: Bool
    }
}

/// Decides from successive readings whether every thread is alive. A pure value: time is an argument.
struct ProgressJudge: Sendable {
    /// How long a thread may go without a sign of life.
    let patienceNanoseconds: UInt64
    private var lastMove: [String: (turns: UInt64, at: UInt64)] = [:]

    init(patienceNanoseconds: UInt64) { self.patienceNanoseconds = patienceNanoseconds }

    struct Verdict: Sendable, Equatable {
        /// Threads without a sign of life for longer than the patience, or ended before their time.
        var stuck: [String]
        /// All of them found nothing to do.
        var isIdle: Bool
        var isAlive: Bool { stuck.isEmpty }
    }

    /// - Parameters:
    ///   - readings: one of each thread that ought to live.
    ///   - now: monotonic time in nanoseconds, not smaller than in the call before.
    mutating func judge(_ readings: [ThreadActivity.Reading], at now: UInt64) -> Verdict {
        var stuck: [String] = []
        for reading in readings {
            if let last = lastMove[reading.name], last.turns == reading.turns {
                if reading.hasEnded || now &- last.at > patienceNanoseconds { stuck.append(reading.name) }
            } else {
                lastMove[reading.name] = (reading.turns, now)
                if reading.hasEnded { stuck.append(reading.name) }
            }
        }
        return Verdict(stuck: stuck, isIdle: readings.allSatisfy { !$0.isWorking })
    }
}
