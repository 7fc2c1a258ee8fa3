import Foundation
import TestSupport
import Testing

@testable import ecgmon

/// What the programs say of themselves, and what is made of it.
@Suite struct HelpTests {
    /// The folder of the programs, with a slash at its end.
    private static let programs = String(Checkout.program("ecgmon").dropLast("ecgmon".count))

    private struct Dump: Decodable {
        struct Command: Decodable {
            var commandName: String
            var discussion: String?
            var subcommands: [Command]?
        }
        var command: Command
    }

    private func leaves(_ command: Dump.Command, _ path: String = "") -> [(String, Dump.Command)] {
        let path = path.isEmpty ? command.commandName : "\(path) \(command.commandName)"
        let children = (command.subcommands ?? []).filter { $0.commandName != "help" }
        return children.isEmpty ? [(path, command)] : children.flatMap { leaves($0, path) }
    }

    private func dump(_ program: String) throws -> Dump {
        let outcome = try ToolProcess.run(["--experimental-dump-help"], program: program)
        return try JSONDecoder().decode(Dump.self, from: Data(outcome.output.utf8))
    }

    @Test(arguments: ["ecgmon", "ecgmond"]) func everyHelpHasAnExample(program: String) throws {
        for (path, command) in leaves(try dump(program).command) {
            let text = command.discussion ?? ""
            #expect(text.contains("Example"), "\(path) --help has no example")
            #expect(text.contains(path), "the example of \(path) is of another command")
        }
    }

    @Test func manPagesHaveEveryCommandAndNoFault() throws {
        let folder = try TemporaryFolder("man")
        let script = """
            for program in ecgmon:1 ecgmond:8; do
                "\(Self.programs)${program%:*}" --experimental-dump-help |
                    python3 "\(Checkout.root)Config/packaging/man-pages.py" "\(folder.path)" "${program#*:}" || exit 1
            done
            command -v groff >/dev/null || { echo "skipped: needs groff to look at man pages"; exit 0; }
            groff -K utf8 -man -Tutf8 -ww "\(folder.path)"/man*/* >/dev/null
            """
        let outcome = try ToolProcess.run(["-c", script], program: "/bin/sh")
        #expect(outcome.exitCode == 0)
        #expect(outcome.errors == "")
        print(outcome.output, terminator: "")
        let pages = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/man1")
        for (path, _) in leaves(try dump("ecgmon").command) {
            #expect(pages.contains(path.replacing(" ", with: "-") + ".1"))
        }
        let page = try String(contentsOfFile: "\(folder.path)/man1/ecgmon-watch.1", encoding: .utf8)
        #expect(page.contains(".SH EXAMPLES"))
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/man8/ecgmond.8"))
    }

    @Test func bashCompletesCommandsAndOptions() throws {
        let folder = try TemporaryFolder("completion")
        let script = try ToolProcess.run(["--generate-completion-script", "bash"])
        try folder.write("ecgmon", script.output)
        // What bash does at Tab.
        let ask = """
            source /usr/share/bash-completion/bash_completion 2>/dev/null
            PATH="\(Self.programs):$PATH"
            source "\(folder.path)/ecgmon"
            COMP_WORDS=(ecgmon do); COMP_CWORD=1; COMP_LINE="ecgmon do"; COMP_POINT=${#COMP_LINE}
            $(complete -p ecgmon | sed -E 's/.*-F ([^ ]+).*/\\1/') ecgmon do ecgmon
            echo "${COMPREPLY[@]}"
            """
        let outcome = try ToolProcess.run(["-c", ask], program: "/bin/bash")
        #expect(outcome.output.contains("doctor"), "\(outcome.errors)")
    }
}
