import ECGSecurity
import ECGWire
import ZeroMQ

/// Decides what each subscription gets.
///
/// With keys the socket is in manual mode (`ZMQ_XPUB_MANUAL`): the daemon puts in what is left of the prefix when only
/// what the key may read is kept. libzmq 4.3 then relates "the last message received" to a connection through a queue
/// of its own, which gets out of step when a peer sends a message that is no subscription (seen with 4.3.4: the next
/// subscription that is put in is given to another connection). No SUB socket ever sends such a message. One that comes
/// ends the round: nothing more is put in, all connections are closed, and the key that sent it is not let in for a
/// while (`KeyBans`). The same happens when one connection's subscription and its end come in one round, since the
/// place of a connection that has ended can be taken by another.
struct SubscriberAdmission {
    enum Verdict: Equatable {
        case nothing
        /// To be put in for the connection whose message was received last.
        case subscribe([[UInt8]])
        /// All connections must be closed; nothing more may be put in before.
        case reset(Offence)
    }

    enum Offence: String, CaseIterable, Sendable {
        /// A message that is no subscription.
        case noSubscription = "no_subscription"
        case tooManySubscriptions = "too_many_subscriptions"
        /// A subscription came and went in one round: nobody's fault.
        case tooShort = "too_short"
    }

    private var ledger = SubscriptionLedger()
    private var beganThisRound: Set<[UInt8]> = []

    /// A round is everything that is received until nothing is left: to be called then.
    mutating func endRound() { beganThisRound.removeAll(keepingCapacity: true) }

    /// - Parameters:
    ///   - isManual: whether subscriptions have to be put in.
    ///   - subscriptions: told of what is wanted.
    mutating func take(
        _ message: borrowing ZeroMQMessage, of peer: Peer, isManual: Bool, subscriptions: Subscriptions
    ) -> Verdict {
        let change = message.frameCount == 1 ? message.withFrame(0) { ZeroMQSubscriptionChange(frame: $0) } : nil
        guard let change else { return isManual ? .reset(.noSubscription) : .nothing }
        return take(change, of: peer, isAutomatic: message.userID == nil, isManual: isManual, subscriptions)
    }

    mutating func take(
        _ change: ZeroMQSubscriptionChange, of peer: Peer, isAutomatic: Bool, isManual: Bool,
        _ subscriptions: Subscriptions
    ) -> Verdict {
        let holder = Self.holder(peer)
        guard change.isSubscribed else {
            if ledger.remove(change.prefix, of: isManual && isAutomatic ? nil : holder) {
                subscriptions.remove(change.prefix)
            }
            // The socket keeps what was put in until the connection ends: two prefixes may have been cut to the same,
            // and the subscriber drops what it did not ask for.
            return isManual && isAutomatic && beganThisRound.contains(change.prefix) ? .reset(.tooShort) : .nothing
        }
        if ledger.add(change.prefix, of: holder) { subscriptions.add(change.prefix) }
        if ledger.isOverLimit(holder) { return .reset(.tooManySubscriptions) }
        guard isManual else { return .nothing }
        beganThisRound.insert(change.prefix)
        if beganThisRound.count > SubscriptionLedger.maximumTotal { return .reset(.tooManySubscriptions) }
        guard change.prefix.count < SubscriptionLedger.maximumPrefixLength else { return .nothing }
        return .subscribe(peer.narrowed(change.prefix))
    }

    private static func holder(_ peer: Peer) -> String {
        if case .key(let entry) = peer { return entry.key.z85 }
        return peer.name
    }
}
