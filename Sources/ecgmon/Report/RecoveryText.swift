import DaemonEvaluation
import ECGWire
import Glibc
import ToolSupport

extension RecoveryComparison {
    func lines(_ disturbance: RecoveryRun.Disturbance, streams: Int) -> [String] {
        let what =
            switch disturbance {
            case .signal(let signal): signal == SIGKILL ? "SIGKILL" : "SIGTERM"
            case .cut(let seconds): "cut for \(seconds.map { fixed($0, 1) }.joined(separator: ", ")) s"
            }
        let again = disturbed.samplesSent - disturbed.samples
        var text = [
            "\(disturbed.endings) x \(what), \(disturbed.endingsUnderLoad) of them with samples not yet acknowledged",
            "sent       \(disturbed.samples) samples of \(streams) streams, \(max(0, again)) sent again, "
                + "\(disturbed.unacknowledged) not acknowledged in the end; the connection broke \(disturbed.disconnections) times",
            "time       \(fixed(disturbed.seconds, 1)) s, undisturbed \(fixed(undisturbed.seconds, 1)) s",
            "journal    \(disturbed.journal.count) events, undisturbed \(undisturbed.journal.count): \(missing.count) missing, "
                + "\(surplus.count) too many, \(different.count) different",
            "subscriber \(subscriber.received) events, \(disturbed.fromHistory) of them out of the history: "
                + "\(subscriber.neverCame) never came, \(subscriber.twice) came twice, \(subscriber.outOfOrder) out of order, "
                + "\(subscriber.notAsJournaled) not as in the journal, \(disturbed.repeats) repeats dropped",
            "daemon     \(disturbed.lastEnding)",
        ]
        for key in (missing + surplus + different).prefix(10) {
            text.append(
                "differs    \(key.topic) \(key.sequence): \(undisturbed.journal[key]?.id ?? "-") / \(disturbed.journal[key]?.id ?? "-")"
            )
        }
        text += (undisturbed.problems + disturbed.problems).prefix(20).map { "problem    \($0)" }
        return text
    }
}
