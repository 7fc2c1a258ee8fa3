import ECGSecurity
import Foundation
import SwiftProtobuf
import ZeroMQ

@testable import ECGWire
@testable import MonitorDaemon

/// The first byte chooses: a request as the daemon gets it, of somebody who may ask for everything or for the alerts of
/// one ward; or a reply as a client gets it.
enum HistoryTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst().prefix(HistoryAnswer.maximumRequestBytes))
        switch choice % 3 {
        case 0: request(rest, .local)
        case 1: request(rest, ward)
        default: reply(rest)
        }
    }

    private static func request(_ bytes: [UInt8], _ peer: Peer) {
        guard let answer,
            let request = bytes.withUnsafeBytes({ WireHistoryRequest.decoded($0, BodyEncoding(of: $0)) })
        else { return }
        let found: WireHistoryReply
        do {
            found = try answer.reply(to: request, of: peer)
        } catch let problem as HistoryAnswer.Problem {
            return precondition(!problem.words.isEmpty)
        } catch {
            preconditionFailure("the database: \(error)")
        }
        precondition(found.events.count <= HistoryAnswer.maximumEvents || request.positions.activeAlerts)
        precondition(found.number == request.number)
        if peer != .local {
            precondition(found.events.allSatisfy { $0.stream.hasPrefix("icu-") }, "only what may be read")
        }
        for encoding in BodyEncoding.allCases {
            guard let body = try? found.body(as: encoding) else { preconditionFailure("a reply that cannot be sent") }
            if encoding == .binary { reply(body) }
        }
    }

    private static func reply(_ bytes: [UInt8]) {
        guard let reply = try? WireHistoryReply(serializedBytes: bytes) else { return }
        var merge = SubscriptionMerge()
        for position in reply.positions {
            guard let topic = Topic(position.topic) else { continue }
            merge.begin(topic, after: position.sequence)
            _ = merge.isBehind(topic, journal: reply.place)
        }
        for event in reply.events {
            let topic = Topic(.beat, stream: event.stream)
            switch merge.verdict(topic, event.sequence) {
            case .deliver, .hole: merge.didDeliver(topic, event.sequence)
            case .drop: merge.didDrop()
            }
            for encoding in BodyEncoding.allCases { _ = try? PublishedBody.event(event).encoded(as: encoding) }
        }
    }

    private static let ward: Peer = {
        guard let key = CurvePublicKey(z85: String(repeating: "0", count: 40)), let read = TopicPattern("alert.icu-*")
        else {
            preconditionFailure("the key")
        }
        var entry = AuthorizedKey(name: "ward", key: key)
        entry.read = [read]
        entry.history = true
        return .key(entry)
    }()

    /// A journal of three streams with forty events of each kind, some of them old enough to be gone. One target at a
    /// time asks it.
    nonisolated(unsafe) private static let answer: HistoryAnswer? = {
        let path = "\(Scratch.folder)/journal.sqlite"
        guard let database = try? JournalDatabase(path: path, synchronous: .normal, putAside: { _ in }) else {
            return nil
        }
        var rounds: [JournalRound] = []
        for stream in ["bed-1", "icu-1", "icu-2"] {
            for kind in JournalKind.allCases {
                for sequence in 1...40 as ClosedRange<UInt64> {
                    rounds.append(JournalRound(stream: stream, events: [event(kind, stream, sequence)]))
                }
            }
        }
        guard (try? database.commit(rounds, snapshots: [:])) != nil,
            (try? database.delete(.beat, writtenBefore: .max, limit: 15)) == 15,
            let reader = try? JournalReader(path: path)
        else { return nil }
        return HistoryAnswer(reader: reader)
    }()

    private static func event(_ kind: JournalKind, _ stream: String, _ sequence: UInt64) -> JournaledEvent {
        var wire = WireEvent()
        wire.stream = stream
        wire.sequence = sequence
        wire.id = "\(stream)/1/\(kind)/\(sequence * 100)"
        wire.acquisitionTimeNs = sequence % 5 == 0 ? 0 : Int64(sequence) * 1_000_000_000
        switch kind {
        case .beat: wire.beat.rrIntervalSeconds = 0.8
        case .alert: wire.alert.text = "asystole"
        case .suspicion: wire.suspicion.active = true
        case .status: wire.status.heartRate = 72
        }
        return JournaledEvent(
            kind: kind, sequence: sequence, id: wire.id, acquisitionTimeNanoseconds: wire.acquisitionTimeNs,
            body: (try? wire.serializedBytes()) ?? [],
            alert: kind == .alert ? ("1/asystole/samples/\(sequence / 2)", sequence % 2 == 0) : nil)
    }
}
