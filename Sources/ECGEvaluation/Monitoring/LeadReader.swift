import ECGReplay
import ToolSupport
import WFDB

/// Several leads of a record, read in order and together, in constant memory.
struct LeadReader {
    /// Samples of all leads at the same instants.
    struct Piece {
        var firstSampleIndex: Int64
        /// One slice for each lead, all of the same length; NaN where a lead has no sample.
        var millivolts: [ArraySlice<Float>]
    }

    private let readers: [SignalReader]
    private let name: String
    /// What has been read of each lead and not been used yet.
    private var waiting: [(first: Int64, samples: ArraySlice<Float>)?]

    /// - Parameter signals: numbers of the leads, at least one.
    init(_ source: RecordSource, signals: [Int], name: String) throws {
        readers = try signals.map { try SignalReader(source, signal: $0) }
        self.name = name
        waiting = Array(repeating: nil, count: signals.count)
    }

    var samplingRate: Double { readers[0].samplingRate }
    var names: [String] { RecordLead.names(readers.map(\.signal)) }

    var warnings: [WFDBError] {
        var all: [WFDBError] = []
        for warning in readers.flatMap(\.warnings) where !all.contains(warning) { all.append(warning) }
        return all
    }

    /// The next samples; nil at the end.
    mutating func next() throws -> Piece? {
        for lead in readers.indices where waiting[lead] == nil {
            guard let piece = try readers[lead].next() else { continue }
            guard let millivolts = readers[lead].signal.millivolts(piece.counts) else {
                throw ToolError("\(name) is not in a voltage", nextStep: "Choose an ECG lead with --lead")
            }
            waiting[lead] = (piece.firstSampleIndex, millivolts[...])
        }
        guard let first = waiting.compactMap({ $0?.first }).min() else { return nil }
        // Up to where the first of the leads ends or another begins.
        let end = waiting.compactMap { part in
            part.map { $0.first > first ? $0.first : $0.first + Int64($0.samples.count) }
        }.min() ?? first
        let count = Int(end - first)
        var piece = Piece(firstSampleIndex: first, millivolts: [])
        for lead in readers.indices {
            guard let part = waiting[lead], part.first == first else {
                piece.millivolts.append([Float](repeating: .nan, count: count)[...])
                continue
            }
            piece.millivolts.append(part.samples.prefix(count))
            let rest = part.samples.dropFirst(count)
            waiting[lead] = rest.isEmpty ? nil : (end, rest)
        }
        return piece
    }
}
