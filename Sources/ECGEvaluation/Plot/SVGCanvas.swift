import ToolSupport

/// The elements of a drawing in millimetres, in the order in which they are painted.
struct SVGCanvas {
    private(set) var lines: [String] = []

    /// A number with at most two decimals.
    static func number(_ value: Double) -> String {
        var text = fixed(value, 2)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text == "-0" ? "0" : text
    }

    /// An attribute, the text of an element, or a title, as XML has it. Characters that XML does not allow become dots.
    static func escaped(_ text: String) -> String {
        printable(text).reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }

    /// A file of its own.
    /// - Parameter body: what is painted on white.
    static func document(_ body: [String], width: Double, height: Double, title: String) -> String {
        let (w, h) = (number(width), number(height))
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(w) \(h)\" width=\"\(w)mm\" "
            + "height=\"\(h)mm\" font-family=\"sans-serif\" role=\"img\">\n"
            + "<title>\(escaped(title))</title>\n"
            + "<rect width=\"\(w)\" height=\"\(h)\" fill=\"#FFFFFF\"/>\n" + body.joined(separator: "\n") + "\n</svg>\n"
    }

    mutating func add(_ element: String) { lines.append(element) }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String, stroke: String? = nil
    ) {
        let edge = stroke.map { " stroke=\"\($0)\" stroke-width=\"0.2\"" } ?? ""
        add(
            "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
                + "height=\"\(Self.number(height))\" fill=\"\(fill)\"\(edge)/>")
    }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, stroke: String, width: Double = 0.2,
        isDashed: Bool = false
    ) {
        add(
            "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" "
                + "y2=\"\(Self.number(y2))\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\""
                + (isDashed ? " stroke-dasharray=\"0.8 0.8\"" : "") + "/>")
    }

    /// - Parameters:
    ///   - size: height of the letters' line in mm.
    ///   - anchor: start, middle or end.
    mutating func text(
        _ x: Double, _ y: Double, _ text: String, size: Double = 3, anchor: String = "start",
        fill: String = "#222222", isBold: Bool = false
    ) {
        add(
            "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\""
                + (anchor == "start" ? "" : " text-anchor=\"\(anchor)\"") + " fill=\"\(fill)\""
                + (isBold ? " font-weight=\"bold\"" : "") + ">\(Self.escaped(text))</text>")
    }

    /// Width of a text in mm, roughly: fonts differ.
    static func width(of text: String, size: Double) -> Double { 0.56 * size * Double(text.count) }
}
