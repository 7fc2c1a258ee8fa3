/// Table headers that do not start with a name. toml++ uses an assertion, rather than an error, to check that a table
/// header starts with a name character (`[.monitor]`, `[=]`).
enum TableHeaders {
    /// - Returns: the line, from 1, of the first table header that does not start with a name; nil if all do.
    static func lineWithoutName(_ text: String) -> Int? {
        var line = 1
        var isAtStart = true
        var brackets = 0
        for scalar in text.unicodeScalars {
            let isEnd = lineEnds.contains(scalar)
            let isSpace = scalar.properties.isWhitespace || invisible.contains(scalar)
            if brackets > 0, isEnd || !isSpace {
                if scalar == "[", brackets == 1 {
                    brackets = 2
                    continue
                }
                guard canFollowBracket(scalar) else { return line }
                brackets = 0
            }
            if isEnd {
                isAtStart = true
                if scalar == "\n" { line += 1 }
            } else if isAtStart, !isSpace {
                isAtStart = false
                if scalar == "[" { brackets = 1 }
            }
        }
        return brackets > 0 ? line : nil
    }

    /// Characters that the parser treats, or might treat, as a line end.
    static let lineEnds: Set<Unicode.Scalar> = ["\n", "\r", "\u{0B}", "\u{0C}", "\u{85}", "\u{2028}", "\u{2029}"]

    /// The parser skips these as white space.
    private static let invisible: Set<Unicode.Scalar> = ["\u{180E}", "\u{2060}", "\u{FEFF}"]

    private static func canFollowBracket(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", "\"", "'", "]": true
        default: false
        }
    }
}
