import EC57
import ECGMonitor
import ToolSupport

/// An ECG strip as SVG, at 25 mm/s on millimetre paper: above it the reference, below it the beats and alarms of the
/// monitor. The same strip always gives the same text.
public struct ECGStripDrawing: Sendable {
    public var strip: ECGStrip
    /// Millimetres for 1 mV.
    public var gain: Double
    /// A line below the title: the model, for example.
    public var subtitle: String
    /// A line at the bottom: the source of the record.
    public var caption: String

    public init(_ strip: ECGStrip, gain: Double = 10, subtitle: String = "", caption: String = "") {
        self.strip = strip
        self.gain = gain
        self.subtitle = subtitle
        self.caption = caption
    }

    static let speed = 25.0
    private static let left = 25.0, right = 8.0
    /// The legend needs as much, mm.
    private static let minimumWidth = 200.0
    /// The trace is cut where it would need a higher grid, mm.
    private static let maximumGridHeight = 80.0
    private static let minimumGridHeight = 20.0
    private static let rowHeight = 5.0

    // Okabe and Ito's colours, which colour-blind readers tell apart; letters and names say the same.
    private static let vermillion = "#D55E00", orange = "#E69F00", skyBlue = "#56B4E9", blue = "#0072B2"
    private static let green = "#009E73", purple = "#CC79A7", grey = "#BBBBBB", ink = "#222222"
    private static let paper = "#FFFDFB", fineGrid = "#F6E3DC", boldGrid = "#E8C4B8"

