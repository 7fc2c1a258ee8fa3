/// Puts what is published and what history gives into one order: of each topic every sequence number once, without
/// holes. A value without socket or clock.
struct SubscriptionMerge: Sendable {
    /// The last number delivered of each topic.
    private(set) var last: [Topic: UInt64] = [:]
    /// Messages that were published and had been delivered already.
    private(set) var repeats = 0

    enum Verdict: Equatable {
        case deliver
        /// It was delivered already.
        case drop
        /// So many before it have not come.
        case hole(UInt64)
    }

    /// Waveforms and health are not kept: what is lost of them is lost.
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

    /// Begins at a position: what came before is not asked for.
    mutating func begin(_ topic: Topic, after sequence: UInt64) { last[topic] = sequence }

    /// Whether history has something that was not delivered. A journal that counts less than was delivered is another
    /// one, and begins at its beginning.
    mutating func isBehind(_ topic: Topic, journal sequence: UInt64) -> Bool {
        let delivered = last[topic] ?? 0
        if sequence < delivered { last[topic] = 0 }
        return sequence != delivered
    }
}
