import ECGWire

/// The kinds of events that the journal keeps. Their numbers are stored in the file: a contract.
enum JournalKind: Int, CaseIterable, Sendable {
    case beat = 0
    case alert = 1
    case suspicion = 2
    case status = 3

    var topic: Topic.Kind {
        switch self {
        case .beat: .beat
        case .alert: .alert
        case .suspicion: .suspicion
        case .status: .status
        }
    }

    /// nil: not kept.
    init?(_ topic: Topic.Kind) {
        switch topic {
        case .beat: self = .beat
        case .alert: self = .alert
        case .suspicion: self = .suspicion
        case .status: self = .status
        case .waveform, .health: return nil
        }
    }
}

/// One sequence number for each kind that is kept.
typealias JournalSequences = InlineArray<4, UInt64>

/// An event on its way into the journal, and from there to the subscribers.
struct JournaledEvent: Sendable {
    var kind: JournalKind
    var sequence: UInt64
    var id: String
    /// UTC, ns since 1970; 0: unknown.
    var acquisitionTimeNanoseconds: Int64
    /// The `Event` in binary protobuf.
    var body: [UInt8]
    /// If it is about an alert: the key of that alert within the stream, and whether the alert is still active.
    var alert: (life: String, isOn: Bool)?
    /// What to publish once it is in the journal; nil: nobody wants it.
    var message: OutgoingMessage?
    /// What it adds to the stream's trend.
    var trend: TrendPart?
}

/// The state of a stream, after all the samples before `nextSampleIndex` and everything else that has happened to it.
struct StreamSnapshot: Sendable {
    var session: UInt64
    /// The first sample that is needed to go on from here; source rate.
    var nextSampleIndex: Int64
    /// The last sequence number of each kind.
    var sequences: JournalSequences
    /// The monitor as bytes; nil: the stream has ended, and only its numbers are kept.
    var state: [UInt8]?
    /// When samples last came: UTC, ns since 1970, the daemon's clock.
    var lastSamplesAt: Int64
    /// In a cluster: the limits set for the stream, as `BedLimits` stores them; nil: none.
    var limits: [UInt8]? = nil
}

/// What one round of a worker, or something other than samples, has changed in one stream. It is written whole or not
/// at all.
struct JournalRound: Sendable {
    var stream: String
    var events: [JournaledEvent] = []
    var snapshot: StreamSnapshot?
    /// The stream begins without a past: alerts that were active when it was last seen are forgotten.
    var beginsAnew = false
    /// Around alarms; whole, or as far as they have come.
    var strips: [JournaledStrip] = []
    /// What was changed in the limits set for the stream; nil: nothing.
    var limits: LimitsChange?

    /// The message of a cluster's queue that it came in; nil: none.
    var delivery: DeliveryPlace?

    /// It is written at once, without waiting for others.
    var isUrgent: Bool { beginsAnew || limits != nil || events.contains { $0.kind == .alert || $0.kind == .suspicion } }

    /// Its approximate size in bytes.
    var cost: Int {
        events.reduce(256) { $0 + 256 + $1.body.count + ($1.message?.body.count ?? 0) } + (snapshot?.state?.count ?? 0)
            + strips.reduce(0) { $0 + $1.body.count }
    }
}