    /// The file's text.
    public var svg: String {
        let scale = VerticalScale(strip.millivolts, gain: gain)
        let width = max(
            Self.minimumWidth, Self.left + Self.speed * (strip.end - strip.start) + Self.right)
        var body = SVGCanvas()
        var y = 7.0
        body.text(
            Self.left, y,
            "\(strip.title)\(strip.lead.isEmpty ? "" : ", lead \(strip.lead)"), "
                + "\(ClockTime(seconds: strip.start)) to \(ClockTime(seconds: strip.end))", size: 4.2, isBold: true)
        y += 5
        let units = "25 mm/s, \(SVGCanvas.number(gain)) mm/mV" + (scale.isCut ? " (cut at the edges)" : "")
        body.text(Self.left, y, subtitle.isEmpty ? units : "\(units); \(subtitle)", fill: "#555555")
        y += 3
        y = reference(&body, y)
        y = trace(&body, y + 1, scale)
        y = findings(&body, y)
        y = legend(&body, y + 3)
        if !caption.isEmpty {
            y += 4.5
            body.text(Self.left, y, caption, size: 2.6, fill: "#555555")
        }
        let height = y + 3
        let size = "width=\"\(SVGCanvas.number(width))mm\" height=\"\(SVGCanvas.number(height))mm\""
        let head = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) "
                + "viewBox=\"0 0 \(SVGCanvas.number(width)) \(SVGCanvas.number(height))\" "
                + "font-family=\"Helvetica, Arial, sans-serif\">",
            "<title>\(SVGCanvas.escaped("ECG of \(strip.title) with the beats and alarms of the monitor"))</title>",
            Self.patterns,
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        ]
        return (head + body.lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private func x(_ seconds: Double) -> Double {
        Self.left + Self.speed * (min(max(seconds, strip.start), strip.end) - strip.start)
    }

    /// Millimetre paper. The grid begins where the stretch does.
    private static var patterns: String {
        """
        <defs><pattern id="grid" width="5" height="5" patternUnits="userSpaceOnUse"><path d="M1 0V5M2 0V5M3 0V5M4 0V5\
        M0 1H5M0 2H5M0 3H5M0 4H5" stroke="\(fineGrid)" stroke-width="0.1"/><path d="M0 0H5M0 0V5" stroke="\(boldGrid)" \
        stroke-width="0.3"/></pattern></defs>
        """
    }

    private func reference(_ body: inout SVGCanvas, _ top: Double) -> Double {
        var y = top
        body.text(Self.left - 2, y + 3.6, "reference", anchor: "end", isBold: true)
        guard strip.referenceMarks != nil || strip.referenceBeats != nil else {
            body.text(Self.left, y + 3.6, "none", fill: "#777777")
            return y + Self.rowHeight
        }
        if let marks = strip.referenceMarks {
            for mark in marks {
                let (from, to) = (x(mark.start), x(mark.end))
                // A gap parts it from the next one.
                body.rectangle(
                    from, y + 0.3, max(0.4, to - from - 0.5), Self.rowHeight - 0.8,
                    fill: mark.isLethal ? Self.green : "#E4E4E4")
                if SVGCanvas.width(of: mark.label, size: 3) + 2 < to - from {
                    body.text(from + 1, y + 3.5, mark.label, fill: mark.isLethal ? "#FFFFFF" : Self.ink, isBold: true)
                }
            }
            y += Self.rowHeight
        }
        if let beats = strip.referenceBeats {
            for beat in beats { letter(&body, beat, y + 3.4, isReference: true) }
            y += Self.rowHeight - 0.5
        }
        return y
    }

    private func trace(_ body: inout SVGCanvas, _ top: Double, _ scale: VerticalScale) -> Double {
        let (width, height) = (x(strip.end) - Self.left, scale.height)
        body.add("<g transform=\"translate(\(SVGCanvas.number(Self.left)) \(SVGCanvas.number(top)))\">")
        body.rectangle(0, 0, width, height, fill: Self.paper)
        body.add(
            "<rect width=\"\(SVGCanvas.number(width))\" height=\"\(SVGCanvas.number(height))\" fill=\"url(#grid)\" "
                + "stroke=\"\(Self.boldGrid)\" stroke-width=\"0.3\"/>")
        let path = TracePath.path(
            strip.millivolts, millimetresPerSample: Self.speed / strip.samplingRate, scale: scale)
        body.add(
            "<g transform=\"scale(.01)\"><path class=\"ecg\" d=\"\(path)\" fill=\"none\" stroke=\"#000000\" "
                + "stroke-width=\"26\" stroke-linejoin=\"round\"/></g>")
        body.add("</g>")
        for level in scale.labels {
            let y = top + scale.y(level)
            body.line(Self.left - 1.2, y, Self.left, y, stroke: "#777777")
            body.text(Self.left - 2, y + 1, "\(SVGCanvas.number(level))", size: 2.8, anchor: "end", fill: "#555555")
        }
        body.text(Self.left - 10, top + height / 2 + 1, "mV", size: 2.8, anchor: "end", fill: "#555555")
        let bottom = top + height
        var second = strip.start.rounded(.up)
        while second <= strip.end {
            body.line(x(second), bottom, x(second), bottom + 1.2, stroke: "#777777")
            body.text(
                x(second), bottom + 4.4, Self.clock(second), size: 2.8, anchor: "middle", fill: "#555555")
            second += 1
        }
        return bottom + 5.5
    }

    /// Minutes and seconds, such as 10:05.
    private static func clock(_ seconds: Double) -> String {
        String(ClockTime(seconds: seconds).description.dropLast(2))
    }

    private func findings(_ body: inout SVGCanvas, _ top: Double) -> Double {
        var y = top
        body.text(Self.left - 2, y + 3.4, "monitor", anchor: "end", isBold: true)
        if strip.beats.isEmpty { body.text(Self.left, y + 3.4, "no beat", fill: "#777777") }
        for beat in strip.beats { letter(&body, beat, y + 3.4, isReference: false) }
        y += Self.rowHeight - 0.5
        if strip.alerts.isEmpty {
            body.text(Self.left, y + 3.5, "no alarm", fill: "#777777")
            return y + Self.rowHeight
        }
        var rowEnds: [Double] = []
        for alert in order(strip.alerts) {
            let bar = bar(alert)
            let row = rowEnds.firstIndex { $0 + 1 < bar.from } ?? rowEnds.count
            if row == rowEnds.count { rowEnds.append(0) }
            rowEnds[row] = max(bar.to, bar.textEnd)
            draw(alert, bar, &body, y + Double(row) * Self.rowHeight)
        }
        return y + Double(rowEnds.count) * Self.rowHeight
    }

    /// Graver alarms first.
    private func order(_ alerts: [TimedAlert]) -> [TimedAlert] {
        alerts.sorted {
            ($1.priority.rawValue, $0.onset, $0.kind.rawValue) < ($0.priority.rawValue, $1.onset, $1.kind.rawValue)
        }
    }

    /// Where an alarm's bar and its name lie, in mm.
    private struct Bar {
        var from: Double
        var raised: Double
        var to: Double
        var textAt: Double
        var textEnd: Double
        /// Whether the name stands in the bar itself.
        var isInside: Bool
        var name: String
    }

    private func bar(_ alert: TimedAlert) -> Bar {
        let (from, raised) = (x(alert.onset), x(alert.raised))
        let to = max(x(alert.cleared ?? alert.end), raised)
        let isLater = alert.raised >= strip.end
        let name = alert.kind.name + (isLater ? " (raised at \(Self.clock(alert.raised)))" : "")
        let length = SVGCanvas.width(of: name, size: 3) + 2
        if length < to - raised {
            return Bar(
                from: from, raised: raised, to: to, textAt: raised + 1, textEnd: raised + length, isInside: true,
                name: name)
        }
        // Beside the bar: to its right, or before its end at the right edge.
        let textAt = min(to + 1, max(Self.left, x(strip.end) - length + 1))
        return Bar(
            from: min(from, textAt), raised: raised, to: to, textAt: textAt, textEnd: textAt + length, isInside: false,
            name: name)
    }

    private func draw(_ alert: TimedAlert, _ bar: Bar, _ body: inout SVGCanvas, _ y: Double) {
        let (fill, ink) = Self.colours(alert.priority)
        let from = x(alert.onset)
        if bar.raised > from {
            body.add("<g opacity=\"0.3\">")
            body.rectangle(from, y + 0.3, bar.raised - from, Self.rowHeight - 0.8, fill: fill)
            body.add("</g>")
        }
        if alert.raised < strip.end {
            body.rectangle(bar.raised, y + 0.3, max(0.4, bar.to - bar.raised), Self.rowHeight - 0.8, fill: fill)
        }
        body.text(bar.textAt, y + 3.5, bar.name, fill: bar.isInside ? ink : Self.ink, isBold: true)
    }

    private static func colours(_ priority: AlertPriority) -> (fill: String, ink: String) {
        switch priority {
        case .high: (vermillion, "#FFFFFF")
        case .medium: (orange, ink)
        case .low: (skyBlue, ink)
        case .technical: (grey, ink)
        }
    }

    private func letter(_ body: inout SVGCanvas, _ beat: ECGStrip.Beat, _ y: Double, isReference: Bool) {
        let beatClass = EC57Class(annotationSymbol: beat.letter)
        let colour =
            switch beatClass {
            case .ventricular: Self.vermillion
            case .supraventricular: Self.blue
            case .fusion: Self.purple
            case .unclassifiable: "#777777"
            case .normal, nil: Self.ink
            }
        body.text(
            x(beat.seconds), y, String(beat.letter), size: 3.2, anchor: "middle", fill: colour,
            isBold: beatClass != .normal)
        // A tick that points at the R peak.
        body.line(
            x(beat.seconds), isReference ? y + 0.5 : y - 3.8, x(beat.seconds), isReference ? y + 1.3 : y - 3,
            stroke: colour)
    }

    private func legend(_ body: inout SVGCanvas, _ top: Double) -> Double {
        var at = Self.left
        func item(_ fill: String, _ text: String, opacity: String = "1") {
            body.add("<g opacity=\"\(opacity)\">")
            body.rectangle(at, top, 4, 2.6, fill: fill)
            body.add("</g>")
            body.text(at + 5, top + 2.3, text, size: 2.6, fill: "#555555")
            at += 8 + SVGCanvas.width(of: text, size: 2.6)
        }
        item(Self.vermillion, "high")
        item(Self.orange, "medium")
        item(Self.skyBlue, "low")
        item(Self.grey, "technical")
        item(Self.vermillion, "condition began, not yet raised", opacity: "0.3")
        item(Self.green, "lethal in the reference")
        let letters = "N normal, S supraventricular, V ventricular, F fusion, Q not classified"
        let fits = at + SVGCanvas.width(of: letters, size: 2.6) < x(strip.end) + Self.right
        let y = top + (fits ? 2.3 : 6.8)
        body.text(fits ? at : Self.left, y, letters, size: 2.6, fill: "#555555")
        return y + 0.3
    }

    /// The height of the grid, and where a voltage lies in it.
    struct VerticalScale {
        private let top: Double
        private let gain: Double
        /// In mm, a multiple of 5.
        let height: Double
        /// Whether the trace does not fit in.
        let isCut: Bool

        init(_ millivolts: [Float], gain: Double) {
            self.gain = gain
            let valid = millivolts.filter(\.isFinite).map(Double.init).sorted()
            let (low, high) = (valid.first ?? -0.5, valid.last ?? 0.5)
            let middle = valid.isEmpty ? 0 : valid[valid.count / 2]
            func lines(_ millivolts: Double) -> Double { ((millivolts * gain + 1) / 5).rounded(.up) * 5 }
            // The median is where most of the trace lies; the space above and below it is what the trace needs.
            var (above, below) = (lines(high - middle), lines(middle - low))
            isCut = above + below > maximumGridHeight
            if isCut {
                above = min(above, maximumGridHeight - min(below, maximumGridHeight / 2))
                below = min(below, maximumGridHeight - above)
            }
            let missing = max(0, minimumGridHeight - above - below)
            above += (missing / 10).rounded(.up) * 5
            below += (missing / 10).rounded(.down) * 5
            height = above + below
            top = middle * gain + above
        }

        /// In mm from the grid's top.
        func y(_ millivolts: Double) -> Double { top - millivolts * gain }

        /// Voltages for the axis.
        var labels: [Double] {
            let step = gain >= 20 ? 0.5 : gain >= 10 ? 1.0 : 2.0
            let highest = (top / gain / step).rounded(.down) * step
            return stride(from: highest, through: (top - height) / gain, by: -step).map { $0 }
        }
    }
}
