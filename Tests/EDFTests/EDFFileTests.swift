import EDF
import Foundation
import TestSupport
import Testing

/// Files written and read back; what other programs make of them is tested with pyedflib (clients/python/tests).
@Suite struct EDFFileTests {
    private let folder: TemporaryFolder
    private var path: String { "\(folder.path)/a.edf" }

    init() throws { folder = try TemporaryFolder("edf") }

    private func header(_ signals: [EDFSignal]? = nil, duration: Double = 1) -> EDFHeader {
        EDFHeader(
            kind: .continuous, patient: "bed-1 X X X", startDate: (29, 2, 2024), startSecond: 86_399,
            recordDuration: duration,
            signals: signals ?? [
                EDFSignal(
                    label: "ECG II", unit: "uV", physicalMinimum: -5000, physicalMaximum: 5000, samplesPerRecord: 250),
                EDFSignal(
                    label: "ECG V5", unit: "mV", physicalMinimum: 5, physicalMaximum: -5, digitalMinimum: -2048,
                    digitalMaximum: 2047, samplesPerRecord: 250),
            ])
    }

    private func samples(_ seed: Int) -> [[Int16]] {
        (0..<2).map { lead in (0..<250).map { Int16(truncatingIfNeeded: seed * 7919 + lead * 13 + $0 * 31) } }
    }

    private func readAll() throws -> (EDFHeader, [EDFRecord]) {
        let reader = try EDFReader(path: path)
        var records: [EDFRecord] = []
        while let record = try reader.next() { records.append(record) }
        #expect(reader.warnings.isEmpty)
        return (reader.header, records)
    }

    @Test func samplesAnnotationsAndHeaderComeBack() throws {
        let writer = try EDFWriter(path: path, header: header())
        let notes = [
            EDFAnnotation(onset: 0.4, text: "beat N"), EDFAnnotation(onset: 1.25, duration: 3.5, text: "asystole"),
        ]
        for n in 0..<5 {
            try writer.append(onset: Double(n), samples: samples(n), annotations: n == 0 ? notes : [])
        }
        try writer.finish()
        let (read, records) = try readAll()
        #expect(read == writer.header)
        #expect(read.kind == .continuous && read.recordCount == 5 && read.startDate == (29, 2, 2024))
        #expect(read.startSecond == 86_399 && read.patient == "bed-1 X X X")
        #expect(records.count == 5)
        for (n, record) in records.enumerated() {
            #expect(record.samples == samples(n) + [[]])
            #expect(record.onset == Double(n))
        }
        #expect(records.flatMap(\.annotations) == notes)
        #expect(read.signals[1].countsPerUnit < 0, "the polarity is reversed")
        #expect(read.signals[1].leadName == "V5")
    }

    @Test func recordsThatDoNotFollowMakeTheFileDiscontinuous() throws {
        let writer = try EDFWriter(path: path, header: header())
        for onset in [0.0, 1, 60.5] { try writer.append(onset: onset, samples: samples(1)) }
        try writer.finish()
        let (read, records) = try readAll()
        #expect(read.kind == .discontinuous)
        #expect(records.map(\.onset) == [0, 1, 60.5])
    }

    @Test func annotationsWithoutRoomWaitForALaterRecord() throws {
        let writer = try EDFWriter(path: path, header: header())
        let notes = (0..<30).map { EDFAnnotation(onset: Double($0) / 10, text: "note number \($0)") }
        try writer.append(onset: 0, samples: samples(0), annotations: notes)
        #expect(writer.waitingAnnotations > 0)
        var onset = 1.0
        while writer.waitingAnnotations > 0, onset < 20 {
            try writer.append(onset: onset, samples: samples(0))
            onset += 1
        }
        try writer.finish()
        #expect(try readAll().1.flatMap(\.annotations) == notes)
    }

    @Test func aFileThatWasNotFinishedIsReadAsFarAsItGoes() throws {
        let writer = try EDFWriter(path: path, header: header())
        for n in 0..<3 { try writer.append(onset: Double(n), samples: samples(n)) }
        let (read, records) = try readAll()
        #expect(read.recordCount == nil)
        #expect(records.count == 3)
    }

    @Test func anExistingFileIsLeftAlone() throws {
        try Data("mine".utf8).write(to: URL(filePath: path))
        #expect(throws: EDFError.self) { try EDFWriter(path: path, header: header()) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
    }

    @Test func samplesThatDoNotFitTheHeaderAreRefused() throws {
        let writer = try EDFWriter(path: path, header: header())
        #expect(throws: EDFError.self) { try writer.append(onset: 0, samples: [[1]]) }
    }

    // MARK: Broken files

    private func whole() throws -> [UInt8] {
        let writer = try EDFWriter(path: path, header: header())
        for n in 0..<3 {
            try writer.append(
                onset: Double(n), samples: samples(n), annotations: [EDFAnnotation(onset: Double(n), text: "x")])
        }
        try writer.finish()
        return Array(try Data(contentsOf: URL(filePath: path)))
    }

    private func message(_ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(filePath: path))
        do {
            let reader = try EDFReader(path: path)
            while try reader.next() != nil {}
            return reader.warnings.joined()
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        (0, "1       ", "version 0"), (184, "512     ", "a header of 3 signals has 1024 bytes"),
        (236, "many    ", "number of data records"), (244, "0       ", "lasts 0 s"),
        (244, "nan     ", "which is no number"), (252, "0   ", "number of signals"), (252, "9999", "number of signals"),
    ])
    func aHeaderThatMakesNoSenseIsToldWithItsPlace(offset: Int, text: String, words: String) throws {
        var bytes = try whole()
        bytes.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
        #expect(try message(bytes).contains(words))
    }

    @Test func bdfIsToldFromEDF() throws {
        var bytes = try whole()
        bytes.replaceSubrange(0..<8, with: [0xFF] + Array("BIOSEMI".utf8))
        #expect(try message(bytes).contains("BDF"))
    }

    @Test func aShortFileIsReadAsFarAsItGoes() throws {
        let bytes = try whole()
        #expect(try message(Array(bytes.dropLast(10))).contains("3 data records are stated, the file has 2"))
        for length in [0, 1, 255, 256, 700, 1023] {
            #expect(try message(Array(bytes.prefix(length))).contains("a.edf"))
        }
    }

    @Test func mutatedFilesNeverTrap() throws {
        let bytes = try whole()
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                // Mostly in the header and the annotations.
                let place = Bool.random(using: &generator) ? Int.random(in: 0..<1024, using: &generator)
                    : mutated.indices.randomElement(using: &generator) ?? 0
                mutated[place] = UInt8.random(in: .min ... .max, using: &generator)
            }
            _ = try message(mutated)
        }
    }
}
