import ECGMonitor

/// What a worker is given, in the order in which it arrived.
enum WorkerInput: Sendable {
    case block(ReceivedBlock)
    case command(ReceivedCommand)
    case limits(ReceivedLimits)
    case hello(ReceivedHello)
    /// A stream of a cluster goes on here, from this state.
    case restore(stream: String, StreamSnapshot)
    /// A stream's state is wanted now.
    case save(stream: String)
    /// These streams of a partition go on elsewhere: what is known of them here is dropped.
    case leave(partition: Int, streams: [String])

    /// What it costs in a queue, in samples.
    var cost: Int {
        switch self {
        case .block(let received): received.block.totalSampleCount
        case .command, .limits, .hello, .restore, .save, .leave: 1
        }
    }
}

/// The queues of all workers. Each stream belongs to one worker.
struct WorkerQueues: Sendable {
    let queues: [BoundedQueue<WorkerInput>]
    /// What shows that the worker behind each queue moves on.
    let activities: [ThreadActivity]

    var count: Int { queues.count }

    /// The index of the worker that owns a stream.
    func worker(of stream: String) -> Int { StreamHash.worker(of: stream, among: queues.count) }

    /// Dispatches without waiting for room.
    /// - Returns: false if the worker's queue is full or closed.
    func dispatch(_ input: WorkerInput, of stream: String) -> Bool {
        queues[worker(of: stream)].push(input, waitingAtMost: 0) == .taken
    }
}

/// One thread's way to the workers: waits for a worker that is slow, but not for one that is stalled.
///
/// While a worker's queue is full and the worker moves on, its room is waited for, so that nothing is lost. A worker
/// that has done nothing at all for the patience given counts as stalled: until it moves again, nothing is dispatched
/// to it, so that the streams of all others go on.
struct WorkerDispatcher {
    let workers: WorkerQueues
    /// Of the thread that dispatches: waiting for a worker that moves is a sign of life.
    private let activity: ThreadActivity
    /// The turn of a stalled worker when it was found to be stalled; nil if it is not.
    private var stalledAt: [UInt64?]

    init(workers: WorkerQueues, activity: ThreadActivity) {
        self.workers = workers
        self.activity = activity
        stalledAt = Array(repeating: nil, count: workers.count)
    }

    /// - Parameter patienceSeconds: how long a worker may do nothing at all before it counts as stalled.
    /// - Returns: false if the worker is stalled or about to end; the input was not taken.
    mutating func dispatch(_ input: WorkerInput, of stream: String, patienceSeconds: Double) -> Bool {
        let worker = workers.worker(of: stream)
        while true {
            let turn = workers.activities[worker].turn
            let patience = stalledAt[worker] == turn ? 0 : UInt64(patienceSeconds * 1e9)
            switch workers.queues[worker].push(input, waitingAtMost: patience) {
            case .taken:
                stalledAt[worker] = nil
                return true
            case .full where workers.activities[worker].turn != turn: activity.didWork()
            case .full, .closed:
                stalledAt[worker] = turn
                return false
            }
        }
    }
}
