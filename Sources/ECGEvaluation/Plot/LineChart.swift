import Glibc
import ToolSupport

/// A chart of lines over a common axis, as SVG. All lengths are in mm.
package struct LineChart: Sendable {
    package struct Line: Sendable {
        package var name: String
        /// In rising order of x; points that a logarithmic axis cannot show are left out.
        package var points: [(x: Double, y: Double)]

        package init(_ name: String, _ points: [(x: Double, y: Double)]) {
            self.name = name
            self.points = points
        }
    }

    package var title: String
    package var xTitle: String
    package var lines: [Line]
    /// Both axes are logarithmic; otherwise both are linear and begin at 0.
    package var isLogarithmic: Bool

    private static let (left, right, top, bottom) = (16.0, 6.0, 12.0, 14.0)
    private static let (width, height) = (120.0, 75.0)
    private static let colours = ["#0072B2", "#D55E00", "#555555", "#009E73", "#A8397C"]

    package init(title: String, xTitle: String, lines: [Line], isLogarithmic: Bool) {
        self.title = title
        self.xTitle = xTitle
        self.lines = lines
        self.isLogarithmic = isLogarithmic
    }

    /// Charts one below the other in one file.
    package static func svg(_ charts: [LineChart]) -> String {
        let all = height * Double(charts.count)
        var body: [String] = []
        for (number, chart) in charts.enumerated() {
            body.append("<g transform=\"translate(0 \(SVGCanvas.number(Double(number) * height)))\">")
            body += chart.canvas.lines + ["</g>"]
        }
        return SVGCanvas.document(
            body, width: width, height: all, title: charts.map(\.title).joined(separator: "; "))
    }

    private var canvas: SVGCanvas {
        var canvas = SVGCanvas()
        let shown = lines.map { Line($0.name, $0.points.filter { !isLogarithmic || $0.x > 0 && $0.y > 0 }) }
        let points = shown.flatMap(\.points)
        let x = Axis(points.map(\.x), isLogarithmic: isLogarithmic)
        let y = Axis(points.map(\.y), isLogarithmic: isLogarithmic)
        func place(_ point: (x: Double, y: Double)) -> (Double, Double) {
            (
                Self.left + (Self.width - Self.left - Self.right) * x.share(point.x),
                Self.top + (Self.height - Self.top - Self.bottom) * (1 - y.share(point.y))
            )
        }
        canvas.text(Self.left, 5, title, size: 3.6, isBold: true)
        for value in x.ticks {
            let (at, _) = place((value, y.ticks[0]))
            canvas.line(at, Self.top, at, Self.height - Self.bottom, stroke: "#DDDDDD")
            canvas.text(at, Self.height - Self.bottom + 4, SVGCanvas.number(value), anchor: "middle", fill: "#555555")
        }
        for value in y.ticks {
            let (_, at) = place((x.ticks[0], value))
            canvas.line(Self.left, at, Self.width - Self.right, at, stroke: "#DDDDDD")
            canvas.text(Self.left - 2, at + 1, SVGCanvas.number(value), anchor: "end", fill: "#555555")
        }
        canvas.text(Self.width - Self.right, Self.height - 4, xTitle, anchor: "end", fill: "#555555")
        var legend = Self.left
        for (number, line) in shown.enumerated() {
            let colour = Self.colours[number % Self.colours.count]
            canvas.line(legend, 8.6, legend + 5, 8.6, stroke: colour, width: 0.6)
            canvas.text(legend + 6, 9.6, line.name)
            legend += 10 + SVGCanvas.width(of: line.name, size: 3)
            for (one, other) in zip(line.points, line.points.dropFirst()) {
                let ((x1, y1), (x2, y2)) = (place(one), place(other))
                canvas.line(x1, y1, x2, y2, stroke: colour, width: 0.5)
            }
            for point in line.points {
                let (x, y) = place(point)
                canvas.rectangle(x - 0.6, y - 0.6, 1.2, 1.2, fill: colour)
            }
        }
        return canvas
    }

    /// The range of an axis and the values that are written beside it.
    struct Axis {
        let ticks: [Double]
        private let isLogarithmic: Bool

        init(_ values: [Double], isLogarithmic: Bool) {
            self.isLogarithmic = isLogarithmic
            let least = values.min() ?? 1
            let greatest = max(values.max() ?? 1, least)
            guard !isLogarithmic else {
                let first = floor(log10(least))
                let last = max(ceil(log10(greatest)), first + 1)
                ticks = stride(from: first, through: last, by: 1).map { pow(10, $0) }
                return
            }
            let step = Self.step(for: max(greatest, 1e-9) / 5)
            ticks = (0...max(1, Int((greatest / step).rounded(.up)))).map { Double($0) * step }
        }

        /// 1, 2 or 5 times a power of ten, at least as large.
        private static func step(for value: Double) -> Double {
            let unit = pow(10, floor(log10(value)))
            return [1, 2, 5, 10].map { $0 * unit }.first { $0 >= value } ?? 10 * unit
        }

        /// Where a value lies on the axis, 0 to 1.
        func share(_ value: Double) -> Double {
            let (first, last) = (ticks[0], ticks[ticks.count - 1])
            guard isLogarithmic else { return value / max(last, 1e-9) }
            return log(value / first) / log(last / first)
        }
    }
}
