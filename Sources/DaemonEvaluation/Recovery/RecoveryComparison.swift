import ECGWire

/// Two runs over the same samples, one of them with interruptions.
package struct RecoveryComparison: Sendable {
    package let undisturbed: RecoveryRun.Outcome
    package let disturbed: RecoveryRun.Outcome
    /// Events of the uninterrupted run that the interrupted one lacks, events that it has in addition, and events with
    /// a different body.
    package let missing: [RecoveryRun.EventKey]
    package let surplus: [RecoveryRun.EventKey]
    package let different: [RecoveryRun.EventKey]
    /// How the interrupted run's subscriber received the events.
    package let subscriber: Delivery

    package struct Delivery: Equatable, Sendable {
        package var received = 0
        package var twice = 0
        package var outOfOrder = 0
        package var neverCame = 0
        package var notAsJournaled = 0
        package var isExact: Bool { twice + outOfOrder + neverCame + notAsJournaled == 0 }
    }

    package init(undisturbed: RecoveryRun.Outcome, disturbed: RecoveryRun.Outcome) {
        self.undisturbed = undisturbed
        self.disturbed = disturbed
        let (a, b) = (undisturbed.journal, disturbed.journal)
        missing = a.keys.filter { b[$0] == nil }
        surplus = b.keys.filter { a[$0] == nil }
        different = a.keys.filter { key in b[key].map { $0 != a[key] } ?? false }
        subscriber = Self.delivery(disturbed)
    }

    package static func delivery(_ outcome: RecoveryRun.Outcome) -> Delivery {
        var delivery = Delivery(received: outcome.received.count)
        var last: [String: UInt64] = [:]
        var seen: Set<RecoveryRun.EventKey> = []
        for event in outcome.received {
            let kind = event.id.split(separator: "/").dropFirst(2).first.map(String.init) ?? ""
            let key = RecoveryRun.EventKey(topic: "\(kind).\(event.stream)", sequence: event.sequence)
            if !seen.insert(key).inserted { delivery.twice += 1 }
            if event.sequence != (last[key.topic] ?? 0) + 1 { delivery.outOfOrder += 1 }
            last[key.topic] = event.sequence
            if outcome.journal[key] != event { delivery.notAsJournaled += 1 }
        }
        delivery.neverCame = outcome.journal.keys.count { !seen.contains($0) }
        return delivery
    }

    package var isExact: Bool {
        missing.isEmpty && surplus.isEmpty && different.isEmpty && subscriber.isExact && disturbed.missed == 0
            && disturbed.problems.isEmpty && undisturbed.problems.isEmpty && !undisturbed.journal.isEmpty
            && disturbed.unacknowledged == 0 && disturbed.lastEnding == "exit code 0"
    }
}
