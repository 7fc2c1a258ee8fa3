/// Finds the line of a key in a TOML text. The parser reports lines for syntax mistakes only.
struct ConfigurationLines: Equatable {
    private var lines: [String: Int] = [:]

    /// - Parameter text: TOML that parses.
    init(_ text: String) {
        var table = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if trimmed.first == "[" {
                let name = trimmed.drop { $0 == "[" }.prefix { $0 != "]" }
                table = Self.plain(name)
                note(table, index + 1)
            } else if let equals = trimmed.firstIndex(of: "="), trimmed.first != "#" {
                let key = Self.plain(trimmed[..<equals])
                note(table.isEmpty ? key : "\(table).\(key)", index + 1)
            }
        }
    }

    /// The line of a key or, if it is written in another way, of the table around it; otherwise 1.
    subscript(name: String) -> Int {
        var rest = Substring(name)
        while !rest.isEmpty {
            if let line = lines[String(rest)] { return line }
            guard let dot = rest.lastIndex(of: ".") else { break }
            rest = rest[..<dot]
        }
        return 1
    }

    private mutating func note(_ name: String, _ line: Int) {
        if lines[name] == nil { lines[name] = line }
    }

    /// `ingest . "endpoints"` is `ingest.endpoints`.
    private static func plain(_ text: Substring) -> String {
        text.split(separator: ".").map { part in
            String(part.filter { $0 != " " && $0 != "\t" && $0 != "\"" && $0 != "'" && $0 != "\r" })
        }.joined(separator: ".")
    }
}
