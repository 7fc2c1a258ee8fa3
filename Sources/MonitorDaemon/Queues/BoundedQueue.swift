import Glibc
import Synchronization

/// A first-in first-out queue between operating-system threads, bounded in elements and in what they cost (memory).
///
/// The pusher decides how long it waits for room. After that the element is not taken, and the pusher counts it.
/// Nothing that was taken is ever dropped. After `close()` nothing more is taken; what is inside can still be popped.
///
/// `@unchecked Sendable`: the ring is touched only while `mutex` is held.
final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    enum PushResult: Sendable { case taken, full, closed }

    let capacity: Int
    private let costLimit: Int
    private let cost: @Sendable (Element) -> Int
    /// Signalled when the queue stops being empty, for a consumer that waits in `poll`.
    let wakeUp: WakeUp?
    private var ring: [Element?]
    private var head = 0
    private var count = 0
    private var totalCost = 0
    private var waitingPushers = 0
    private var closed = false
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let notEmpty: UnsafeMutablePointer<pthread_cond_t>
    private let notFull: UnsafeMutablePointer<pthread_cond_t>
    private let depthGauge = Atomic<Int>(0)
    private let waitCounter = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - capacity: maximum number of elements inside, 1 or more.
    ///   - costLimit: maximum cost of all elements inside; a single one may cost more.
    ///   - cost: of an element; must always give the same for the same element.
    init(
        capacity: Int, costLimit: Int = .max, wakeUp: WakeUp? = nil,
        cost: @escaping @Sendable (Element) -> Int = { _ in 0 }
    ) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.costLimit = costLimit
        self.cost = cost
        self.wakeUp = wakeUp
        ring = Array(repeating: nil, count: capacity)
        mutex = .allocate(capacity: 1)
        notEmpty = .allocate(capacity: 1)
        notFull = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(notEmpty, &attributes)
        pthread_cond_init(notFull, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(notEmpty)
        pthread_cond_destroy(notFull)
        pthread_mutex_destroy(mutex)
        notEmpty.deallocate()
        notFull.deallocate()
        mutex.deallocate()
    }

    /// How many elements were inside a moment ago; any thread, without locking.
    var depth: Int { depthGauge.load(ordering: .relaxed) }

    /// How often a pusher had to wait for room.
    var waits: UInt64 { waitCounter.load(ordering: .relaxed) }

    /// Adds `element` at the end, waiting at most `nanoseconds` for room (0: not at all, nil: until there is some).
    func push(_ element: Element, waitingAtMost nanoseconds: UInt64?) -> PushResult {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let cost = self.cost(element)
        if isFull(for: cost) && !closed && nanoseconds != 0 {
            waitCounter.add(1, ordering: .relaxed)
            waitingPushers += 1
            let deadline = nanoseconds.map(Self.deadline)
            while isFull(for: cost) && !closed {
                if Self.wait(notFull, mutex, until: deadline) == ETIMEDOUT { break }
            }
            waitingPushers -= 1
        }
        if closed { return .closed }
        if isFull(for: cost) { return .full }
        var tail = head + count
        if tail >= capacity { tail -= capacity }
        ring[tail] = element
        count += 1
        totalCost += cost
        depthGauge.store(count, ordering: .relaxed)
        if count == 1 {
            pthread_cond_signal(notEmpty)
            wakeUp?.signal()
        }
        return .taken
    }

    /// Moves up to `limit` elements to the end of `elements`, waiting at most `nanoseconds` for the first.
    /// - Returns: true when the queue is closed and nothing is left in it.
    func pop(into elements: inout [Element], limit: Int, waitingAtMost nanoseconds: UInt64) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if count == 0 && !closed && nanoseconds != 0 {
            let deadline = Self.deadline(nanoseconds)
            while count == 0 && !closed {
                if Self.wait(notEmpty, mutex, until: deadline) == ETIMEDOUT { break }
            }
        }
        let taken = min(limit, count)
        for _ in 0..<taken {
            if let element = ring[head] {
                totalCost -= cost(element)
                elements.append(element)
            }
            ring[head] = nil
            head += 1
            if head == capacity { head = 0 }
        }
        count -= taken
        depthGauge.store(count, ordering: .relaxed)
        if waitingPushers > 0 && taken > 0 { pthread_cond_broadcast(notFull) }
        return closed && count == 0
    }

    /// Takes nothing more, and wakes all threads that wait.
    func close() {
        pthread_mutex_lock(mutex)
        closed = true
        pthread_cond_broadcast(notEmpty)
        pthread_cond_broadcast(notFull)
        pthread_mutex_unlock(mutex)
        wakeUp?.signal()
    }

    private func isFull(for cost: Int) -> Bool {
        count == capacity || (count > 0 && cost > costLimit - totalCost)
    }

    private static func deadline(_ nanoseconds: UInt64) -> timespec {
        let time = DaemonClock.monotonic() &+ nanoseconds
        return timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
    }

    private static func wait(
        _ condition: UnsafeMutablePointer<pthread_cond_t>, _ mutex: UnsafeMutablePointer<pthread_mutex_t>,
        until deadline: timespec?
    ) -> Int32 {
        guard var deadline else { return pthread_cond_wait(condition, mutex) }
        return pthread_cond_timedwait(condition, mutex, &deadline)
    }
}
