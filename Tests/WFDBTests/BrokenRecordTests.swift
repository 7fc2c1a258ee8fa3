import Foundation
import TestSupport
import Testing
import WFDB

struct BrokenRecordTests {
    static let header = "r 2 360 100\nr.dat 212 200 12 0 1 50 0 I\nr.dat 212 200 12 0 -1 -50 0 II\n"

    /// 100 frames of (1, -1) ... : the sums are those of the header.
    static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder("wfdb-tests")
        let samples: [[Int32]] = [
            (0..<100).map { $0.isMultiple(of: 2) ? 1 : 0 }, (0..<100).map { $0.isMultiple(of: 2) ? -1 : 0 },
        ]
        let signals = ["I", "II"].map {
            SignalSpecification(
                fileName: "r.dat", format: .format212, gain: 200, adcResolution: 12, adcZero: 0, blockSize: 0,
                description: $0)
        }
        try Record(header: RecordHeader(name: "r", samplingRate: 360, signals: signals), samples: samples).write(
            to: folder.path)
        #expect(try String(decoding: folder.bytes("r.hea"), as: UTF8.self) == header)
        return folder
    }

    @Test func aTruncatedSignalFileNamesTheFileAndTheByte() throws {
        let folder = try Self.folder()
        let bytes = try folder.bytes("r.dat")
        for length in [0, 1, 2, 149, 297, 298, 299] {
            try folder.write("r.dat", Array(bytes.prefix(length)))
            let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path, strict: true) }
            #expect(error?.code == .truncated)
            #expect(error?.file == folder.path + "/r.dat")
            #expect(error?.byteOffset == length)
        }
    }

    @Test func truncatedFileIsReadToItsEndWithAWarning() throws {
        let folder = try Self.folder()
        let whole = try Record.read("r", in: folder.path)
        #expect(whole.warnings.isEmpty)
        let bytes = try folder.bytes("r.dat")
        for (length, frames) in [(3, 1), (149, 49), (297, 99), (299, 99)] {
            try folder.write("r.dat", Array(bytes.prefix(length)))
            let record = try Record.read("r", in: folder.path)
            #expect(record.samples == whole.samples.map { Array($0.prefix(frames)) })
            #expect(record.frameCount == frames)
            #expect(record.warnings.map(\.code) == [.truncated])
            #expect(record.warnings.first?.byteOffset == length)
        }
        // Of nothing, nothing can be read.
        for length in [0, 1, 2] {
            try folder.write("r.dat", Array(bytes.prefix(length)))
            #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
        }
    }

    @Test func signalsOfAShortFileEndInInvalidSamples() throws {
        let folder = try TemporaryFolder()
        try folder.write("r.hea", "r 2 360 4\na.dat 16\nb.dat 16\n")
        try folder.write("a.dat", [1, 0, 2, 0, 3, 0, 4, 0])
        try folder.write("b.dat", [5, 0, 6, 0, 7])
        let record = try Record.read("r", in: folder.path)
        #expect(record.samples == [[1, 2, 3, 4], [5, 6, -32768, -32768]])
        #expect(record.warnings.map(\.file) == [folder.path + "/b.dat"])
        // The same without a stated length.
        try folder.write("r.hea", "r 2 360\na.dat 16\nb.dat 16\n")
        #expect(try Record.read("r", in: folder.path).samples == record.samples)
        #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path, strict: true) }
    }

    @Test func aChangedByteFailsTheChecksumWhenStrict() throws {
        let folder = try Self.folder()
        var bytes = try folder.bytes("r.dat")
        bytes[30] ^= 0x04
        try folder.write("r.dat", bytes)
        let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path, strict: true) }
        #expect(error?.code == .checksumMismatch)
        #expect(error?.file == folder.path + "/r.dat")
        let record = try Record.read("r", in: folder.path)
        #expect(record.warnings.map(\.code) == [.checksumMismatch])
        #expect(throws: WFDBError.self) { try record.verify() }
    }

    @Test func aWrongInitialValueIsFound() throws {
        let folder = try Self.folder()
        try folder.write("r.hea", Self.header.replacingOccurrences(of: "0 -1 -50", with: "0 7 -50"))
        let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path, strict: true) }
        #expect(error?.code == .initialValueMismatch)
        #expect(try Record.read("r", in: folder.path).warnings == [try #require(error)])
        #expect(error?.description.contains("signal 1 (II) starts with -1, the header says 7") == true)
    }

    @Test func hugeCountsInAHeaderTakeNoMemoryBeyondTheFiles() throws {
        let folder = try Self.folder()
        for line in ["r 1 360 9223372036854775807\nr.dat 212", "r 1 360 4611686018427387904\nr.dat 16"] {
            try folder.write("r.hea", line)
            let record = try Record.read("r", in: folder.path)
            #expect(record.samples[0].count == (line.hasSuffix("16") ? 150 : 200))
            #expect(record.warnings.map(\.code) == [.truncated])
        }
        for line in [
            "r 1 360 1000\nr.dat 16x9223372036854775807",
            "r 2 360\nr.dat 16x9223372036854775807\nr.dat 16x9223372036854775807",
            "r 1 360 10\nr.dat 16+9223372036854775807", "r 1 360 1000\nr.dat 310x4611686018427387904",
        ] {
            try folder.write("r.hea", line)
            let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
            #expect(error?.code == .truncated || error?.code == .outOfRange, "\(line)")
            #expect(error?.file == folder.path + "/r.dat")
        }
        // One frame in one file must not be blown up to the frames of the other, nor must a signal without samples.
        try folder.write("s.dat", [UInt8](repeating: 0, count: 40_000))
        for line in [
            "r 2 360 9000\nr.dat 16x150\ns.dat 16", "r 2 360 9000\ns.dat 16\n~ 0x1000000",
            "r 1 360 9223372036854775807\n~ 0x9223372036854775807",
        ] {
            try folder.write("r.hea", line)
            #expect(throws: WFDBError.self, "\(line)") { try Record.read("r", in: folder.path) }
        }
        // A skew past the file's end leaves nothing but "no valid sample".
        try folder.write("r.hea", "r 1 360 5\nr.dat 212:2147483647")
        #expect(try Record.read("r", in: folder.path).samples == [[Int32](repeating: -2048, count: 5)])
    }

    @Test func filesThatAreNotRecordsAreRefusedByName() throws {
        let folder = try Self.folder()
        #expect(throws: WFDBError.self) { try Record.read("absent", in: folder.path) }
        #expect(throws: WFDBError.self) { try Record.read("../r", in: folder.path) }
        #expect(throws: WFDBError.self) { try Record.read("", in: folder.path) }
        try FileManager.default.createDirectory(atPath: folder.path + "/d.hea", withIntermediateDirectories: false)
        let directory = #expect(throws: WFDBError.self) { try Record.read("d", in: folder.path) }
        #expect(directory?.detail == "not a regular file")
        // A pipe that nobody writes to must not hold the reader.
        #expect(mkfifo(folder.path + "/p.hea", 0o600) == 0)
        let pipe = #expect(throws: WFDBError.self) { try Record.read("p", in: folder.path) }
        #expect(pipe?.code == .cannotRead)
        try FileManager.default.removeItem(atPath: folder.path + "/r.dat")
        let missing = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
        #expect(missing?.file == folder.path + "/r.dat")
        #expect(missing?.detail == "No such file or directory")
    }

    @Test func millivoltsOfAPressureAreRefused() throws {
        let folder = try TemporaryFolder("wfdb-tests")
        try folder.write("r.hea", "r 2 360\nr.dat 16 100(-5)/mmHg\nr.dat 16 -4/uV\n")
        try folder.write("r.dat", [1, 0, 8, 0])
        let record = try Record.read("r", in: folder.path)
        let error = #expect(throws: WFDBError.self) { try record.millivolts(ofSignal: 0) }
        #expect(error?.code == .notAVoltage)
        #expect(try record.millivolts(ofSignal: 1) == [-0.002])
    }

    @Test func aWriteReplacesTheOldFileWhole() throws {
        let folder = try Self.folder()
        let other = try Record.read("r", in: folder.path)
        try other.write(to: folder.path)
        #expect(try folder.names == ["r.dat", "r.hea"])
        #expect(try Record.read("r", in: folder.path).samples == other.samples)
    }
}
