/// The sequence numbers of one stream's events, which go on over restarts of the daemon.
///
/// After a restart the journal may hold events that were written after the last snapshot. When samples are sent again
/// and give such an event again, it gets the number that it had. An event that the journal does not hold gets the next
/// number that was never used. So no number ever stands for two events, even if the source sends other samples than
/// before.
struct StreamNumbering {
    /// The last numbers given.
    private(set) var last: JournalSequences
    /// Numbers of events that the journal holds beyond the snapshot, by id.
    private var tail: [String: [UInt64]] = [:]
    private var tailEnd = JournalSequences(repeating: 0)
    private var lastWaveform: UInt64 = 0
    /// How often a number was passed over because its event was not made again.
    private(set) var jumps = 0

    init(after last: JournalSequences = JournalSequences(repeating: 0)) { self.last = last }

    /// - Parameter tail: events beyond the snapshot, in the order of their numbers.
    init(after last: JournalSequences, tail: [(kind: JournalKind, sequence: UInt64, id: String)]) {
        self.last = last
        for event in tail {
            self.tail[event.id, default: []].append(event.sequence)
            tailEnd[event.kind.rawValue] = max(tailEnd[event.kind.rawValue], event.sequence)
        }
    }

    /// The number of the next event without a journal: one more.
    mutating func next(_ kind: JournalKind) -> UInt64 {
        last[kind.rawValue] += 1
        return last[kind.rawValue]
    }

    /// The number of an event with this id.
    /// - Returns: and whether the journal holds it already.
    mutating func number(_ kind: JournalKind, id: String) -> (sequence: UInt64, isKnown: Bool) {
        let place = kind.rawValue
        if var sequences = tail[id], !sequences.isEmpty {
            let sequence = sequences.removeFirst()
            tail[id] = sequences.isEmpty ? nil : sequences
            last[place] = max(last[place], sequence)
            return (sequence, true)
        }
        if tailEnd[place] > last[place] {
            jumps += 1
            last[place] = tailEnd[place]
        }
        last[place] += 1
        return (last[place], false)
    }

    /// Neither waveforms nor their numbers are kept.
    mutating func nextWaveform() -> UInt64 {
        lastWaveform += 1
        return lastWaveform
    }
}
