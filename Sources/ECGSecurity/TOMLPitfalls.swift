/// Input on which the TOML parser would terminate the process, or which it would not read to its end. A mistake in a file
/// must not kill a running daemon when the file is reloaded, so a text is checked before it is parsed.
public enum TOMLPitfalls {
    /// - Returns: the line, from 1, and a description of what is wrong there; nil: the text may be parsed.
    public static func first(in text: String) -> (line: Int, words: String)? {
        // The parser would stop there without an error, and what follows would not count.
        if let place = text.utf8.firstIndex(of: 0) {
            return (text.utf8[..<place].count { $0 == UInt8(ascii: "\n") } + 1, "a NUL")
        }
        if let line = TableHeaders.lineWithoutName(text) { return (line, "a table's name is missing after [") }
        if let line = BareValues.lineWithoutNumber(text) {
            return (
                line, "a value is missing, or is neither a decimal number nor in quotes: a date, say, must be in quotes"
            )
        }
        return nil
    }
}

/// Unquoted values that start like a number but are not one. toml++ uses assertions, rather than errors, for its guess
/// from the characters present that a digit follows (`1979-05-27Tx:`, `3p1`), and for a value that starts with a
/// closing bracket (`[}`). In this project's files numbers are decimal and dates are strings.
enum BareValues {
    /// - Returns: the line, from 1, of the first such value; nil if there is none.
    static func lineWithoutNumber(_ text: String) -> Int? {
        var scanner = Scanner(Array(text.unicodeScalars))
        return scanner.scan()
    }

    private struct Scanner {
        private let scalars: [Unicode.Scalar]
        private var place = 0
        private var line = 1
        /// Arrays and inline tables that are currently open.
        private var open: [Unicode.Scalar] = []
        private var expectsValue = false

        init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

        private func scalar(_ offset: Int = 0) -> Unicode.Scalar? {
            place + offset < scalars.count ? scalars[place + offset] : nil
        }

        mutating func scan() -> Int? {
            while let next = scalar() {
                switch next {
                case "#": while let passed = scalar(), !TableHeaders.lineEnds.contains(passed) { place += 1 }
                case "\"", "'":
                    skipString(next)
                    expectsValue = false
                case "=":
                    expectsValue = true
                    place += 1
                case "[", "{":
                    if expectsValue { open.append(next) }
                    expectsValue = expectsValue && next == "["
                    place += 1
                case "}" where expectsValue, "]" where expectsValue && open.last != "[": return line
                case "]", "}":
                    _ = open.popLast()
                    expectsValue = false
                    place += 1
                case "," where expectsValue: return line
                case ",":
                    expectsValue = open.last == "["
                    place += 1
                case _ where TableHeaders.lineEnds.contains(next):
                    if next == "\n" { line += 1 }
                    if open.isEmpty { expectsValue = false }
                    place += 1
                case _ where next.properties.isWhitespace: place += 1
                default:
                    let word = skipWord()
                    if expectsValue, Self.beginsLikeANumber(word), !Self.isNumber(word) { return line }
                    expectsValue = false
                }
            }
            return nil
        }

        /// Skips to its end, or to the end of the line, where the parser reports that it is unterminated.
        private mutating func skipString(_ quote: Unicode.Scalar) {
            let isLong = scalar(1) == quote && scalar(2) == quote
            place += isLong ? 3 : 1
            while let next = scalar() {
                if next == "\n" { line += isLong ? 1 : 0 }
                if TableHeaders.lineEnds.contains(next), !isLong { return }
                if next == "\\", quote == "\"" {
                    if scalar(1) == "\n" { line += 1 }
                    place += 2
                } else if next == quote, !isLong || scalar(1) == quote && scalar(2) == quote {
                    place += isLong ? 3 : 1
                    // Up to two more quotes belong to the text.
                    var more = 0
                    while isLong, more < 2, scalar() == quote {
                        place += 1
                        more += 1
                    }
                    return
                } else {
                    place += 1
                }
            }
        }

        private mutating func skipWord() -> ArraySlice<Unicode.Scalar> {
            let start = place
            while let next = scalar(), !next.properties.isWhitespace, !Self.ends.contains(next) { place += 1 }
            return scalars[start..<min(max(place, start + 1), scalars.count)]
        }

        private static let ends = TableHeaders.lineEnds.union(["#", "\"", "'", "=", "[", "]", "{", "}", ","])

        private static func beginsLikeANumber(_ word: ArraySlice<Unicode.Scalar>) -> Bool {
            word.first.map { ("0"..."9").contains($0) || $0 == "+" || $0 == "-" } ?? false
        }

        /// `-12_000.5e-3`, `+inf`, `-nan`.
        private static func isNumber(_ word: ArraySlice<Unicode.Scalar>) -> Bool {
            var rest = word
            if rest.first == "+" || rest.first == "-" {
                rest = rest.dropFirst()
                if ["inf", "nan"].contains(String(String.UnicodeScalarView(rest))) { return true }
            }
            func digits() -> Bool {
                guard let first = rest.first, ("0"..."9").contains(first) else { return false }
                rest = rest.drop { ("0"..."9").contains($0) || $0 == "_" }
                return true
            }
            guard digits() else { return false }
            if rest.first == "." {
                rest = rest.dropFirst()
                guard digits() else { return false }
            }
            if rest.first == "e" || rest.first == "E" {
                rest = rest.dropFirst()
                if rest.first == "+" || rest.first == "-" { rest = rest.dropFirst() }
                guard digits() else { return false }
            }
            return rest.isEmpty
        }
    }
}
