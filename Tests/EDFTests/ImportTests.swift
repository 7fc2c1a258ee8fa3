import ECGReplay
import EDF
import Foundation
import TestSupport
import Testing
import ToolSupport
import WFDB

/// EDF and CSV as the commands read them: converted to a WFDB record.
@Suite struct ImportTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("import") }

    private func csv(_ text: String, _ options: ImportedRecord.CSVOptions = .init()) throws -> Record {
        let path = "\(folder.path)/a.csv"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let imported = try ImportedRecord(path, csv: options)
        return try read(imported)
    }

    private func read(_ imported: ImportedRecord) throws -> Record {
        let place = RecordPath(imported.path)
        return try Record.read(place.name, in: place.directory, strict: true)
    }

    private func error(_ text: String, _ options: ImportedRecord.CSVOptions = .init()) -> String {
        do {
            _ = try csv(text, options)
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// A sine in mV, as text.
    private func rows(_ count: Int, rate: Double, separator: String = ",") -> String {
        (0..<count).map { "\(Double($0) / rate)\(separator)\(sine($0))\(separator)\(-sine($0))" }
            .joined(separator: "\n")
    }

    private func sine(_ n: Int) -> Double { (sin(Double(n) / 10) * 1000).rounded() / 1000 }

    @Test(arguments: [",", ";", "\t"]) func csvColumnsAreLeadsAndTheTimesTellTheRate(separator: String) throws {
        let title = ["time (s)", "II (mV)", "V5"].joined(separator: separator)
        let record = try csv("\(title)\n\(rows(1000, rate: 250, separator: separator))\n")
        #expect(record.samplingRate == 250)
        #expect(record.header.signals.map(\.description) == ["II", "V5"])
        let millivolts = try record.millivolts(ofSignal: 0)
        #expect(millivolts.count == 1000)
        #expect(millivolts.enumerated().allSatisfy { abs(Double($1) - sine($0)) < 0.0006 })
        #expect(try record.millivolts(ofSignal: 1)[5] == -millivolts[5])
    }

    @Test func csvWithoutTimesNeedsARate() throws {
        #expect(error("0.1\n0.2\n").contains("--csv-rate"))
        let record = try csv("0.1\n0.2\n\n0.3", .init(samplingRate: 360))
        #expect(record.samplingRate == 360)
        #expect(try record.millivolts(ofSignal: 0) == [0.1, 0.2, 0.3])
    }

    @Test func unitsAreTakenFromTheTitleOrTheOption() throws {
        #expect(try csv("II (uV)\n1500\n", .init(samplingRate: 250)).millivolts(ofSignal: 0) == [1.5])
        #expect(try csv("II\n0.0015\n", .init(samplingRate: 250, unit: "V")).millivolts(ofSignal: 0) == [1.5])
        #expect(error("II (mmHg)\n90\n", .init(samplingRate: 250)).contains("not in a voltage"))
    }

    @Test func anEmptyFieldIsNoSample() throws {
        let millivolts = try csv("II\n0.5\nNaN\n \n99\n0.25\n", .init(samplingRate: 250)).millivolts(ofSignal: 0)
        // A line of blanks is no line; 99 mV is no voltage of a heart.
        #expect(millivolts.map(\.isNaN) == [false, true, true, false])
    }

    @Test func aFieldThatIsNoNumberIsToldWithItsLine() {
        let options = ImportedRecord.CSVOptions(samplingRate: 250)
        #expect(error("II,V\n1,2\n1,x\n", options).contains("a.csv:3: \"x\" is no number"))
        #expect(error("II,V\n1,2\n1\n", options).contains("a.csv:3: 1 columns"))
        #expect(error("", options).contains("empty"))
        #expect(error("II\n", options).contains("holds no samples"))
        #expect(error(String(repeating: "1", count: 70_000), options).contains("longer than 64 kB"))
        #expect(error("t,II\n0,1\n0,1\n0,1\n").contains("do not tell a sampling rate"))
    }

    @Test func edfKeepsItsCountsAndItsGaps() throws {
        let path = "\(folder.path)/a.edf"
        let header = EDFHeader(
            kind: .continuous, recordDuration: 1,
            signals: [
                EDFSignal(
                    label: "ECG II", unit: "uV", physicalMinimum: -4096, physicalMaximum: 4095, digitalMinimum: -2048,
                    digitalMaximum: 2047, samplesPerRecord: 250),
                EDFSignal(label: "Resp", unit: "%", physicalMinimum: 0, physicalMaximum: 1, samplesPerRecord: 25),
            ])
        let writer = try EDFWriter(path: path, header: header)
        let ramp = (0..<250).map { Int16($0 - 125) }
        for onset in [0.0, 1, 10] {
            try writer.append(onset: onset, samples: [onset == 1 ? ramp.map { $0 == 0 ? .min : $0 } : ramp, [Int16](repeating: 0, count: 25)])
        }
        try writer.finish()
        let imported = try ImportedRecord(path)
        #expect(imported.notes.contains { $0.contains("Resp") })
        let record = try read(imported)
        #expect(record.samplingRate == 250)
        #expect(record.header.signals.map(\.description) == ["II"])
        #expect(record.gaps == [500..<2500])
        #expect(record.samples[0].prefix(250).map { Int16($0) } == ramp)
        let millivolts = try record.millivolts(ofSignal: 0)
        #expect(millivolts[250 + 125].isNaN)
        #expect(abs(millivolts[0] - -0.25) < 0.002)
    }

    @Test func theConvertedFilesAreRemoved() throws {
        let path = "\(folder.path)/a.csv"
        try "II\n1\n".write(toFile: path, atomically: true, encoding: .utf8)
        var imported: ImportedRecord? = try ImportedRecord(path, csv: .init(samplingRate: 250))
        let converted = imported?.path ?? ""
        #expect(FileManager.default.fileExists(atPath: converted + ".hea"))
        imported = nil
        #expect(!FileManager.default.fileExists(atPath: converted + ".hea"))
    }
}
