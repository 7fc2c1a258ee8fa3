import ArgumentParser
import Foundation
import NeuralNetwork
import TestSupport
import Testing

@testable import ToolSupport
@testable import ecgmon

struct DataFetchTests {
    /// A server with a small database, and a folder to bring it to.
    struct Site {
        let server: FileServer
        let folder: String
        let files: [String: [UInt8]]
        static let root = "/mitdb/1.0.0/"

        /// - Parameter extraLines: appended to the checksum list.
        init(extraLines: String = "") throws {
            server = try FileServer()
            folder = FileManager.default.temporaryDirectory.appending(path: "fetch-\(UUID().uuidString)").path
            var generator = TestSupport.SeededGenerator(seed: 8)
            let signal = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
            files = [
                "100.hea": Array("100 1 360 200000\n100.dat 212\n".utf8), "100.dat": signal, "100.atr": [1, 4, 0, 0],
                "RECORDS": Array("100\n".utf8), "ANNOTATORS": Array("atr\treference\n".utf8),
            ]
            var list = ""
            for (name, bytes) in files {
                server.put(Self.root + name, bytes)
                list += "\(SHA256.hexadecimalDigest(of: bytes))  \(name)\n"
            }
            let other = SHA256.hexadecimalDigest(of: [])
            for name in [
                "102-0.atr", "100.xws", "mitdbdir/intro.htm", "x_mitdb/x_108.dat", "../outside.dat", "/etc/outside.hea",
            ] {
                list += "\(other)  \(name)\n"
            }
            server.put(Self.root + "SHA256SUMS.txt", Array((list + extraLines).utf8))
        }

        func fetch() async throws {
            try await DataFetch.parse(["-o", folder, "--base-url", server.url]).run()
        }

        /// The error that the command ends with.
        func failure() async -> ToolError? {
            do {
                try await fetch()
                return nil
            } catch {
                return error as? ToolError
            }
        }

        var names: [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/mitdb")) ?? []).sorted()
        }

        func bytes(_ name: String) -> [UInt8]? {
            FileManager.default.contents(atPath: "\(folder)/mitdb/\(name)").map(Array.init)
        }

        func place(_ name: String, _ bytes: [UInt8]) throws {
            try FileManager.default.createDirectory(atPath: folder + "/mitdb", withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(filePath: "\(folder)/mitdb/\(name)"))
        }

        func end() {
            server.stop()
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    @Test func onlyTheRecordsAreFetchedAndTheirChecksumsHold() async throws {
        let site = try Site()
        defer { site.end() }
        try await site.fetch()
        #expect(site.names == ["100.atr", "100.dat", "100.hea", "ANNOTATORS", "RECORDS", "SHA256SUMS.txt"])
        for (name, bytes) in site.files { #expect(site.bytes(name) == bytes) }
        #expect(
            Set(site.server.requests.map(\.path)) == Set((site.files.keys + ["SHA256SUMS.txt"]).map { Site.root + $0 }))
    }

    @Test func existingFilesAreNotFetchedAgain() async throws {
        let site = try Site()
        defer { site.end() }
        try await site.fetch()
        try site.place("100.hea", Array("damaged".utf8))
        let before = site.server.requests.count
        try await site.fetch()
        #expect(
            site.server.requests.dropFirst(before).map(\.path).sorted() == [
                Site.root + "100.hea", Site.root + "SHA256SUMS.txt",
            ])
        #expect(site.bytes("100.hea") == site.files["100.hea"])
    }

    @Test func interruptedDownloadResumes() async throws {
        let site = try Site()
        defer { site.end() }
        site.server.put(Site.root + "100.dat", site.files["100.dat"] ?? [], fault: .cutFirstAnswer(afterBytes: 123_456))
        try await site.fetch()
        #expect(site.bytes("100.dat") == site.files["100.dat"])
        #expect(site.server.requests(for: Site.root + "100.dat").map(\.rangeStart) == [nil, 123_456])
    }

