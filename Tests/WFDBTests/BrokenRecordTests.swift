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
            let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
            #expect(error?.code == .truncated)
            #expect(error?.file == folder.path + "/r.dat")
            #expect(error?.byteOffset == length)
        }
    }

    @Test func aChangedByteFailsTheChecksumUnlessNotAskedFor() throws {
        let folder = try Self.folder()
        var bytes = try folder.bytes("r.dat")
        bytes[30] ^= 0x04
        try folder.write("r.dat", bytes)
        let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
        #expect(error?.code == .checksumMismatch)
        #expect(error?.file == folder.path + "/r.dat")
        let record = try Record.read("r", in: folder.path, verifying: false)
        #expect(throws: WFDBError.self) { try record.verify() }
    }

    @Test func aWrongInitialValueIsFound() throws {
        let folder = try Self.folder()
        try folder.write("r.hea", Self.header.replacingOccurrences(of: "0 -1 -50", with: "0 7 -50"))
        let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
        #expect(error?.code == .initialValueMismatch)
        #expect(error?.description.contains("signal 1 (II) starts with -1, the header says 7") == true)
    }

    @Test func hugeCountsAreRefusedBeforeAnythingIsAllocated() throws {
        let folder = try Self.folder()
        for line in [
            "r 1 360 9223372036854775807\nr.dat 212", "r 1 360 4611686018427387904\nr.dat 16",
            "r 1 360 1000\nr.dat 16x9223372036854775807",
            "r 2 360\nr.dat 16x9223372036854775807\nr.dat 16x9223372036854775807",
            "r 1 360 10\nr.dat 16+9223372036854775807", "r 1 360 1000\nr.dat 310x4611686018427387904",
        ] {
            try folder.write("r.hea", line)
            let error = #expect(throws: WFDBError.self) { try Record.read("r", in: folder.path) }
            #expect(error?.code == .truncated || error?.code == .outOfRange, "\(line)")
            #expect(error?.file == folder.path + "/r.dat")
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
