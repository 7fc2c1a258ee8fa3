import Logging

/// Looks whether the journal's files are still the ones that are written. If they were deleted or replaced (a clean-up
/// job, a backup that was restored), it begins a new journal at the path and copies what can still be read of the old
/// one. Files that others have put there are moved aside.
struct JournalReplacement {
    private let database: JournalDatabase
    private let generation: JournalGeneration
    private let metrics: DaemonMetrics
    private let logger: Logger
    private var nextLook: UInt64 = 0
    private var nextCopy: UInt64 = 0
    /// The files are not those that are written.
    private(set) var isNeeded = false

    private static let period: UInt64 = 1_000_000_000
    /// Events copied in one step: some milliseconds.
    private static let stepLimit = 500

    init(database: JournalDatabase, generation: JournalGeneration, metrics: DaemonMetrics, logger: Logger) {
        self.database = database
        self.generation = generation
        self.metrics = metrics
        self.logger = logger
    }

    /// Looks at the files, once a second. What is found is logged and counted once.
    mutating func look() {
        let now = DaemonClock.monotonic()
        guard !isNeeded, now >= nextLook else { return }
        nextLook = now + Self.period
        guard !database.files.areInPlace else { return }
        isNeeded = true
        metrics.journal.replacements.add(1)
        logger.critical(
            "the journal's files were deleted or replaced by others; a new journal begins",
            metadata: ["path": "\(database.path)"])
    }

    /// - Throws: why no new journal could be begun; to be tried again.
    mutating func beginIfNeeded() throws {
        guard isNeeded else { return }
        let outcome = try database.beginAnew()
        isNeeded = false
        generation.advance()
        var metadata: Logger.Metadata = ["path": "\(database.path)"]
        if !outcome.putAside.isEmpty { metadata["put_aside"] = "\(outcome.putAside.joined(separator: " "))" }
        if let loss = outcome.loss { metadata["not_taken_over"] = "\(loss)" }
        logger.notice("a new journal has begun", metadata: metadata)
    }

    /// Events of the old journal are still to be copied.
    var isCopying: Bool { database.hasLostEvents }

    /// Copies some of the old journal's events.
    mutating func copySome() {
        let now = DaemonClock.monotonic()
        guard database.hasLostEvents, now >= nextCopy else { return }
        do {
            if let count = try database.copyLostEvents(limit: Self.stepLimit) {
                logger.notice("the events of the old journal have been copied", metadata: ["events": "\(count)"])
            }
        } catch {
            nextCopy = now + Self.period
            logger.error(
                database.hasLostEvents
                    ? "events of the old journal cannot be copied yet" : "the old journal cannot be read any more",
                metadata: ["error": "\(error)"])
        }
    }

    /// Copies on until a time; what is left then is lost.
    /// - Parameter end: monotonic, ns.
    mutating func finish(before end: UInt64) {
        while database.hasLostEvents, DaemonClock.monotonic() < end, DaemonClock.monotonic() >= nextCopy { copySome() }
        if database.hasLostEvents { logger.error("not all events of the old journal could be copied") }
    }
}