    @Test func partialDownloadOfAnEarlierRunIsResumed() async throws {
        let site = try Site()
        defer { site.end() }
        try site.place("100.dat.part", Array((site.files["100.dat"] ?? []).prefix(200_000)))
        try await site.fetch()
        #expect(site.server.requests(for: Site.root + "100.dat").map(\.rangeStart) == [200_000])
        #expect(site.bytes("100.dat") == site.files["100.dat"])
        #expect(!site.names.contains("100.dat.part"))
    }

    @Test(arguments: [100, 300_000, 400_000])
    func partialDownloadOfAnotherFileIsDiscarded(length: Int) async throws {
        let site = try Site()
        defer { site.end() }
        try site.place("100.dat.part", [UInt8](repeating: 7, count: length))
        try await site.fetch()
        #expect(site.bytes("100.dat") == site.files["100.dat"])
    }

    @Test func aServerWithoutRangesGivesTheWholeFile() async throws {
        let site = try Site()
        defer { site.end() }
        site.server.put(Site.root + "100.dat", site.files["100.dat"] ?? [], fault: .ignoreRange)
        try site.place("100.dat.part", Array((site.files["100.dat"] ?? []).prefix(1000)))
        try await site.fetch()
        #expect(site.bytes("100.dat") == site.files["100.dat"])
    }

    @Test func failingServerIsAskedAgain() async throws {
        let site = try Site()
        defer { site.end() }
        site.server.put(Site.root + "100.atr", site.files["100.atr"] ?? [], fault: .failFirst(status: 503))
        try await site.fetch()
        #expect(site.bytes("100.atr") == site.files["100.atr"])
    }

    @Test func fileThatDiffersFromThePublishedOneIsDiscarded() async throws {
        let site = try Site()
        defer { site.end() }
        site.server.put(Site.root + "100.hea", Array("something else".utf8))
        let error = await site.failure()
        #expect(error?.problem.contains("100.hea has SHA-256") == true)
        #expect(!site.names.contains("100.hea") && !site.names.contains("100.hea.part"))
    }

    @Test func aMissingFileIsNamedInOneLine() async throws {
        let site = try Site(extraLines: "\(SHA256.hexadecimalDigest(of: [1]))  999.dat\n")
        defer { site.end() }
        let error = await site.failure()
        #expect(error?.problem == "\(site.server.url)/mitdb/1.0.0/999.dat: the server answered 404")
        #expect(error?.description.contains("\n") == false)
    }

    @Test func anErrorPageInPlaceOfTheListIsRefused() async throws {
        let site = try Site()
        defer { site.end() }
        site.server.put(Site.root + "SHA256SUMS.txt", Array("<html>\nlog in</html>".utf8))
        let error = await site.failure()
        #expect(error?.problem.hasSuffix("SHA256SUMS.txt, line 1 is not a checksum and a file name") == true)
    }

    @Test func missingServerIsNamedWithTheNextStep() async throws {
        let site = try Site()
        site.end()
        let error = await site.failure()
        #expect(error?.problem.hasPrefix("\(site.server.url)/mitdb/1.0.0/SHA256SUMS.txt: ") == true)
        #expect(error?.nextStep.contains("network") == true)
    }

    @Test(arguments: ["physionet.org", "ftp://physionet.org/files", "http://", "not a url"])
    func invalidBaseURLIsRefusedBeforeAnythingElse(url: String) {
        #expect(throws: (any Error).self) { try DataFetch.parse(["-o", "/tmp/x", "--base-url", url]) }
    }

    @Test func folderThatCannotBeCreatedIsNamed() async throws {
        let site = try Site()
        defer { site.end() }
        try Data().write(to: URL(filePath: site.folder))
        let error = await site.failure()
        #expect(error?.problem == "the folder \(site.folder)/mitdb cannot be created")
    }
}
