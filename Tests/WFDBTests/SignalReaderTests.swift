import Foundation
import TestSupport
import Testing
import WFDB

struct SignalReaderTests {
    static func all(_ reader: SignalReader) throws -> [Int32] {
        var counts: [Int32] = []
        while let piece = try reader.next() {
            #expect(piece.firstSampleIndex == counts.count)
            counts += piece.counts
        }
        return counts
    }

    @Test(arguments: SignalFormatTests.formats)
    func aReaderGivesTheSamplesThatTheWholeRecordHas(format: SignalFormat) throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 8)
        let header = RecordHeader(
            name: "r", samplingRate: 250,
            signals: [
                SignalSpecification(fileName: "a.dat", format: format, samplesPerFrame: 4, byteOffset: 24),
                SignalSpecification(fileName: "a.dat", format: format, skew: 3, byteOffset: 24),
                SignalSpecification(fileName: "b.dat", format: format, samplesPerFrame: 3),
            ])
        let frames = 20_011
        let samples = [4, 1, 3].map { SignalFormatTests.samples(format, count: frames * $0, using: &generator) }
        try Record(header: header, samples: samples).write(to: folder.path)
        let source = try RecordSource("r", in: folder.path, strict: true)
        for index in 0..<3 {
            let reader = try SignalReader(source, signal: index)
            #expect(try Self.all(reader) == samples[index])
            #expect(reader.samplingRate == [1000, 250, 750][index])
            let alone = try Record.read(source, signal: index)
            #expect(alone.samples == [samples[index]])
            #expect(alone.samplingRate == reader.samplingRate && alone.annotationRate == 250)
        }
        #expect(throws: WFDBError.self) { try SignalReader(source, signal: 3) }
    }

    @Test func mismatchesAreReportedAtTheEndOrThrown() throws {
        let folder = try TemporaryFolder()
        try folder.write("r.hea", "r 2 360 3\nr.dat 16 200 12 0 9 6 0 I\nr.dat 16 200 12 0 4 0 0 II\n")
        try folder.write("r.dat", [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0])
        for (index, code) in [(0, WFDBError.Code.initialValueMismatch), (1, .checksumMismatch)] {
            let reader = try SignalReader(RecordSource("r", in: folder.path), signal: index)
            #expect(try Self.all(reader).count == 3)
            #expect(reader.warnings.map(\.code) == [code])
            let strict = try SignalReader(RecordSource("r", in: folder.path, strict: true), signal: index)
            let error = #expect(throws: WFDBError.self) { try Self.all(strict) }
            #expect(error?.code == code)
        }
    }

    @Test func filesBeyondAnyMemoryAreReadPieceByPiece() throws {
        let folder = try TemporaryFolder()
        // 8 GB that take no room on the disk, but for the last frame.
        let frames = 1_000_000_000
        try folder.write("h.hea", "h 4 500 \(frames)\nh.dat 16\nh.dat 16\nh.dat 16\nh.dat 16\n")
        try folder.write("h.dat", [])
        let handle = try FileHandle(forWritingTo: URL(filePath: folder.path + "/h.dat"))
        try handle.truncate(atOffset: UInt64(frames) * 8 - 8)
        try handle.seekToEnd()
        try handle.write(contentsOf: [1, 0, 2, 0, 3, 0, 4, 0])
        try handle.close()
        let source = try RecordSource("h", in: folder.path)
        let reader = try SignalReader(source, signal: 2)
        let first = try #require(try reader.next())
        #expect(first.firstSampleIndex == 0 && first.counts.count < 100_000)
        let error = #expect(throws: WFDBError.self) { try Record.read("h", in: folder.path) }
        #expect(error?.code == .tooLarge)
        // The end, by way of an offset.
        try folder.write("e.hea", "e 4 500\nh.dat 16+\(frames * 8 - 16)\nh.dat 16\nh.dat 16\nh.dat 16\n")
        #expect(try Record.read("e", in: folder.path).samples == [[0, 1], [0, 2], [0, 3], [0, 4]])
    }

    @Test func anAnnotationFileThatWasCutIsReadUpToTheCut() throws {
        let folder = try TemporaryFolder()
        let set = AnnotationSet((1...20).map { Annotation(sampleIndex: $0 * 300, code: .normal) })
        let bytes = try set.encoded()
        try folder.write("r.atr", Array(bytes.dropLast(12)))
        let cut = try AnnotationSet.read("r", annotator: "atr", in: folder.path, strict: false)
        #expect(cut.annotations == Array(set.annotations.prefix(15)))
        #expect(cut.warnings.map(\.code) == [.truncated])
        #expect(throws: WFDBError.self) { try AnnotationSet.read("r", annotator: "atr", in: folder.path) }
    }
}
