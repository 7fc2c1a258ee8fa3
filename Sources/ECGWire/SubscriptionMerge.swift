/// Merges published and historical events into one order: every sequence number of each topic once, without gaps. A
/// value type with neither socket nor clock.
struct SubscriptionMerge: Sendable {
    /// The last sequence number delivered on each topic.
    private(set) var last: [Topic: UInt64] = [:]
    /// Number of published messages that had already been delivered.
    private(set) var repeats = 0

    enum Verdict: Equatable {
        case deliver
        /// Already delivered.
        case drop
        /// This many messages before it are missing.
        case hole(UInt64)
    }

    /// Waveforms and health are not kept in the journal, so what is lost of them cannot be recovered.
    static func isKept(_ topic: Topic) -> Bool {
        switch topic.kind {
        case .alert, .beat, .suspicion, .status: true
        case .waveform, .health: false
        }
    }

    func verdict(_ topic: Topic, _ sequence: UInt64) -> Verdict {
        let last = last[topic] ?? 0
        if sequence <= last { return .drop }
        return sequence == last + 1 ? .deliver : .hole(sequence - last - 1)
    }

    mutating func didDeliver(_ topic: Topic, _ sequence: UInt64) { last[topic] = max(last[topic] ?? 0, sequence) }
    mutating func didDrop() { repeats += 1 }

    /// Starts at a position; earlier events are not requested.
    mutating func begin(_ topic: Topic, after sequence: UInt64) { last[topic] = sequence }

    /// Whether the history has events that were not delivered. A journal with numbers lower than those delivered is a
    /// new one and is read from its beginning.
    mutating func isBehind(_ topic: Topic, journal sequence: UInt64) -> Bool {
        let delivered = last[topic] ?? 0
        if sequence < delivered { last[topic] = 0 }
        return sequence != delivered
    }
}
