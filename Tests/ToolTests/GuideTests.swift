import Foundation
import TestSupport
import Testing

/// The pages for those who use the monitor: every command in them works as it is written.
@Suite(.serialized) struct GuideTests {
    private static let need: Comment = "needs a network namespace of its own (unshare --user --net), ip, and python3-zmq"

    private static let canRun: Bool = {
        let script = "unshare -rn ip link set lo up && /usr/bin/python3 -c 'import zmq, google.protobuf'"
        return (try? ToolProcess.run(["-c", script], program: "/bin/sh"))?.exitCode == 0
    }()

    @Test(.enabled(if: canRun && Checkout.hasModel, need), arguments: ["bedside", "alerts", "operator", "researcher"])
    func everyCommandOfThePageWorks(page: String) throws {
        let programs = URL(filePath: Checkout.program("ecgmon")).deletingLastPathComponent().path()
        let outcome = try ToolProcess.run(
            [
                "-rn", "bash", "\(Checkout.root)Tests/ToolTests/run-guide.sh", "\(Checkout.root)Docs/guide-\(page).md",
                programs, Checkout.root,
            ], program: "/usr/bin/unshare")
        #expect(outcome.exitCode == 0, "\(outcome.output.suffix(1000)) \(outcome.errors.suffix(2000))")
    }
}
