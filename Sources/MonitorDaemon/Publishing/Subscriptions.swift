import ECGWire
import Synchronization

/// The prefixes that are subscribed to now. The publisher's thread writes them; the workers read them, so that they
/// encode no event that nobody would get.
final class Subscriptions: Sendable {
    private struct State {
        var prefixes: Set<[UInt8]> = []
        /// How many prefixes have each length; longer ones than a topic match nothing.
        var countsByLength = [Int](repeating: 0, count: maximumTopicLength + 1)
        /// More prefixes than are kept: everything counts as wanted.
        var overflowed = false
    }

    /// "suspicion." and a stream's name.
    private static let maximumTopicLength = 10 + StreamName.maximumLength
    /// Bounds the memory that a subscriber can take here.
    static let maximumPrefixes = 65_536

    private let state = Mutex(State())
    private let generationCount = Atomic<UInt64>(1)

    /// Grows with every change.
    var generation: UInt64 { generationCount.load(ordering: .acquiring) }

    var count: Int { state.withLock { $0.prefixes.count } }

    func add(_ prefix: [UInt8]) {
        change { state in
            guard prefix.count <= Self.maximumTopicLength else { return }
            guard state.prefixes.count < Self.maximumPrefixes else {
                state.overflowed = true
                return
            }
            if state.prefixes.insert(prefix).inserted { state.countsByLength[prefix.count] += 1 }
        }
    }

    func remove(_ prefix: [UInt8]) {
        change { state in
            if state.prefixes.remove(prefix) != nil { state.countsByLength[prefix.count] -= 1 }
        }
    }

    /// Whether anybody has subscribed to a prefix of this topic.
    func wants(_ topic: [UInt8]) -> Bool {
        state.withLock { state in
            if state.overflowed { return true }
            for length in 0...min(topic.count, Self.maximumTopicLength) where state.countsByLength[length] > 0 {
                if state.prefixes.contains(Array(topic.prefix(length))) { return true }
            }
            return false
        }
    }

    /// Whether anybody has subscribed to some topic of a kind.
    func wantAny(of kind: Topic.Kind) -> Bool {
        let beginning = Array("\(kind.rawValue).".utf8)
        return state.withLock { state in
            state.overflowed
                || state.prefixes.contains { $0.starts(with: beginning) || beginning.starts(with: $0) }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
        generationCount.add(1, ordering: .releasing)
    }
}
