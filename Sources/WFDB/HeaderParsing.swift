// Reading the text form of a header, header(5), as it is met: with either line end, a byte order mark, comments and blank
// lines anywhere, text in UTF-8 or Latin-1, and more lines than are stated.

extension RecordHeader {
    /// Parses a header's bytes.
    ///
    /// The header of a multi-segment record has ``segments`` and no signals. Lines beyond
    /// the stated number of signals or segments are ignored, as in header(5).
    /// - Parameters:
    ///   - bytes: the file; lines end in LF, CRLF or CR.
    ///   - file: its name, for errors.
    public init(parsing bytes: [UInt8], file: String) throws(WFDBError) {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw WFDBError(
                .malformedHeader, file: file, byteOffset: 0,
                detail: "the byte order mark of UTF-16: save the header as plain text (UTF-8)")
        }
        var header: RecordHeader?
        var signalCount = 0
        var segmentCount: Int?
        var comments: [String] = []
        var lineStart = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while lineStart < bytes.count {
            let lineEnd =
                bytes[lineStart...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.count
            var line = HeaderLine(bytes: bytes[lineStart..<lineEnd], file: file)
            lineStart = lineEnd + 1
            if let comment = line.comment {
                comments.append(comment)
            } else if line.isBlank {
                continue
            } else if let read = header {
                if let segmentCount {
                    guard read.segments.count < segmentCount else { continue }
                    header?.segments.append(try SegmentSpecification(parsing: &line))
                } else if read.signals.count < signalCount {
                    header?.signals.append(try SignalSpecification(parsing: &line))
                }
            } else {
                (header, signalCount, segmentCount) = try Self.recordLine(&line)
            }
        }
        guard var header else {
            throw WFDBError(.malformedHeader, file: file, byteOffset: 0, detail: "no record line")
        }
        guard header.segments.count == segmentCount ?? 0 else {
            throw WFDBError(
                .truncated, file: file, byteOffset: bytes.count,
                detail:
                    "the record line states \(segmentCount ?? 0) segments, the header ends after \(header.segments.count)"
            )
        }
        guard segmentCount != nil || header.signals.count == signalCount else {
            throw WFDBError(
                .truncated, file: file, byteOffset: bytes.count,
                detail: "the record line states \(signalCount) signals, the header ends after \(header.signals.count)")
        }
        if segmentCount != nil { header.segmentSignalCount = signalCount }
        header.comments = comments
        try header.checkGroups(file)
        self = header
    }

    /// - Returns: the header, the number of signals and, for a multi-segment record, the number of segments.
    private static func recordLine(
        _ line: inout HeaderLine
    ) throws(WFDBError) -> (RecordHeader, signals: Int, segments: Int?) {
        let (nameField, nameOffset) = line.nextWord() ?? ("", 0)
        let name = nameField.prefix { $0 != "/" }
        guard FileAccess.staysInFolder(String(name)) else {
            throw line.malformed("“\(nameField)” is not a record name", at: nameOffset)
        }
        var header = RecordHeader(name: String(name))
        var segmentCount: Int?
        if name.count < nameField.count {
            let number = nameField.dropFirst(name.count + 1)
            guard let count = Int(number), (1...Int(Int32.max)).contains(count) else {
                throw line.malformed("“\(number)” is not a number of segments", at: nameOffset)
            }
            segmentCount = count
        }
        guard let signalCount = try line.nextInteger("number of signals", in: 0...Int(Int32.max)) else {
            throw line.malformed("the number of signals is missing")
        }
        if let (word, offset) = line.nextWord() { try header.parseRate(word, offset, line) }
        let frames = try line.nextInteger("number of samples", in: 0...Int.max)
        header.frameCount = frames == 0 ? nil : frames
        header.baseTime = line.nextWord()?.text
        header.baseDate = line.nextWord()?.text
        return (header, signalCount, segmentCount)
    }

    /// `rate/counter(base)`, each part optional after the first.
    private mutating func parseRate(_ word: String, _ offset: Int, _ line: HeaderLine) throws(WFDBError) {
        var rest = Substring(word)
        let rate = rest.prefix { $0 != "/" && $0 != "(" }
        rest = rest.dropFirst(rate.count)
        guard let value = Double(rate), value.isFinite, value > 0 else {
            throw line.malformed("“\(rate)” is not a sampling rate", at: offset)
        }
        samplingRate = value
        if rest.first == "/" {
            rest = rest.dropFirst()
            let counter = rest.prefix { $0 != "(" }
            rest = rest.dropFirst(counter.count)
            guard let value = counter.isEmpty ? 0 : Double(counter), value.isFinite else {
                throw line.malformed("“\(counter)” is not a counter frequency", at: offset)
            }
            counterFrequency = value > 0 ? value : nil
        }
        if rest.first == "(" {
            let base = rest.dropFirst().prefix { $0 != ")" }
            guard let value = Double(base), value.isFinite else {
                throw line.malformed("“\(base)” is not a base counter value", at: offset)
            }
            baseCounter = value
        }
    }
}

extension SegmentSpecification {
    init(parsing line: inout HeaderLine) throws(WFDBError) {
        let (word, offset) = line.nextWord() ?? ("", 0)
        if word != "~" {
            guard FileAccess.staysInFolder(word) else {
                // As with signal files: a header from outside must not make the reader open another folder's file.
                throw WFDBError(
                    .invalidName, file: line.file, byteOffset: offset,
                    detail: "“\(word)” is not the name of a record in the header's folder")
            }
        }
        guard let frames = try line.nextInteger("number of samples", in: 0...Int.max) else {
            throw line.malformed("the length of the segment “\(word)” is missing")
        }
        self.init(recordName: word == "~" ? nil : word, frameCount: frames)
    }
}
