import Foundation
import Testing

@testable import ecgmon

/// What users get to see when something is not as they thought: one line with the cause and the next step.
struct ErrorLineTests {
    struct Mistake: CustomTestStringConvertible {
        var arguments: [String]
        /// Words of the line.
        var says: [String]
        var testDescription: String { arguments.joined(separator: " ") }
    }

    static let mistakes = [
        Mistake(arguments: ["replay", "no/such/record"], says: ["no/such/record", "Give the path"]),
        Mistake(arguments: ["replay", "Fixtures/208s", "--lead", "V9"], says: ["V9", "0 MLII"]),
        Mistake(arguments: ["replay", "Fixtures/208s", "--start", "9:00"], says: ["9:00.0", "5:00.0"]),
        Mistake(arguments: ["replay", "Fixtures/208s", "--stream", "a b"], says: ["a b", "letters"]),
        Mistake(
            arguments: [
                "replay", "Fixtures/208s", "--ingest", "ipc:///tmp/nobody-here-\(getpid())", "--connect-timeout", "0.3",
            ],
            says: ["nobody is receiving samples", "ecgmond", "--ingest"]),
        Mistake(
            arguments: ["replay", "Fixtures/208s", "--ingest", "carrier-pigeon"], says: ["carrier-pigeon", "tcp://"]),
        Mistake(
            arguments: ["replay", "Fixtures/208s", "--noise-snr", "6", "--noise", "no/such/noise"],
            says: ["no/such/noise"]),
        Mistake(
            arguments: ["replay", "Fixtures/208s", "--attack", "pgd", "--model", "no/such/model"],
            says: ["no/such/model", "--model"]),
        Mistake(
            arguments: ["watch", "--events", "ipc:///tmp/nobody-here-\(getpid())", "--connect-timeout", "0.3"],
            says: ["no daemon publishes events", "ecgmond", "--events"]),
        Mistake(arguments: ["demo", "--model", "no/such/model"], says: ["no/such/model", "--model"]),
        Mistake(arguments: ["demo", "--record", "no/such/record"], says: ["no/such/record"]),
        Mistake(
            arguments: ["demo", "--no-attack", "--daemon", "/no/such/daemon"], says: ["/no/such/daemon", "--daemon"]),
    ]

    @Test(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"), arguments: mistakes)
    func aMistakeGetsOneLineWithTheNextStep(mistake: Mistake) throws {
        let outcome = try ToolProcess.run(mistake.arguments)
        #expect(outcome.exitCode == 1)
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("Error: ") == true)
        for word in mistake.says { #expect(outcome.errors.contains(word)) }
    }

    @Test(arguments: [
        ["replay"], ["replay", "Fixtures/208s", "--simulate", "sinus"], ["replay", "Fixtures/208s", "--speed", "0"],
        ["replay", "Fixtures/208s", "--block", "0"], ["replay", "--simulate", "waltz"],
        ["replay", "--simulate", "sinus", "--sampling-rate", "20"], ["replay", "Fixtures/208s", "--from", "1:00"],
        ["watch", "--topic", "gossip"], ["watch", "a b"], ["demo", "--from", "2:00", "--to", "1:00"], ["dance"],
    ])
    func nonsensicalCommandLineIsRefused(arguments: [String]) throws {
        let outcome = try ToolProcess.run(arguments)
        #expect(outcome.exitCode == 64)
        #expect(outcome.errors.hasPrefix("Error: "))
    }

    @Test func recordTooShortForItsHeaderNamesTheByte() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "short-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.copyItem(atPath: ToolProcess.fixture + ".hea", toPath: folder + "/208s.hea")
        let data = try Data(contentsOf: URL(filePath: ToolProcess.fixture + ".dat"))
        try data.prefix(1000).write(to: URL(filePath: folder + "/208s.dat"))
        let outcome = try ToolProcess.run(["replay", folder + "/208s"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("208s.dat"))
        #expect(outcome.errors.contains("byte 1000"))
    }

    @Test func unsupportedRateIsNamed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "slow-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "slow 1 50 4\nslow.dat 16 200 16 0 0 0 0 II\n".write(
            toFile: folder + "/slow.hea", atomically: true, encoding: .utf8)
        try Data(repeating: 0, count: 8).write(to: URL(filePath: folder + "/slow.dat"))
        let outcome = try ToolProcess.run(["replay", folder + "/slow"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("50.00 samples a second"))
    }
}
