import ECGWire
import SwiftProtobuf

/// Appends beats to a journal, for programs that time it. The file is one of its own.
public final class JournalWork {
    private let database: JournalDatabase
    private var sequence: UInt64 = 0

    /// Why there is no journal, in words.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameters:
    ///   - path: of the file, which is made.
    ///   - waitsForDisk: each commit waits until the disk has it, as with `journal.synchronous = "full"`.
    public init(path: String, waitsForDisk: Bool) throws(Failure) {
        do {
            database = try JournalDatabase(path: path, synchronous: waitsForDisk ? .full : .normal) { _ in }
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// Writes one beat of each of some streams in one transaction, as a round of a worker does.
    public func append(beatsOf streams: Int) throws(Failure) {
        sequence += 1
        let rounds = (0..<streams).map { number in
            var event = WireEvent()
            event.schemaVersion = 1
            event.stream = "bed-\(number)"
            event.session = 1
            event.sequence = sequence
            event.id = "bed-\(number)/1/beat/\(300 * sequence)"
            event.sampleIndex = Int64(300 * sequence)
            event.decidedAtSampleIndex = Int64(300 * sequence + 150)
            event.beat = WireBeat.with {
                $0.beatClass = .normal
                $0.probabilities.normal = 1
                $0.rrIntervalSeconds = 0.83
                $0.amplitudeMillivolts = 1.2
            }
            var round = JournalRound(stream: event.stream)
            round.events = [
                JournaledEvent(
                    kind: .beat, sequence: sequence, id: event.id, acquisitionTimeNanoseconds: 0,
                    body: (try? event.serializedBytes()) ?? [], trend: .beat(0, milliseconds: 830))
            ]
            return round
        }
        do {
            _ = try database.commit(rounds, snapshots: [:])
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    deinit { database.close() }
}
