import Synchronization

/// A message that a connection to a broker delivered.
struct DeliveryPlace: Sendable, Hashable {
    /// Counts the connections: a tag means nothing on another.
    var connection: Int
    var tag: UInt64
}

/// Messages of a cluster's queue whose events the journal holds, from its thread to the one that acknowledges them.
final class WrittenDeliveries: Sendable {
    let wakeUp: WakeUp
    private let places = Mutex<[DeliveryPlace]>([])

    init() throws(SystemCallError) { wakeUp = try WakeUp() }

    func add(_ more: [DeliveryPlace]) {
        guard !more.isEmpty else { return }
        places.withLock { $0 += more }
        wakeUp.signal()
    }

    func take() -> [DeliveryPlace] {
        places.withLock { places in
            defer { places.removeAll(keepingCapacity: true) }
            return places
        }
    }
}
