import ArgumentParser
import ECGEvaluation
import Foundation
import NeuralNetwork
import Synchronization
import ToolSupport

/// Databases that PhysioNet publishes and the evaluations use.
enum PhysioNetDatabase: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// MIT-BIH Arrhythmia Database.
    case mitdb
    /// MIT-BIH Supraventricular Arrhythmia Database.
    case svdb
    /// MIT-BIH Noise Stress Test Database.
    case nstdb

    static let site = "https://physionet.org/files"

    /// Version and folder below the site.
    var path: String { "\(rawValue)/1.0.0" }

    var title: String {
        switch self {
        case .mitdb: "MIT-BIH Arrhythmia Database 1.0.0, doi:10.13026/C2F305"
        case .svdb: "MIT-BIH Supraventricular Arrhythmia Database 1.0.0, doi:10.13026/C2V30W"
        case .nstdb: "MIT-BIH Noise Stress Test Database 1.0.0, doi:10.13026/C2HS3T"
        }
    }

    /// SHA-256 of the checksum list as it has been published, where it is known from elsewhere than the site itself.
    var knownListDigest: String? {
        switch self {
        case .mitdb: "b61158a96d5f2ca80edfb354a9a66a6324836c390a84e1966dcee2b907d6be43"
        case .nstdb: "b76bd98c5111439fcfff2f410afd70d64e79f072049c45b5a9916a3044fdb84f"
        case .svdb: nil
        }
    }
}

/// Data from outside that the commands work on.
struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Fetch public ECG databases from PhysioNet.", subcommands: [DataFetch.self])
}

/// Brings a database's records and checks them.
struct DataFetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Download records from PhysioNet and check their SHA-256.",
        discussion: """
            Headers, signals and reference annotations go into DIR/DATABASE. Files that are already there with the \
            right checksum are left alone, and an interrupted download resumes where it stopped: just run the command \
            again. The data is under the Open Data Commons Attribution License 1.0: cite the source where you \
            show results.

            Example:
              ecgmon data fetch mitdb nstdb
            """)

    @Option(help: "Which database; may be given several times.")
    var database: [PhysioNetDatabase] = [.mitdb]

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Folder for the databases; each gets a subfolder.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("Another server with the same folders.", valueName: "url"))
    var baseURL = PhysioNetDatabase.site

    /// Files at a time; PhysioNet serves more no faster.
    private static let connections = 4

    func validate() throws {
        guard let url = URL(string: baseURL), ["http", "https"].contains(url.scheme), url.host != nil else {
            throw ValidationError("--base-url must be an http or https URL, not “\(baseURL)”")
        }
    }

    func run() async throws {
        let site = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        for database in database {
            try await fetch(database, from: "\(site)/\(database.path)", to: "\(output)/\(database.rawValue)")
        }
        print("Use it with ECGMON_DATABASES=\(output), or --database \(output)/\(database[0].rawValue)")
    }

    private func fetch(_ database: PhysioNetDatabase, from url: String, to folder: String) async throws {
        try AnnotationOutput.makeFolder(folder)
        let downloader = Downloader()
        defer { downloader.end() }
        let listBytes = try await downloader.bytes(
            of: "\(url)/\(ChecksumList.fileName)", limit: ChecksumList.maximumSize)
        let list = try ChecksumList(parsing: listBytes, source: "\(url)/\(ChecksumList.fileName)")
        if baseURL == PhysioNetDatabase.site, let known = database.knownListDigest, list.digest != known {
            Self.say("note: PhysioNet's checksum list of \(database) differs from the one that this version knows")
        }
        let files = list.recordFiles
        guard !files.isEmpty else {
            throw ToolError("\(url)/\(ChecksumList.fileName) names no records", nextStep: "Check --base-url")
        }
        let progress = FetchProgress(title: "\(database)", fileCount: files.count)
        _ = try await RecordBatch.map(files, jobs: Self.connections, showsProgress: false) { file in
            progress.add(
                bytes: try await downloader.fetch(
                    "\(url)/\(file.name)", sha256: file.sha256, to: "\(folder)/\(file.name)"))
        }
        progress.end()
        do {
            try Data(listBytes).write(to: URL(filePath: "\(folder)/\(ChecksumList.fileName)"), options: .atomic)
        } catch {
            throw ToolError(
                "\(folder)/\(ChecksumList.fileName) cannot be written",
                nextStep: "Free some space and run the command again")
        }
        print("\(folder): \(progress.summary), every SHA-256 matches PhysioNet's list (\(database.title))")
    }

    static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}

