import Foundation
import Testing
import WFDB

@Suite(.enabled(if: Databases.has("mitdb"), "needs the PhysioNet databases: set ECGMON_DATABASES"))
struct DatabaseReadingTests {
    @Test(arguments: ["mitdb", "svdb", "nstdb", "nstdb_119_regenerated"])
    func everyRecordReadsWithItsChecksums(database: String) throws {
        let names = Databases.records(database)
        try #require(!names.isEmpty)
        for name in names {
            let record = try Record.read(name, in: Databases.folder(database))
            #expect(record.samples.count == 2)
            #expect(record.frameCount == (database == "svdb" ? 230_400 : 650_000))
            #expect(record.samples.allSatisfy { $0.count == record.frameCount })
            #expect(record.samplingRate == (database == "svdb" ? 128 : 360))
        }
    }

    @Test func everyAnnotationFileIsWrittenBackByteForByte() throws {
        for database in ["mitdb", "svdb", "nstdb", "nstdb_119_regenerated"] {
            for name in Databases.records(database) {
                let path = Databases.folder(database) + "/\(name).atr"
                guard let data = FileManager.default.contents(atPath: path) else { continue }
                let set = try AnnotationSet.read(name, annotator: "atr", in: Databases.folder(database))
                #expect(try set.encoded() == Array(data), "\(path)")
            }
        }
    }
}
