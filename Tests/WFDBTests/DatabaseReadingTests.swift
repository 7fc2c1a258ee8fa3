import Foundation
import TestSupport
import Testing
import WFDB

@Suite(.enabled(if: Databases.has("mitdb"), "needs the PhysioNet databases: set ECGMON_DATABASES"))
struct DatabaseReadingTests {
    @Test(arguments: ["mitdb", "svdb", "nstdb", "nstdb_119_regenerated"])
    func everyRecordReadsWithItsChecksums(database: String) throws {
        let names = Databases.records(database)
        try #require(!names.isEmpty)
        for name in names {
            let record = try Record.read(name, in: Databases.folder(database), strict: true)
            #expect(record.samples.count == 2)
            #expect(record.frameCount == (database == "svdb" ? 230_400 : 650_000))
            #expect(record.samples.allSatisfy { $0.count == record.frameCount })
            #expect(record.samplingRate == (database == "svdb" ? 128 : 360))
        }
    }

    @Test func everyAnnotationFileIsWrittenBackByteForByte() throws {
        var exact = 0
        for database in ["mitdb", "svdb", "nstdb", "nstdb_119_regenerated"] {
            for name in Databases.records(database) {
                let path = Databases.folder(database) + "/\(name).atr"
                guard let data = FileManager.default.contents(atPath: path) else { continue }
                let set = try AnnotationSet.read(name, annotator: "atr", in: Databases.folder(database))
                let encoded = try set.encoded()
                if encoded == Array(data) {
                    exact += 1
                } else {
                    // A writer's empty "end of definitions" mark (a step of -1 and one of +1) is not kept.
                    #expect(set.samplingRate != nil, "\(path)")
                }
                #expect(try AnnotationSet(parsing: encoded, file: path) == set, "\(path)")
            }
        }
        #expect(exact == 110)
    }

    @Test func mitdbBeatCountsAreThePublishedOnes() throws {
        var counts: [Character: Int] = [:]
        for name in Databases.records("mitdb") {
            for annotation in try AnnotationSet.read(name, annotator: "atr", in: Databases.folder("mitdb")).annotations
            {
                counts[annotation.code.symbol, default: 0] += 1
            }
        }
        let published: [Character: Int] = [
            "N": 75052, "L": 8075, "R": 7259, "e": 16, "j": 229, "A": 2546, "a": 150, "J": 83, "S": 2, "V": 7130,
            "E": 106,
            "F": 803, "/": 7028, "f": 982, "Q": 33, "+": 1291, "~": 616, "!": 472, "\"": 437, "x": 193, "|": 132,
            "[": 6,
            "]": 6,
        ]
        #expect(counts == published)
    }

    @Test func aGainOfZeroIsTakenAs200PerMillivolt() throws {
        let record = try Record.read("bw", in: Databases.folder("nstdb"))
        #expect(!record.header.signals[0].isCalibrated)
        #expect(try record.millivolts(ofSignal: 0)[0] == -29 / 200)
    }

    @Test func noiseStressRecordsCanBeReadWithTheirTrueBaseline() throws {
        let record = try Record.read("118e24", in: Databases.folder("nstdb"))
        #expect(try record.millivolts(ofSignal: 0)[0] == Float(-167.0 - 1024) / 200)
        #expect(try record.withTrueBaseline().millivolts(ofSignal: 0)[0] == Float(-167.0) / 200)
        let plain = try Record.read("118", in: Databases.folder("mitdb"))
        #expect(plain.withTrueBaseline().header == plain.header)
    }

    @Test func aRecordIsWrittenBackAsTheSameSignalFile() throws {
        let folder = try TemporaryFolder("wfdb-tests")
        for name in ["100", "228"] {
            let record = try Record.read(name, in: Databases.folder("mitdb"))
            try record.write(to: folder.path)
            #expect(
                try folder.bytes(name + ".dat")
                    == Array(FileManager.default.contents(atPath: Databases.folder("mitdb") + "/\(name).dat") ?? Data())
            )
            #expect(try RecordHeader.read(name, in: folder.path) == record.header)
        }
    }
}
