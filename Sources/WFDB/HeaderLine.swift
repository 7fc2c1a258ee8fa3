/// A header line read word by word, with the offset of each word in the file.
struct HeaderLine {
    let file: String
    private var remaining: ArraySlice<UInt8>

    init(bytes: ArraySlice<UInt8>, file: String) {
        self.file = file
        remaining = bytes.drop { Self.isBlank($0) }
    }

    var isBlank: Bool { remaining.isEmpty }

    /// The comment's text, nil if the line is not a comment.
    var comment: String? {
        guard remaining.first == UInt8(ascii: "#") else { return nil }
        let text = remaining.dropFirst()
        return FileText.decode(text.first == UInt8(ascii: " ") ? text.dropFirst() : text)
    }

    /// The next word; nil at the end of the line, or at a comment after the fields.
    mutating func nextWord() -> (text: String, offset: Int)? {
        guard let first = remaining.first, first != UInt8(ascii: "#") else { return nil }
        let word = remaining.prefix { !Self.isBlank($0) }
        remaining = remaining[word.endIndex...].drop { Self.isBlank($0) }
        return (FileText.decode(word), word.startIndex)
    }

    /// The next word if it starts with this character.
    mutating func nextWord(beginningWith character: Unicode.Scalar) -> String? {
        guard remaining.first == UInt8(ascii: character) else { return nil }
        return nextWord()?.text
    }

    /// The next word as a whole number, which may be written `16.0`; nil at the end of the line.
    mutating func nextInteger(_ what: String, in range: ClosedRange<Int>) throws(WFDBError) -> Int? {
        guard let (word, offset) = nextWord() else { return nil }
        guard let value = Int(word) ?? Double(word).flatMap(Int.init(exactly:)) else {
            throw malformed("“\(word)” is not a \(what)", at: offset)
        }
        guard range.contains(value) else {
            throw malformed("\(what) \(value) is outside \(range.lowerBound)...\(range.upperBound)", at: offset)
        }
        return value
    }

    /// The rest of the line; nil if it is empty.
    mutating func rest() -> String? {
        defer { remaining = remaining[remaining.endIndex...] }
        guard let first = remaining.first, first != UInt8(ascii: "#") else { return nil }
        let end = remaining.lastIndex { !Self.isBlank($0) } ?? remaining.startIndex
        return FileText.decode(remaining[...end])
    }

    func malformed(_ detail: String, at offset: Int? = nil) -> WFDBError {
        WFDBError(.malformedHeader, file: file, byteOffset: offset ?? remaining.startIndex, detail: detail)
    }

    /// Blanks and tabs, and what DOS (Ctrl-Z) and padding (zero bytes) leave at the end of a text file.
    private static func isBlank(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), 0x0B, 0x0C, 0, 0x1A: true
        default: false
        }
    }
}

/// Text in files that do not state their encoding.
enum FileText {
    /// Decoded as UTF-8 if valid, else as Latin-1, in which every byte is a character: EDF conversion writes the
    /// micro sign as the byte B5.
    static func decode(_ bytes: some Collection<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