/// PhysioNet's `SHA256SUMS.txt`.
struct ChecksumList: Sendable {
    static let fileName = "SHA256SUMS.txt"
    static let maximumSize = 4 << 20

    struct File: Sendable, Equatable {
        var name: String
        /// 64 hexadecimal digits, lower case.
        var sha256: String
    }

    let files: [File]
    /// SHA-256 of the list itself.
    let digest: String

    init(parsing bytes: [UInt8], source: String) throws(ToolError) {
        var files: [File] = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        {
            let words = String(decoding: line, as: UTF8.self).split(
                maxSplits: 1, omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
            if words.isEmpty { continue }
            let digits = words[0].lowercased()
            guard words.count == 2, digits.utf8.count == 64, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
                throw ToolError(
                    "\(source), line \(number + 1) is not a checksum and a file name",
                    nextStep: "Check --base-url: this may be an error page")
            }
            var name = words[1].trimmingCharacters(in: .whitespaces)
            // The mark of a binary file.
            if name.hasPrefix("*") { name.removeFirst() }
            files.append(File(name: name, sha256: digits))
        }
        self.files = files
        digest = SHA256.hexadecimalDigest(of: bytes)
    }

    /// The records themselves: headers, signals, reference annotations and the two lists. Names that would leave the
    /// folder are not among them, whatever the server says.
    var recordFiles: [File] {
        files.filter { file in
            guard file.name.utf8.count <= 100, !file.name.hasPrefix("."), !file.name.hasPrefix("-"),
                file.name.utf8.allSatisfy({
                    (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                        || (0x61...0x7A).contains($0) || $0 == 0x5F || $0 == 0x2D || $0 == 0x2E
                })
            else { return false }
            // mitdb has superseded annotations as 102-0.atr.
            if file.name.hasSuffix(".atr") { return !file.name.contains("-") }
            return file.name.hasSuffix(".hea") || file.name.hasSuffix(".dat") || file.name == "RECORDS"
                || file.name == "ANNOTATORS"
        }
    }
}

/// How far a fetch has come; on a terminal it is shown as it goes.
final class FetchProgress: Sendable {
    private struct State {
        var files = 0
        var fetched = 0
        var bytes = 0
    }

    private let state = Mutex(State())
    private let title: String
    private let fileCount: Int
    private let isShown = isatty(STDERR_FILENO) == 1

    init(title: String, fileCount: Int) {
        self.title = title
        self.fileCount = fileCount
    }

    /// One file more; nil if it was there already.
    func add(bytes: Int?) {
        let line = state.withLock { state in
            state.files += 1
            if let bytes {
                state.fetched += 1
                state.bytes += bytes
            }
            return "\r\(title): \(state.files)/\(fileCount) files, \(fixed(Double(state.bytes) / 1e6, 2)) MB fetched"
        }
        if isShown { FileHandle.standardError.write(Data(line.utf8)) }
    }

    func end() {
        if isShown { FileHandle.standardError.write(Data("\n".utf8)) }
    }

    var summary: String {
        state.withLock { state in
            "\(state.files) files, \(state.fetched) fetched (\(fixed(Double(state.bytes) / 1e6, 2)) MB), "
                + "\(state.files - state.fetched) already there"
        }
    }
}
