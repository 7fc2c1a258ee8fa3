import ToolSupport

/// The charts of a Holter report as SVG, to stand in an HTML page. All lengths are in mm.
package enum HolterDrawing {
    private static let (left, right, bottom, top) = (14.0, 4.0, 9.0, 4.0)
    private static let ink = "#222222", fine = "#DDDDDD", blue = "#0072B2", pale = "#9CC7E4"
    static let colours: [Character: String] = [
        "N": "#666666", "S": "#0072B2", "V": "#D55E00", "F": "#A8397C", "?": "#888888",
    ]

    /// What a trend shows.
    package enum Quantity: Sendable {
        /// Beats per minute.
        case heartRate
        /// RR intervals in ms.
        case interval

        fileprivate var title: String {
            switch self {
            case .heartRate: "Heart rate in beats per minute"
            case .interval: "RR intervals in ms"
            }
        }

        /// Of the axis, at least and at most.
        fileprivate var limits: ClosedRange<Double> {
            switch self {
            case .heartRate: 120...400
            case .interval: 1200...3200
            }
        }

        fileprivate var step: Double { limits.lowerBound / 3 }
    }

    /// Heart rate minute by minute.
    package static func trend(_ summary: HolterSummary) -> String {
        trend(summary.minutes, of: .heartRate, duration: summary.duration)
    }

    /// Minute by minute: mean as a line, least to greatest as a band. What is beyond the axis is cut off.
    /// - Parameters:
    ///   - duration: in s.
    ///   - clock: the time of day at the beginning, in s; nil: times are counted from there.
    package static func trend(
        _ minutes: [HolterSummary.Minute], of quantity: Quantity, duration: Double, clock: Double? = nil,
        width: Double = 190, height: Double = 50
    ) -> String {
        let (limits, step) = (quantity.limits, quantity.step)
        let greatest = ((minutes.map(\.greatest).max() ?? 0) / step * 2).rounded(.up) * step / 2
        let limit = min(max(limits.lowerBound, greatest), limits.upperBound)
        var chart = Chart(width: width, height: height, xLimit: max(duration, 60), yLimit: limit)
        chart.yAxis(step: limit > limits.lowerBound * 1.7 ? 2 * step : step)
        chart.timeAxis(clock)
        for minute in minutes {
            let (x, w) = (chart.x(minute.start), max(0.25, chart.x(60) - chart.x(0)))
            let (low, mean) = (chart.y(min(minute.least, limit)), chart.y(min(minute.mean, limit)))
            let high = chart.y(min(minute.greatest, limit))
            chart.canvas.rectangle(x, high, w, max(0.2, low - high), fill: pale)
            chart.canvas.rectangle(x, mean - 0.25, w, 0.5, fill: blue)
        }
        return chart.svg("\(quantity.title) over the recording")
    }

    /// Each interval against the one before (Poincare plot), in ms, of normal beats in a row and of the others.
    package static func poincare(_ beats: [HolterSummary.Beat], size: Double = 80) -> String {
        let limit = 2000.0
        var chart = Chart(width: size, height: size, xLimit: limit, yLimit: limit)
        chart.yAxis(step: 500)
        chart.xAxis(step: 500)
        let pairs = Array(zip(beats, beats.dropFirst()))
        // As many as can be told apart.
        let step = max(1, pairs.count / 6000)
        for (before, beat) in stride(from: 0, to: pairs.count, by: step).map({ pairs[$0] }) {
            guard let x = before.interval, let y = beat.interval, x * 1000 < limit, y * 1000 < limit else { continue }
            let isNormal = before.letter == "N" && beat.letter == "N"
            chart.canvas.rectangle(
                chart.x(x * 1000) - 0.2, chart.y(y * 1000) - 0.2, 0.4, 0.4,
                fill: isNormal ? blue : colours[beat.letter] ?? ink)
        }
        return chart.svg("Each RR interval against the one before, in ms")
    }

    /// Ectopic beats by hour.
    /// - Parameter clock: the time of day at the beginning, in s; nil: times are counted from there.
    package static func ectopy(
        _ hours: [HolterSummary.Part], clock: Double? = nil, width: Double = 105, height: Double = 80
    ) -> String {
        let most = hours.map { $0.ventricular + $0.supraventricular }.max() ?? 0
        let unit = [10.0, 20, 50, 100, 200, 500, 1000, 2000, 5000].first { Double(most) <= $0 * 5 } ?? 10_000
        var chart = Chart(
            width: width, height: height, xLimit: Double(max(1, hours.count)) * 3600,
            yLimit: max(unit, (Double(most) / unit).rounded(.up) * unit))
        chart.yAxis(step: unit)
        chart.timeAxis(clock)
        for hour in hours {
            let (x, w) = (chart.x(hour.start + 300), chart.x(3000) - chart.x(0))
            let ventricular = Double(hour.ventricular)
            let both = ventricular + Double(hour.supraventricular)
            chart.canvas.rectangle(
                x, chart.y(ventricular), w, chart.y(0) - chart.y(ventricular), fill: colours["V"] ?? ink)
            chart.canvas.rectangle(
                x, chart.y(both), w, chart.y(ventricular) - chart.y(both), fill: colours["S"] ?? ink)
        }
        return chart.svg("Ectopic beats by hour: ventricular below, supraventricular above")
    }

    /// A stretch of ECG on millimetre paper, 25 mm/s, with its beats.
    /// - Parameters:
    ///   - millivolts: its samples; NaN: none.
    ///   - start: seconds from the record's start.
    ///   - mark: where the event began, in the same seconds.
    package static func strip(
        _ millivolts: [Float], samplingRate: Double, start: Double, beats: [HolterSummary.Beat], mark: Double
    ) -> String {
        let scale = ECGStripDrawing.VerticalScale(millivolts, gain: 10)
        let seconds = Double(millivolts.count) / samplingRate
        let (width, head) = (25 * seconds, 6.0)
        var canvas = SVGCanvas()
        canvas.add("<g transform=\"translate(0 \(SVGCanvas.number(head)))\">")
        canvas.rectangle(0, 0, width, scale.height, fill: "#FFFDFB")
        for line in 0...Int(width) {
            canvas.line(
                Double(line), 0, Double(line), scale.height, stroke: line % 5 == 0 ? "#E8C4B8" : "#F6E3DC",
                width: line % 5 == 0 ? 0.25 : 0.1)
        }
        for line in 0...Int(scale.height) {
            canvas.line(
                0, Double(line), width, Double(line), stroke: line % 5 == 0 ? "#E8C4B8" : "#F6E3DC",
                width: line % 5 == 0 ? 0.25 : 0.1)
        }
        if (start...start + seconds).contains(mark) {
            let x = 25 * (mark - start)
            canvas.line(x, 0, x, scale.height, stroke: "#D55E00", width: 0.4, isDashed: true)
        }
        let path = TracePath.path(millivolts, millimetresPerSample: 25 / samplingRate, scale: scale)
        canvas.add(
            "<path d=\"\(path)\" transform=\"scale(0.01)\" fill=\"none\" stroke=\"\(ink)\" stroke-width=\"28\" "
                + "stroke-linejoin=\"round\"/></g>")
        for beat in beats where (start...start + seconds).contains(beat.seconds) {
            canvas.text(
                25 * (beat.seconds - start), 4.4, String(beat.letter), size: beat.letter == "N" ? 2.8 : 3.6,
                anchor: "middle", fill: colours[beat.letter] ?? ink, isBold: beat.letter != "N")
        }
        return wrapped(canvas, width: width, height: scale.height + head, title: "ECG around the event")
    }

    fileprivate static func wrapped(_ canvas: SVGCanvas, width: Double, height: Double, title: String) -> String {
        let (w, h) = (SVGCanvas.number(width), SVGCanvas.number(height))
        return "<svg viewBox=\"0 0 \(w) \(h)\" width=\"\(w)mm\" height=\"\(h)mm\" role=\"img\" aria-label=\""
            + SVGCanvas.escaped(title) + "\">\n" + canvas.lines.joined(separator: "\n") + "\n</svg>"
    }

    /// Axes and the places of values.
    private struct Chart {
        var canvas = SVGCanvas()
        let width: Double
        let height: Double
        let xLimit: Double
        let yLimit: Double

        init(width: Double, height: Double, xLimit: Double, yLimit: Double) {
            (self.width, self.height, self.xLimit, self.yLimit) = (width, height, xLimit, yLimit)
        }

        func x(_ value: Double) -> Double { left + (width - left - right) * value / xLimit }
        func y(_ value: Double) -> Double { top + (height - top - bottom) * (1 - value / yLimit) }

        mutating func yAxis(step: Double) {
            for value in stride(from: 0, through: yLimit, by: step) {
                canvas.line(left, y(value), width - right, y(value), stroke: fine)
                canvas.text(left - 2, y(value) + 1, SVGCanvas.number(value), anchor: "end", fill: "#555555")
            }
        }

        mutating func xAxis(step: Double) {
            for value in stride(from: 0, through: xLimit, by: step) {
                canvas.line(x(value), top, x(value), height - bottom, stroke: fine)
                canvas.text(x(value), height - 4, SVGCanvas.number(value), anchor: "middle", fill: "#555555")
            }
        }

        /// - Parameter clock: the time of day at 0, in s; nil: times are counted from there.
        mutating func timeAxis(_ clock: Double?) {
            let steps = [60.0, 300, 600, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]
            let step = steps.first { xLimit / $0 <= 9 } ?? 86_400
            let first = clock.map { ($0 / step).rounded(.up) * step - $0 } ?? 0
            for value in stride(from: first, through: xLimit, by: step) {
                canvas.line(x(value), top, x(value), height - bottom, stroke: fine)
                var text = "\(ClockTime(seconds: value))"
                if let clock {
                    let minutes = Int((clock + value) / 60) % 1440
                    text = "\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60)"
                }
                canvas.text(x(value), height - 4, text.replacing(".0", with: ""), anchor: "middle", fill: "#555555")
            }
        }

        func svg(_ title: String) -> String {
            HolterDrawing.wrapped(canvas, width: width, height: height, title: title)
        }
    }
}
