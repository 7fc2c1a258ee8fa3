import FoundationEssentials
import Glibc
import ToolSupport
import WFDB

/// The files of a WFDB record in the making: one signal file of format 16 for each stretch without gaps.
struct RecordFilesWriter {
    struct Signal {
        var name: String
        /// Counts per unit.
        var gain: Double
        /// The count that stands for 0 units.
        var baseline: Int32
        var unit: String
    }

    /// WFDB's count for "no valid sample" in format 16.
    static let invalid = Int16.min

    private struct Segment {
        /// nil: a gap.
        var name: String?
        var frames = 0
        var first: [Int16] = []
        var sums: [Int16]
    }

    private let folder: String
    private let signals: [Signal]
    private let rate: Double
    private var segments: [Segment] = []
    private var file: UnsafeMutablePointer<FILE>?
    /// Most stretches of a record.
    private static let maximumSegments = 100_000

    init(folder: String, signals: [Signal], rate: Double) {
        self.folder = folder
        self.signals = signals
        self.rate = rate
    }

    /// Appends whole frames: a count of every signal in each.
    mutating func append(_ counts: [Int16]) throws(ToolError) {
        guard !counts.isEmpty else { return }
        if file == nil {
            guard segments.count < Self.maximumSegments else {
                throw ToolError("the recording has more than \(Self.maximumSegments) gaps", nextStep: "Split it first")
            }
            let name = "part\(segments.count)"
            file = fopen("\(folder)/\(name).dat", "wb")
            guard file != nil else { throw Self.noRoom(folder) }
            segments.append(
                Segment(name: name, first: Array(counts.prefix(signals.count)), sums: signals.map { _ in 0 }))
        }
        // Format 16 is little-endian.
        let words = counts.map(\.littleEndian)
        let written = words.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard written == counts.count * 2 else { throw Self.noRoom(folder) }
        let last = segments.count - 1
        for (place, count) in counts.enumerated() { segments[last].sums[place % signals.count] &+= count }
        segments[last].frames += counts.count / signals.count
    }

    /// Leaves frames out.
    mutating func skip(_ count: Int) throws(ToolError) {
        guard count > 0 else { return }
        try closeSegment()
        segments.append(Segment(name: nil, frames: count, sums: []))
    }

    private mutating func closeSegment() throws(ToolError) {
        guard let file else { return }
        self.file = nil
        guard fclose(file) == 0 else { throw Self.noRoom(folder) }
    }

    /// Writes the headers.
    /// - Parameter source: the file that was read, for messages.
    mutating func finish(source: String) throws(ToolError) {
        try closeSegment()
        while let last = segments.last, last.name == nil { segments.removeLast() }
        guard !segments.isEmpty else { throw ToolError("\(source) holds no samples", nextStep: "Choose another file") }
        if segments.count == 1 {
            try write(header(segments[0], called: "record"))
            return
        }
        for segment in segments {
            if let name = segment.name { try write(header(segment, called: name)) }
        }
        var whole = RecordHeader(
            name: "record", samplingRate: rate, frameCount: segments.reduce(0) { $0 + $1.frames })
        whole.segmentSignalCount = signals.count
        whole.segments = segments.map { SegmentSpecification(recordName: $0.name, frameCount: $0.frames) }
        try write(whole)
    }

    private func header(_ segment: Segment, called name: String) -> RecordHeader {
        let specifications = signals.enumerated().map { number, signal in
            var specification = SignalSpecification(fileName: "\(segment.name ?? name).dat", format: .format16)
            specification.statedGain = signal.gain
            specification.statedBaseline = signal.baseline
            specification.units = signal.unit
            specification.adcResolution = 16
            specification.adcZero = 0
            specification.initialValue = Int32(segment.first[number])
            specification.checksum = segment.sums[number]
            specification.blockSize = 0
            specification.description = signal.name
            return specification
        }
        return RecordHeader(
            name: name, samplingRate: rate, frameCount: segment.frames, signals: specifications)
    }

    private func write(_ header: RecordHeader) throws(ToolError) {
        do {
            try header.text.write(toFile: "\(folder)/\(header.name).hea", atomically: false, encoding: .utf8)
        } catch {
            throw Self.noRoom(folder)
        }
    }

    private static func noRoom(_ folder: String) -> ToolError {
        ToolError("the converted record cannot be written to \(folder)", nextStep: "Set TMPDIR to a folder with room")
    }
}
