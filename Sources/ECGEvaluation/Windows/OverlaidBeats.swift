public import ECGATKGAN
import ECGSignal
import ToolSupport

/// A beat overlaid with its attacked versions, as SVG: one panel per attack, with the magnified difference below.
public struct OverlaidBeats: Sendable {
    /// The model's classification of a window.
    public struct Answer: Equatable, Sendable {
        public var beatClass: BeatClass
        public var probability: Float

        /// The class's letter and its probability.
        public var label: String { "\(beatClass.letter) \(fixed(Double(probability), 2))" }
    }

    /// The beat after one attack.
    public struct Panel: Sendable {
        public var title: String
        /// 280 values in [0,1].
        public var samples: [Float]
        public var answer: Answer
    }

    /// Its index among the held-out windows.
    public var windowNumber: Int
    public var truth: BeatClass
    public var samples: [Float]
    public var clean: Answer
    public var epsilon: Float
    public var caption: String
    public var panels: [Panel] = []

    // The paper's colours: red before the attack, blue after it.
    private static let cleanColour = "#d62728", attackedColour = "#1f4fd8", differenceColour = "#444444"
    private static let panelWidth = 480.0, panelHeight = 350.0, top = 56.0
    /// Plot areas within a panel: the beat, and the difference below it.
    private static let left = 52.0, plotWidth = 412.0, beatTop = 30.0, beatHeight = 176.0
    private static let differenceTop = 226.0, differenceHeight = 80.0
    private static let samplingRate = InternalSampling.rate

    /// The drawing, as the text of an SVG file.
    public var svg: String {
        let columns = 2
        let rows = max((panels.count + 1) / columns, 1)
        let width = Double(columns) * Self.panelWidth
        let height = Self.top + Double(rows) * Self.panelHeight + 8
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" "
                + "viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\" font-family=\"sans-serif\" font-size=\"11\">",
            "<title>A beat of class \(truth.letter) before and after four attacks</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            Self.text(14, 20, "A beat of class \(truth.letter) before (red) and after (blue) each attack", size: 15),
            Self.text(14, 38, "\(caption); held-out window \(windowNumber)", size: 11, colour: "#555555"),
        ]
        for (number, panel) in panels.enumerated() {
            let x = Double(number % columns) * Self.panelWidth
            let y = Self.top + Double(number / columns) * Self.panelHeight
            lines.append("<g transform=\"translate(\(Self.number(x)) \(Self.number(y)))\">")
            lines += draw(panel)
            lines.append("</g>")
        }
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private func draw(_ panel: Panel) -> [String] {
        let changed = panel.answer.beatClass != clean.beatClass
        var lines = [
            Self.text(Self.left, 20, panel.title, size: 14),
            Self.text(
                Self.left + Self.plotWidth, 20, "\(clean.label) \u{2192} \(panel.answer.label)", size: 12,
                anchor: "end",
                colour: changed ? "#b00020" : "#222222"),
        ]
        lines += frame(top: Self.beatTop, height: Self.beatHeight)
        for level in [0, 0.5, 1.0] {
            let y = Self.beatTop + Self.beatHeight * (1 - level)
            lines.append(Self.text(Self.left - 6, y + 4, fixed(level, 1), size: 10, anchor: "end"))
        }
        lines.append(Self.verticalText(14, Self.beatTop + Self.beatHeight / 2, "amplitude (window = 1)"))
        lines.append(
            curve(samples, colour: Self.cleanColour, name: "clean", width: 1.8) {
                Self.beatTop + Self.beatHeight * (1 - Double($0))
            })
        lines.append(
            curve(panel.samples, colour: Self.attackedColour, name: "attacked", width: 1) {
                Self.beatTop + Self.beatHeight * (1 - Double($0))
            })

        let limit = Double(epsilon)
        let middle = Self.differenceTop + Self.differenceHeight / 2
        lines += frame(top: Self.differenceTop, height: Self.differenceHeight)
        lines.append(
            "<line x1=\"\(Self.number(Self.left))\" y1=\"\(Self.number(middle))\" "
                + "x2=\"\(Self.number(Self.left + Self.plotWidth))\" y2=\"\(Self.number(middle))\" stroke=\"#bbbbbb\"/>"
        )
        // The epsilon ball takes up nine tenths of the height.
        let scale = 0.45 * Self.differenceHeight / limit
        for (level, label) in [(limit, "+\(epsilon)"), (0, "0"), (-limit, "\u{2212}\(epsilon)")] {
            lines.append(Self.text(Self.left - 6, middle - level * scale + 4, label, size: 10, anchor: "end"))
        }
        let magnification = scale / Self.beatHeight
        lines.append(
            Self.text(
                Self.left + 5, Self.differenceTop - 4,
                "attacked \u{2212} clean, magnified \(fixed(magnification, 0)) times",
                size: 10, colour: "#555555"))
        lines.append(
            curve(
                zip(panel.samples, samples).map { $0 - $1 }, colour: Self.differenceColour, name: "difference", width: 1
            ) {
                middle - Double($0) * scale
            })
        for milliseconds in stride(from: -300, through: 300, by: 100) {
            let x = Self.position(
                Double(milliseconds) / 1000 * Self.samplingRate + Double(Discriminator.windowLength / 2))
            let bottom = Self.differenceTop + Self.differenceHeight
            lines.append(
                "<line x1=\"\(Self.number(x))\" y1=\"\(Self.number(bottom))\" x2=\"\(Self.number(x))\" y2=\"\(Self.number(bottom + 4))\" stroke=\"#888888\"/>"
            )
            lines.append(
                Self.text(
                    x, bottom + 15, milliseconds < 0 ? "\u{2212}\(-milliseconds)" : "\(milliseconds)", size: 10,
                    anchor: "middle"))
        }
        lines.append(
            Self.text(
                Self.left + Self.plotWidth / 2, Self.differenceTop + Self.differenceHeight + 29, "time from R (ms)",
                size: 10,
                anchor: "middle"))
        return lines
    }

    private func frame(top: Double, height: Double) -> [String] {
        [
            "<rect x=\"\(Self.number(Self.left))\" y=\"\(Self.number(top))\" width=\"\(Self.number(Self.plotWidth))\" "
                + "height=\"\(Self.number(height))\" fill=\"none\" stroke=\"#888888\"/>"
        ]
    }

    private func curve(
        _ values: [Float], colour: String, name: String, width: Double, y: (Float) -> Double
    ) -> String {
        let points = values.enumerated().map { index, value in
            "\(Self.number(Self.position(Double(index)))),\(Self.number(y(value)))"
        }
        return
            "<polyline class=\"\(name)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(Self.number(width))\" points=\"\(points.joined(separator: " "))\"/>"
    }

    /// The horizontal position of a sample.
    private static func position(_ sample: Double) -> Double {
        left + plotWidth * sample / Double(Discriminator.windowLength - 1)
    }

    private static func number(_ value: Double) -> String { fixed(value, 2) }

    private static func text(
        _ x: Double, _ y: Double, _ text: String, size: Int, anchor: String = "start", colour: String = "#222222"
    ) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" fill=\"\(colour)\">\(escaped(text))</text>"
    }

    private static func verticalText(_ x: Double, _ y: Double, _ text: String) -> String {
        "<text transform=\"translate(\(number(x)) \(number(y))) rotate(-90)\" font-size=\"10\" text-anchor=\"middle\" fill=\"#222222\">\(escaped(text))</text>"
    }

    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
    }
}
