import ECGEvaluation
import Synchronization
import ToolSupport

/// How far a long evaluation is, on standard error: one line drawn anew on a terminal, else a line now and then.
final class ProgressLine: EvaluationProgress {
    private struct State {
        var label = ""
        var done = 0.0
        var lastDrawn: ContinuousClock.Instant
    }

    private let total: Double
    private let start = ContinuousClock.now
    private let state: Mutex<State>
    private let isTerminal = Terminal.standardErrorIsTerminal

    /// - Parameter total: the work to do, in any unit that is proportional to its time.
    init(total: Double) {
        self.total = total
        state = Mutex(State(lastDrawn: .now))
    }

    /// Names what is worked on now.
    func begin(_ label: String) {
        state.withLock { $0.label = label }
    }

    /// May be called on any thread.
    func advance(_ work: Double) {
        state.withLock { state in
            state.done += work
            let now = ContinuousClock.now
            guard now - state.lastDrawn > (isTerminal ? .milliseconds(300) : .seconds(60)) else { return }
            state.lastDrawn = now
            draw(state, now)
        }
    }

    /// Shows how far a work is while it is done.
    /// - Parameter work: calls its argument with the share that was done since the last call, 0 ... 1.
    static func following<Result>(
        _ label: String, _ work: (_ advance: @escaping @Sendable (_ share: Double) -> Void) throws -> Result
    ) rethrows -> Result {
        let line = ProgressLine(total: 1)
        line.begin(label)
        defer { line.end() }
        return try work { line.advance($0) }
    }

    /// Clears the line on a terminal.
    func end() {
        if isTerminal { Terminal.overwrite("") }
    }

    private func draw(_ state: State, _ now: ContinuousClock.Instant) {
        let share = total > 0 ? min(state.done / total, 1) : 1
        let seconds = (now - start) / .seconds(1)
        let left = share > 0 ? Self.duration(seconds * (1 - share) / share) : "?"
        let filled = Int(share * 24)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
        let line = "[\(bar)] \(fixed(100 * share, 1)) %  \(left) left  \(state.label)"
        if isTerminal { Terminal.overwrite(line) } else { Terminal.note(line) }
    }

    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e7 else { return "?" }
        let whole = Int(seconds.rounded())
        return whole >= 3600 ? "\(whole / 3600) h \(whole % 3600 / 60) min" : "\(whole / 60) min \(whole % 60) s"
    }
}
