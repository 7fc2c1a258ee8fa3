import TestSupport
import Testing
import WFDB

struct SegmentedRecordTests {
    /// Segments `a` (II and V) and `b` (V and II) of four frames each; a count of V in `b` is two of those in `a`.
    static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try Self.write("a", [("II", 1000, [1, 2, 3, 4]), ("V", 1000, [11, 12, -32768, 14])], in: folder)
        try Self.write("b", [("V", 500, [21, 22, 23, 24]), ("II", 1000, [5, 6, 7, 8])], in: folder)
        return folder
    }

    static func write(
        _ name: String, _ signals: [(lead: String, gain: Double, samples: [Int32])], in folder: TemporaryFolder
    ) throws {
        let header = RecordHeader(
            name: name, samplingRate: 250,
            signals: signals.map {
                SignalSpecification(
                    fileName: "\(name).dat", format: .format16, gain: $0.gain, units: "mV", description: $0.lead)
            })
        try Record(header: header, samples: signals.map(\.samples)).write(to: folder.path)
    }

    @Test func fixedLayoutSegmentsFollowOneAnotherWithTheirGaps() throws {
        let folder = try Self.folder()
        try folder.write("m.hea", "m/4 2 250 14\na 4\n~ 5\na 4\n~ 1\n# one\n")
        let record = try Record.read("m", in: folder.path, strict: true)
        let none: Int32 = -32768
        let gap = [Int32](repeating: none, count: 5)
        let (first, second): ([Int32], [Int32]) = ([1, 2, 3, 4], [11, 12, none, 14])
        #expect(record.samples == [first + gap + first + [none], second + gap + second + [none]])
        #expect(record.gaps == [4..<9, 13..<14])
        #expect(record.frameCount == 14 && record.header.comments == ["one"])
        #expect(record.header.signals.map(\.description) == ["II", "V"])
        // As one file, it is the same record.
        try record.write(to: folder.path)
        #expect(try Record.read("m", in: folder.path).samples == record.samples)
    }

    @Test func variableLayoutFindsSignalsByNameAndConvertsThem() throws {
        let folder = try Self.folder()
        try folder.write("l.hea", "l 3 250 0\n~ 0 200 0 0 0 0 0 V\n~ 0 200 0 0 0 0 0 II\n~ 0 80/mmHg 0 0 0 0 0 ABP\n")
        try folder.write("m.hea", "m/4 3 250 11\nl 0\na 4\n~ 3\nb 4\n")
        let source = try RecordSource("m", in: folder.path, strict: true)
        #expect(source.header.signals.map(\.description) == ["V", "II", "ABP"])
        #expect(source.header.firstECG == 0)
        let record = try Record.read("m", in: folder.path)
        // The finest calibration is taken; invalid samples stay invalid in it.
        let none = record.header.signals[0].format.invalidSample
        #expect(record.samples[0] == [11, 12, none, 14, none, none, none, 42, 44, 46, 48] as [Int32])
        #expect(record.samples[1] == [1, 2, 3, 4, none, none, none, 5, 6, 7, 8] as [Int32])
        #expect(record.samples[2] == [Int32](repeating: none, count: 11))
        let millivolts = try record.millivolts(ofSignal: 0)
        #expect(abs(millivolts[7] - 0.042) < 1e-6 && millivolts[4].isNaN && millivolts[2].isNaN)
        // One signal alone.
        let alone = try Record.read(source, signal: 1)
        #expect(alone.samples == [record.samples[1]] && alone.gaps == [4..<7])
    }

    @Test func aReaderLeavesGapsOut() throws {
        let folder = try Self.folder()
        // A gap that would fill any memory.
        try folder.write("m.hea", "m/4 2 250 0\n~ 2\na 4\n~ 1000000000000\na 4\n")
        let reader = try SignalReader(RecordSource("m", in: folder.path), signal: 1)
        var pieces: [Int64: [Int32]] = [:]
        while let piece = try reader.next() { pieces[piece.firstSampleIndex] = piece.counts }
        #expect(pieces == [2: [11, 12, -32768, 14], 1_000_000_000_006: [11, 12, -32768, 14]])
        let error = #expect(throws: WFDBError.self) { try Record.read("m", in: folder.path) }
        #expect(error?.code == .tooLarge)
    }

    @Test func signalWithAHigherRateInOneSegmentHasItInAll() throws {
        let folder = try TemporaryFolder()
        try folder.write("a.hea", "a 1 100 2\na.dat 16x2 200(1)/uV 12 0 0 0 0 II\n")
        try folder.write("a.dat", [1, 0, 2, 0, 3, 0, 4, 0])
        try folder.write("b.hea", "b 1 100 2\nb.dat 16 1/mV 12 0 0 0 0 II\n")
        try folder.write("b.dat", [5, 0, 6, 0])
        try folder.write("m.hea", "m/2 1 100 4\na 2\nb 2\n")
        let record = try Record.read("m", in: folder.path)
        #expect(record.header.signals[0].samplesPerFrame == 2)
        #expect(try record.millivolts(ofSignal: 0) == [0, 5e-6, 1e-5, 1.5e-5, 5, 5, 6, 6])
    }

    @Test(arguments: [
        ("m/3 1 250 8\na 4\na 4\n", WFDBError.Code.truncated), ("m/2 2 250 8\na 4\nmissing 4\n", .cannotRead),
        ("m/2 2 250 8\na 4\nm 4\n", .multipleSegments), ("m/2 2 360 8\na 4\na 4\n", .inconsistentRecord),
        ("m/2 2 250 8\na 4\none 4\n", .inconsistentRecord), ("m/2 2 250 8\na 4\n../a 4\n", .invalidName),
        ("m/2 2 250 8\n~ 9223372036854775807\n~ 4\n", .outOfRange), ("m/1 2 250 8\na four\n", .malformedHeader),
        ("m/2 2 250 8\na 4\npressure 4\n", .inconsistentRecord),
    ])
    func inconsistentMasterHeaderIsRefused(text: String, code: WFDBError.Code) throws {
        let folder = try Self.folder()
        try Self.write("one", [("II", 1000, [1])], in: folder)
        try folder.write("pressure.hea", "pressure 2 250 4\na.dat 16 1000/mmHg\na.dat 16\n")
        try folder.write("m.hea", text)
        let error = #expect(throws: WFDBError.self) { try Record.read("m", in: folder.path) }
        #expect(error?.code == code, "\(text)")
    }

    @Test func lengthMismatchesAreWarningsUnlessStrict() throws {
        let folder = try Self.folder()
        for (text, frames, warnings) in [
            ("m/2 2 250 99\na 4\na 4\n", 8, 1), ("m/2 2 250\na 6\na 4\n", 10, 1), ("m/2 2 250\na 2\na 4\n", 6, 0),
        ] {
            try folder.write("m.hea", text)
            let record = try Record.read("m", in: folder.path)
            #expect(record.frameCount == frames)
            #expect(record.warnings.count == warnings, "\(record.warnings)")
            #expect(record.samples[0].suffix(4) == [1, 2, 3, 4])
            if warnings > 0 {
                #expect(throws: WFDBError.self) { try Record.read("m", in: folder.path, strict: true) }
            }
        }
    }

    @Test func aMasterHeaderIsWrittenAsItWasRead() throws {
        let text = "m/3 2 250/500(7) 12 10:00:00 01/02/2003\nl 0\na 4\n~ 8\n# c\n"
        let header = try RecordHeader(parsing: Array(text.utf8), file: "m.hea")
        #expect(header.text == text)
        #expect(header.segments.map(\.recordName) == ["l", "a", nil] && header.signals.isEmpty)
    }
}
