import Glibc
import Logging
import Synchronization

/// One entry of the log, ready to be written.
enum LogEntry: Sendable {
    /// A line for standard error, with its end.
    case line([UInt8])
    /// Fields for systemd's journal.
    case fields([String])

    /// Its approximate size in bytes.
    var cost: Int {
        switch self {
        case .line(let bytes): 64 + bytes.count
        case .fields(let fields): fields.reduce(64) { $0 + 32 + $1.utf8.count }
        }
    }
}

/// Writes the log on a thread of its own, so that nobody else ever waits for whoever reads it: a full pipe, a stopped
/// terminal, a log service that hangs.
///
/// What does not fit into its queue is dropped and counted. As soon as the reader reads again, the log itself says how
/// many lines it lacks.
final class LogWriter: Sendable {
    /// Entries that may wait.
    static let queueEntries = 4096
    /// Bytes that may wait.
    static let queueBytes = 4_000_000
    /// Between two lines about dropped ones.
    private static let reportPeriod: UInt64 = 1_000_000_000

    /// Entries that were dropped.
    let dropped = Counter()
    private let queue = BoundedQueue<LogEntry>(capacity: queueEntries, costLimit: queueBytes) { $0.cost }
    /// Makes the entry that says how many were dropped.
    private let report: @Sendable (UInt64) -> LogEntry
    private let sink: LogSink
    private let hasEnded = Atomic<Bool>(false)
    private let thread = Mutex<OSThread?>(nil)

    /// Starts the thread.
    /// - Parameters:
    ///   - descriptor: where lines go.
    ///   - report: makes the entry that says how many were dropped.
    init(
        descriptor: Int32 = STDERR_FILENO, report: @escaping @Sendable (UInt64) -> LogEntry
    ) throws(SystemCallError) {
        self.report = report
        sink = LogSink(descriptor: descriptor)
        // The thread keeps the writer: at the end of the process it may still wait for a reader.
        let thread = try OSThread(name: "log") { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// Takes an entry, or drops and counts it. Never waits.
    func put(_ entry: LogEntry) {
        if queue.push(entry, waitingAtMost: 0) != .taken { dropped.add(1) }
    }

    /// Takes nothing more, and waits until everything is written, but not for long: a reader that does not read must
    /// not keep the process from ending.
    /// - Returns: whether everything is written.
    @discardableResult
    func finish(waitingAtMost nanoseconds: UInt64 = 1_000_000_000) -> Bool {
        sink.setDeadline(DaemonClock.monotonic() &+ nanoseconds)
        queue.close()
        let end = DaemonClock.monotonic() &+ nanoseconds &+ 200_000_000
        while !hasEnded.load(ordering: .acquiring) {
            guard DaemonClock.monotonic() < end else { return false }
            sleepAWhile(nanoseconds: 2_000_000)
        }
        thread.withLock { $0 }?.join()
        return !sink.isGivenUp
    }

    private func run() {
        var entries: [LogEntry] = []
        var (reported, nextReport): (UInt64, UInt64) = (0, 0)
        var isOver = false
        while !isOver {
            entries.removeAll(keepingCapacity: true)
            isOver = queue.pop(into: &entries, limit: 64, waitingAtMost: 250_000_000)
            for entry in entries where !sink.write(entry) { dropped.add(1) }
            let now = DaemonClock.monotonic()
            let count = dropped.value
            guard count != reported, now >= nextReport || isOver else { continue }
            // Only what reaches the reader has been said.
            if sink.write(report(count &- reported)) { reported = count }
            nextReport = now &+ Self.reportPeriod
        }
        hasEnded.store(true, ordering: .releasing)
    }
}

/// Where the log goes. Only the log's thread writes there.
private final class LogSink: Sendable {
    private let descriptor: Int32
    /// Monotonic, ns: after it nothing is waited for.
    private let deadline = Atomic<UInt64>(.max)
    private let givenUp = Atomic<Bool>(false)

    /// What a pipe takes as a whole; a longer line is written in parts.
    private static let chunk = 4096

    init(descriptor: Int32) { self.descriptor = descriptor }

    func setDeadline(_ time: UInt64) { deadline.store(time, ordering: .relaxed) }

    /// Something was not written for want of time.
    var isGivenUp: Bool { givenUp.load(ordering: .relaxed) }

    /// - Returns: false if nobody will read it.
    func write(_ entry: LogEntry) -> Bool {
        switch entry {
        case .line(let bytes): write(bytes)
        case .fields(let fields): SystemdJournal.send(fields)
        }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        let result = OutputFile.write(bytes, to: descriptor, chunk: Self.chunk) {
            DaemonClock.monotonic() < deadline.load(ordering: .relaxed)
        }
        if result == .gaveUp { givenUp.store(true, ordering: .relaxed) }
        return result == .written
    }
}

/// Writing to a descriptor whose reader may be slow, stuck or gone.
public enum OutputFile {
    enum Result { case written, gaveUp, failed }

    /// Writes to standard error at the end of the process. Gives up after a second if nobody reads.
    public static func writeLastWords(_ text: String) {
        let end = DaemonClock.monotonic() &+ 1_000_000_000
        _ = write(Array(text.utf8), to: STDERR_FILENO) { DaemonClock.monotonic() < end }
    }

    /// Writes only when there is room, so that it never blocks for long.
    /// - Parameters:
    ///   - chunk: bytes written at once; a pipe that has room takes 4096 without blocking.
    ///   - goesOn: asked several times a second while nobody reads.
    static func write(
        _ bytes: [UInt8], to descriptor: Int32, chunk: Int = 4096, while goesOn: () -> Bool
    ) -> Result {
        var done = 0
        while done < bytes.count {
            var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let ready = poll(&item, 1, 100)
            if ready == 0 || (ready < 0 && errno == EINTR) {
                guard goesOn() else { return .gaveUp }
                continue
            }
            guard ready > 0, Int32(item.revents) & (POLLERR | POLLNVAL) == 0 else { return .failed }
            let count = bytes[done..<min(done + chunk, bytes.count)].withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 {
                done += count
            } else if count < 0 && (errno == EAGAIN || errno == EINTR) {
                guard goesOn() else { return .gaveUp }
                // Another program may have filled it meanwhile.
                sleepAWhile(nanoseconds: 1_000_000)
            } else {
                return .failed
            }
        }
        return .written
    }
}
