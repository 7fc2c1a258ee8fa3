import ECGWire
import ToolSupport

/// The demonstration's lines: a row of letters for the beats of ten seconds or up to the next alert, and a line for
/// each alert and suspicion when it was decided.
struct DemoDisplay {
    private let terminal: Terminal
    private let lines: EventLine
    private let rate: Double
    private let attacked: Range<Int64>
    private var row: [String] = []
    /// The row's beats lie within this many tens of seconds; its line begins with the first one's time.
    private var rowNumber = 0
    private var rowFirstSample: Int64 = 0
    private var heartRate = 0.0
    private var lastCondition = WireSignalCondition.good
    private var attackShown = 0

    private static let rowSeconds = 10.0

    init(terminal: Terminal, rate: Double, attacked: Range<Int64>) {
        self.terminal = terminal
        lines = EventLine(terminal: terminal)
        self.rate = rate
        self.attacked = attacked
    }

    mutating func show(_ event: WireEvent) {
        showAttack(upTo: event.sampleIndex)
        switch event.payload {
        case .beat(let beat):
            let number = Int(Double(event.sampleIndex) / rate / Self.rowSeconds)
            if number != rowNumber { endRow() }
            rowNumber = number
            if row.isEmpty { rowFirstSample = event.sampleIndex }
            row.append(lines.letter(of: beat))
        case .alert(let alert) where isShown(alert): line(event, lines.render(alert))
        case .suspicion(let suspicion): line(event, lines.render(suspicion))
        case .status(let status):
            if status.heartRate > 0 { heartRate = status.heartRate }
            if status.hasGap || status.condition != lastCondition { line(event, lines.render(status)) }
            lastCondition = status.condition
        default: break
        }
    }

    /// Every beginning, and the end of what is more than a remark.
    private func isShown(_ alert: WireAlert) -> Bool {
        switch alert.phase {
        case .started: true
        case .ended: alert.priority != .low
        default: false
        }
    }

    /// Writes what is still waiting for its row to fill.
    mutating func finish() {
        endRow()
        showAttack(upTo: .max)
    }

    private mutating func line(_ event: WireEvent, _ text: String) {
        endRow()
        terminal.line("\(time(event.decidedAtSampleIndex))  \(text)")
    }

    private mutating func endRow() {
        guard !row.isEmpty else { return }
        let rate = heartRate > 0 ? "\(Int(heartRate.rounded()))/min" : ""
        let padded = String(repeating: " ", count: max(0, 7 - rate.count)) + rate
        terminal.line("\(time(rowFirstSample))  \(terminal.styled(padded, .dim))  \(row.joined(separator: " "))")
        row.removeAll()
    }

    private mutating func showAttack(upTo sample: Int64) {
        guard !attacked.isEmpty else { return }
        if attackShown == 0, sample >= attacked.lowerBound {
            attackShown = 1
            mark(attacked.lowerBound, "the attack begins (the daemon does not know)")
        }
        if attackShown == 1, sample >= attacked.upperBound {
            attackShown = 2
            mark(attacked.upperBound, "the attack ends")
        }
    }

    private mutating func mark(_ sample: Int64, _ text: String) {
        endRow()
        terminal.line(terminal.styled("\(time(sample))  ---- \(text) ----", .bold))
    }

    private func time(_ sample: Int64) -> String {
        let text = ClockTime(seconds: Double(sample) / rate).description
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }
}
