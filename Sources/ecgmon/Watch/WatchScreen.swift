import ECGWire
import ToolSupport

/// The full-screen display: what it shows, as lines. It has neither terminal nor clock of its own.
struct WatchScreen {
    let terminal: Terminal
    private(set) var beds: [WatchedBed] = []
    private var places: [String: Int] = [:]
    private(set) var selected = 0
    /// The outcome of the last command, or another word for the viewer.
    var message = ""
    /// Since when there is no connection, as a time of day; nil: there is one.
    var lostAt: String?
    /// Messages that were lost for good.
    var missed: UInt64 = 0

    /// More beds are counted, not shown.
    private static let maximumBeds = 1000
    /// Lines of a bed: its name, and the strip.
    private static let leastLines = 3
    private static let mostLines = 7
    static let keys = "up/down: bed   a: acknowledge   p: pause sounds   r: resume   q: end"

    init(terminal: Terminal) { self.terminal = terminal }

    var selectedBed: WatchedBed? { beds.indices.contains(selected) ? beds[selected] : nil }

    mutating func take(_ event: WireEvent) {
        if let place = places[event.stream] {
            beds[place].take(event)
            return
        }
        guard beds.count < Self.maximumBeds else { return }
        var bed = WatchedBed(name: event.stream)
        bed.take(event)
        // By name, with the choice staying where it is.
        let chosen = selectedBed?.name
        let place = beds.firstIndex { $0.name > event.stream } ?? beds.count
        beds.insert(bed, at: place)
        places = Dictionary(beds.enumerated().map { ($1.name, $0) }) { first, _ in first }
        if let chosen, let now = places[chosen] { selected = now }
    }

    mutating func select(_ step: Int) {
        guard !beds.isEmpty else { return }
        selected = min(max(0, selected + step), beds.count - 1)
    }

    /// The lines of the screen, exactly `height` of them, none wider than `width`.
    /// - Parameter time: of day, for the first line.
    func lines(width: Int, height: Int, time: String) -> [String] {
        guard height > 0, width > 0 else { return [] }
        var lines = [top(width, time)]
        let room = max(0, height - 2)
        if beds.isEmpty {
            lines.append(fit("  no stream yet: send one, for example with `ecgmon replay Fixtures/208s`", width))
        } else {
            let each = min(Self.mostLines, max(Self.leastLines, room / beds.count))
            let fits = max(1, room / each)
            // The chosen bed is always to be seen.
            let first = min(max(0, selected - fits / 2), max(0, beds.count - fits))
            for number in first..<min(beds.count, first + fits) {
                lines += self.lines(of: beds[number], isSelected: number == selected, width: width, height: each)
            }
        }
        let body = max(1, height - 1)
        lines = Array(lines.prefix(body))
        lines += Array(repeating: "", count: body - lines.count)
        if height > 1 { lines.append(terminal.styled(fit(message.isEmpty ? Self.keys : message, width), .dim)) }
        return lines
    }

    private func top(_ width: Int, _ time: String) -> String {
        if let lostAt {
            // Nothing that is shown below holds any more.
            return inverse(fit(" NOT LIVE: no connection since \(lostAt) UTC. What is shown is old.", width), .red)
        }
        var text = " \(beds.count) \(beds.count == 1 ? "bed" : "beds")   \(time) UTC"
        let alarms = beds.reduce(0) { $0 + $1.active.count { !$0.acknowledged && $0.priority == .high } }
        if alarms > 0 { text += "   \(alarms) of high priority" }
        if missed > 0 { text += "   \(missed) messages were lost" }
        return inverse(fit(text, width), nil)
    }

    private func lines(of bed: WatchedBed, isSelected: Bool, width: Int, height: Int) -> [String] {
        let (strip, span) = bed.strip.lines(width: width, height: height - 1)
        let mark = isSelected ? ">" : " "
        let rate = bed.heartRate > 0 ? "\(Int(bed.heartRate.rounded()))/min" : "--/min"
        var parts = ["\(mark) \(printable(bed.name))", rate]
        if bed.hasEnded { parts.append("ended") }
        if bed.condition != .good, bed.condition != .unspecified { parts.append(name(bed.condition)) }
        if !bed.lead.isEmpty { parts.append("\(printable(bed.lead)), \(fixed(Double(span), 1)) mV") }
        if let pause = bed.pause { parts.append("paused for \(fixed(pause.remainingSeconds, 0)) s") }
        parts.append(String(bed.beats.suffix(8)))
        let head = parts.joined(separator: "  ")
        var line = isSelected ? terminal.styled(fit(head, width), .bold) : fit(head, width)
        if let gravest = bed.active.first {
            let room = max(0, width - head.count - 2)
            let more = bed.active.count > 1 ? " (+\(bed.active.count - 1))" : ""
            let text = " \(gravest.acknowledged ? "ack " : "")\(printable(gravest.text))\(more) "
            let short = isSelected ? terminal.styled(head, .bold) : head
            line = room > 8 ? "\(short)  \(flag(fit(text, min(room, text.count)), gravest))" : line
        }
        let colour: Terminal.Colour? = bed.hasEnded || bed.condition != .good ? .dim : .green
        return [line] + strip.map { terminal.styled($0, colour) }
    }

    /// An alarm in the colour of its priority (IEC 60601-1-8); inverse until it is acknowledged.
    private func flag(_ text: String, _ alert: WireAlert) -> String {
        let colour: Terminal.Colour =
            switch alert.priority {
            case .high: .red
            case .medium: .yellow
            case .low, .technical, .unspecified, .UNRECOGNIZED: .cyan
            }
        return alert.acknowledged ? terminal.styled(text, colour) : inverse(text, colour)
    }

    private func inverse(_ text: String, _ colour: Terminal.Colour?) -> String {
        guard terminal.usesColour else { return text }
        return "\u{1B}[7m\(terminal.styled(text, colour))\u{1B}[0m"
    }

    /// The text cut or filled to a width.
    private func fit(_ text: String, _ width: Int) -> String {
        text.count >= width ? String(text.prefix(width)) : text + String(repeating: " ", count: width - text.count)
    }

    private func name(_ condition: WireSignalCondition) -> String {
        switch condition {
        case .good, .unspecified, .UNRECOGNIZED: ""
        case .leadOff: "lead off"
        case .flatLine: "flat line"
        case .saturation: "saturated"
        case .invalidSamples: "invalid samples"
        case .noisy: "noisy"
        case .noSignal: "no signal"
        }
    }
}
