import Foundation
import Testing

@testable import DaemonEvaluation
@testable import ecgmon

/// Nothing is lost when the daemon is ended under load. `ECGMON_KILLS` asks for more endings than the few here.
@Suite(.serialized, .enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"))
struct RecoveryTests {
    private static let kills = ProcessInfo.processInfo.environment["ECGMON_KILLS"].flatMap { Int($0) } ?? 8

    @Test func aKilledDaemonLosesNothing() throws {
        let outcome = try ToolProcess.run(
            ["evaluate", "recovery", "--kills", "\(Self.kills)", "--seconds", "\(max(240, Self.kills * 15))"],
            environment: ["ECGMON_DATABASES": ToolProcess.databases])
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("\(Self.kills) x SIGKILL"))
        #expect(outcome.output.contains("0 missing, 0 too many, 0 different"))
        #expect(outcome.output.contains("0 never came, 0 came twice, 0 out of order"))
    }

    /// A second copy of the program at another path takes turns with the first.
    @Test func anUpgradeUnderLoadLosesNothing() throws {
        let copy = "/tmp/ecgmond-\(UUID().uuidString.prefix(8))"
        try FileManager.default.copyItem(atPath: ToolProcess.program("ecgmond"), toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let outcome = try ToolProcess.run([
            "evaluate", "recovery", "--kills", "3", "--by", "term", "--records", "simulator", "--seconds", "240",
            "--daemon",
            ToolProcess.program("ecgmond"), "--daemon", copy,
        ])
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("3 x SIGTERM"))
        #expect(outcome.output.contains("0 missing, 0 too many, 0 different"))
    }

    @Test(arguments: [
        ["recovery", "--kills", "1", "--records", "simulator", "--seconds", "10"], ["latency", "--seconds", "1"],
    ])
    func aDaemonThatDoesNotStartIsToldWithItsReason(command: [String]) throws {
        let outcome = try ToolProcess.run(["evaluate"] + command + ["--model", "/no/such.safetensors"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("the daemon does not start: ecgmond: cannot load the model"), "\(outcome.errors)")
    }

    /// The daemon is on another machine as far as the network can tell, behind CURVE. The second cut is longer than the
    /// source waits for a sign of life.
    @Test(
        .enabled(
            if: RecoveryTests.unshare != nil,
            "needs iproute2, unshare (util-linux) and leave to make network namespaces"))
    func networkOutageLosesNothing() throws {
        let outcome = try ToolProcess.run(
            (Self.unshare ?? []) + [
                ToolProcess.program("ecgmon"), "evaluate", "recovery", "--by", "cut", "--kills", "2", "--cut-seconds",
                "1,8",
                "--records", "simulator", "--seconds", "240",
            ], program: "/usr/bin/unshare")
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("2 x cut for 1.0, 8.0 s, 2 of them with samples not yet acknowledged"))
        #expect(!outcome.output.contains("the connection broke 0 times"), "\(outcome.output)")
        #expect(outcome.output.contains("0 missing, 0 too many, 0 different"))
        #expect(outcome.output.contains("0 never came, 0 came twice, 0 out of order, 0 not as in the journal"))
    }

    /// What makes unshare(1) give a network namespace in which links can be made, without root where the kernel allows
    /// it; found out by making one.
    private static let unshare: [String]? = [["--user", "--map-root-user", "--net"], ["--net"]].first { options in
        let make = "PATH=$PATH:/usr/sbin:/sbin ip link add name ecgmon0 type veth peer name ecgmon1"
        return (try? ToolProcess.run(options + ["sh", "-c", make], program: "/usr/bin/unshare").exitCode) == 0
    }

    @Test func timeFromBlockToAlertIsMeasuredWithAndWithoutAJournal() throws {
        let outcome = try ToolProcess.run([
            "evaluate", "latency", "--streams", "3", "--seconds", "20", "--speed", "10", "--repetitions", "1",
        ])
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
        let rows = outcome.lines.dropFirst().map { $0.split(separator: " ") }
        #expect(rows.map { $0[1] } == ["none", "normal", "full"])
        #expect(rows.allSatisfy { Int($0[2]) ?? 0 > 0 && Double($0[3]) ?? -1 > 0 }, "\(outcome.output)")
    }

    @Test func quantilesAreOfWhatWasMeasured() {
        let figures = LatencyFigures((1...200).map { Int64($0) * 1_000_000 })
        #expect(figures.quantile(0.5) == 100 && figures.quantile(0.99) == 198 && figures.quantile(1) == 200)
        #expect(LatencyFigures([]).quantile(0.5) == nil)
        #expect(LatencyFigures([3_000_000]).cells(against: figures) == ["1", "3.0", "3.0", "3.0", "0.03", "0.02"])
    }

    @Test(arguments: [
        ("30s", 999_999_970), ("2d", 999_827_200), ("1970-01-02", 86_400), ("1970-01-01T01:00:00Z", 3600),
    ])
    func timesAreReadAsPeopleWriteThem(text: String, seconds: Int64) {
        #expect(HistoryTime.nanoseconds(text, now: 1_000_000_000_000_000_000) == seconds * 1_000_000_000)
    }

    @Test(arguments: ["", "yesterday", "-3s", "1e30d", "2026-13-01", "12:00"])
    func invalidTimeIsRefused(text: String) {
        #expect(HistoryTime.nanoseconds(text, now: 1_000_000_000_000_000_000) == nil)
    }
}
