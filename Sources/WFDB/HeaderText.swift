// The text form of a header, header(5), in both directions.

extension RecordHeader {
    /// Parses a header's bytes.
    /// - Parameters:
    ///   - bytes: the file; lines end in LF or CRLF.
    ///   - file: the name that errors carry.
    public init(parsing bytes: [UInt8], file: String) throws(WFDBError) {
        var header: RecordHeader?
        var signalCount = 0
        var comments: [String] = []
        var lineStart = 0
        while lineStart < bytes.count {
            let lineEnd = bytes[lineStart...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var line = HeaderLine(bytes: bytes[lineStart..<lineEnd], file: file)
            lineStart = lineEnd + 1
            if let comment = line.comment {
                comments.append(comment)
            } else if line.isBlank {
                continue
            } else if let read = header {
                guard read.signals.count < signalCount else {
                    throw line.malformed("a signal line more than the \(signalCount) that the record line states")
                }
                header?.signals.append(try SignalSpecification(parsing: &line))
            } else {
                (header, signalCount) = try Self.recordLine(&line)
            }
        }
        guard var header else {
            throw WFDBError(.malformedHeader, file: file, byteOffset: 0, detail: "no record line")
        }
        guard header.signals.count == signalCount else {
            throw WFDBError(
                .truncated, file: file, byteOffset: bytes.count,
                detail: "the record line states \(signalCount) signals, the header ends after \(header.signals.count)")
        }
        header.comments = comments
        try header.checkGroups(file)
        self = header
    }

    private static func recordLine(_ line: inout HeaderLine) throws(WFDBError) -> (RecordHeader, Int) {
        let (nameField, nameOffset) = line.nextWord() ?? ("", 0)
        if let slash = nameField.firstIndex(of: "/") {
            throw WFDBError(
                .multipleSegments, file: line.file, byteOffset: nameOffset,
                detail:
                    "a record of several segments (“\(nameField[slash...].dropFirst())”); read its segments one by one")
        }
        guard FileAccess.isPlainName(nameField) else {
            throw line.malformed("“\(nameField)” is not a record name", at: nameOffset)
        }
        var header = RecordHeader(name: nameField)
        guard let signalCount = try line.nextInteger("number of signals", in: 0...Int(Int32.max)) else {
            throw line.malformed("the number of signals is missing")
        }
        if let (word, offset) = line.nextWord() {
            var rest = Substring(word)
            let rate = rest.prefix { $0 != "/" && $0 != "(" }
            rest = rest.dropFirst(rate.count)
            guard let value = Double(rate), value.isFinite, value > 0 else {
                throw line.malformed("“\(rate)” is not a sampling rate", at: offset)
            }
            header.samplingRate = value
            if rest.first == "/" {
                rest = rest.dropFirst()
                let counter = rest.prefix { $0 != "(" }
                rest = rest.dropFirst(counter.count)
                guard let value = Double(counter), value.isFinite else {
                    throw line.malformed("“\(counter)” is not a counter frequency", at: offset)
                }
                header.counterFrequency = value > 0 ? value : nil
            }
            if rest.first == "(" {
                let base = rest.dropFirst().prefix { $0 != ")" }
                guard let value = Double(base), value.isFinite else {
                    throw line.malformed("“\(base)” is not a base counter value", at: offset)
                }
                header.baseCounter = value
            }
        }
        let frames = try line.nextInteger("number of samples", in: 0...Int.max)
        header.frameCount = frames == 0 ? nil : frames
        header.baseTime = line.nextWord()?.text
        header.baseDate = line.nextWord()?.text
        return (header, signalCount)
    }

    /// What must hold between the signals that share a file.
    func checkGroups(_ file: String) throws(WFDBError) {
        var seen: Set<String> = []
        for group in fileGroups {
            let first = signals[group.lowerBound]
            guard seen.insert(first.fileName).inserted else {
                throw WFDBError(
                    .malformedHeader, file: file,
                    detail: "the signals in \(first.fileName) do not stand one after another")
            }
            for signal in signals[group] {
                guard signal.format == first.format else {
                    throw WFDBError(
                        .malformedHeader, file: file, detail: "signals of different formats in \(first.fileName)")
                }
                guard signal.byteOffset == first.byteOffset || signal.byteOffset == 0 else {
                    throw WFDBError(
                        .malformedHeader, file: file, detail: "signals of different byte offsets in \(first.fileName)")
                }
            }
        }
    }

    /// What the text form cannot carry.
    func checkWritable(_ path: String) throws(WFDBError) {
        guard FileAccess.isPlainName(name) else {
            throw WFDBError(.invalidName, file: path, detail: "“\(name)” is not a record name")
        }
        guard samplingRate.isFinite, samplingRate > 0, (frameCount ?? 0) >= 0 else {
            throw WFDBError(.outOfRange, file: path, detail: "sampling rate \(samplingRate), \(frameCount ?? 0) frames")
        }
        let words = [baseTime, baseDate].compactMap { $0 }
        guard words.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isWhitespace) && !$0.hasPrefix("#") }) else {
            throw WFDBError(.inconsistentRecord, file: path, detail: "base time or date is not one word")
        }
        guard baseDate == nil || baseTime != nil else {
            throw WFDBError(.inconsistentRecord, file: path, detail: "a base date without a base time")
        }
        for signal in signals {
            guard FileAccess.isPlainName(signal.fileName) else {
                throw WFDBError(.invalidName, file: path, detail: "“\(signal.fileName)” is not a signal file name")
            }
            guard signal.samplesPerFrame >= 1, (0...Int(Int32.max)).contains(signal.skew), signal.byteOffset >= 0,
                signal.gain.isFinite,
                (signal.adcResolution ?? 0) >= 0, (signal.blockSize ?? 0) >= 0
            else {
                throw WFDBError(.outOfRange, file: path, detail: "a negative or infinite field in a signal line")
            }
            let units = signal.units ?? "mV"
            guard !units.isEmpty, !units.contains(where: { $0.isWhitespace }),
                !(signal.description ?? "").contains(where: \.isNewline)
            else {
                throw WFDBError(
                    .inconsistentRecord, file: path, detail: "units or description that a header cannot hold")
            }
        }
        guard comments.allSatisfy({ !$0.contains(where: \.isNewline) }) else {
            throw WFDBError(.inconsistentRecord, file: path, detail: "a comment of several lines")
        }
        try checkGroups(path)
    }

    /// The header as a file's text, lines ended by LF.
    public var text: String {
        var record = "\(name) \(signals.count) \(Self.number(samplingRate))"
        if let counterFrequency { record += "/\(Self.number(counterFrequency))" }
        if let baseCounter {
            if counterFrequency == nil { record += "/\(Self.number(samplingRate))" }
            record += "(\(Self.number(baseCounter)))"
        }
        if frameCount != nil || baseTime != nil { record += " \(frameCount ?? 0)" }
        if let baseTime { record += " \(baseTime)" }
        if let baseDate { record += " \(baseDate)" }
        var lines = [record]
        lines += signals.map(\.line)
        lines += comments.map { $0.isEmpty ? "#" : "# \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Shortest decimal text that gives the same value back; whole numbers without a point.
    static func number(_ value: Double) -> String {
        if let whole = Int(exactly: value) { return "\(whole)" }
        return "\(value)"
    }
}

extension SignalSpecification {
    init(parsing line: inout HeaderLine) throws(WFDBError) {
        guard let (fileName, fileOffset) = line.nextWord() else { throw line.malformed("the signal file is missing") }
        guard FileAccess.isPlainName(fileName) else {
            // A header from outside must not make the reader open another folder's file, or a device.
            throw WFDBError(
                .invalidName, file: line.file, byteOffset: fileOffset,
                detail: "“\(fileName)” is not the name of a file in the header's folder")
        }
        guard let (formatField, formatOffset) = line.nextWord() else { throw line.malformed("the format is missing") }
        var field = NumberField(formatField)
        guard let number = field.leadingInteger() else {
            throw line.malformed("“\(formatField)” is not a format", at: formatOffset)
        }
        guard let format = SignalFormat(rawValue: number) else {
            let known = SignalFormat.allCases.map { "\($0.rawValue)" }.joined(separator: ", ")
            throw WFDBError(
                .unsupportedFormat, file: line.file, byteOffset: formatOffset,
                detail: "signal format \(number) is not one of \(known)")
        }
        self.init(fileName: fileName, format: format)
        if field.take("x") {
            guard let count = field.leadingInteger(), count >= 1 else {
                throw line.malformed("“\(formatField)”: samples per frame must be 1 or more", at: formatOffset)
            }
            samplesPerFrame = count
        }
        if field.take(":") {
            guard let frames = field.leadingInteger(), (0...Int(Int32.max)).contains(frames) else {
                throw line.malformed("“\(formatField)”: the skew must be 0 or more frames", at: formatOffset)
            }
            skew = frames
        }
        if field.take("+") {
            guard let bytes = field.leadingInteger(), bytes >= 0 else {
                throw line.malformed("“\(formatField)”: the byte offset must be 0 or more", at: formatOffset)
            }
            byteOffset = bytes
        }
        guard field.isAtEnd else { throw line.malformed("“\(formatField)” is not a format field", at: formatOffset) }
        try parseCalibration(&line)
        adcResolution = try line.nextInteger("ADC resolution", in: 0...64)
        adcZero = try line.nextInteger("ADC zero", in: Int(Int32.min)...Int(Int32.max)).map { Int32($0) }
        initialValue = try line.nextInteger("initial value", in: Int(Int32.min)...Int(Int32.max)).map { Int32($0) }
        // Some writers print the sum as an unsigned number; only its 16 bits count.
        checksum = try line.nextInteger("checksum", in: -32768...65535).map { Int16(truncatingIfNeeded: $0) }
        blockSize = try line.nextInteger("block size", in: 0...Int.max)
        description = line.rest()
    }

    /// `gain(baseline)/units`, each part optional after the first.
    private mutating func parseCalibration(_ line: inout HeaderLine) throws(WFDBError) {
        guard let (word, offset) = line.nextWord() else { return }
        var rest = Substring(word)
        let gain = rest.prefix { $0 != "(" && $0 != "/" }
        rest = rest.dropFirst(gain.count)
        guard let value = Double(gain), value.isFinite else {
            throw line.malformed("“\(gain)” is not a gain", at: offset)
        }
        statedGain = value
        if rest.first == "(" {
            let inner = rest.dropFirst().prefix { $0 != ")" }
            rest = rest.dropFirst(inner.count + 1)
            guard rest.first == ")", let baseline = Int32(inner) else {
                throw line.malformed("“\(word)” has no baseline in its brackets", at: offset)
            }
            rest = rest.dropFirst()
            statedBaseline = baseline
        }
        if rest.first == "/" {
            let text = rest.dropFirst()
            units = text.isEmpty ? nil : String(text)
        } else if !rest.isEmpty {
            throw line.malformed("“\(word)” is not gain(baseline)/units", at: offset)
        }
    }

    /// The signal line, with every optional field up to the last one that is set.
    var line: String {
        var text = "\(fileName) \(format.rawValue)"
        if samplesPerFrame != 1 { text += "x\(samplesPerFrame)" }
        if skew != 0 { text += ":\(skew)" }
        if byteOffset != 0 { text += "+\(byteOffset)" }
        let fields: [(isSet: Bool, text: String)] = [
            (
                statedGain != nil || statedBaseline != nil || units != nil,
                RecordHeader.number(statedGain ?? 0) + (statedBaseline.map { "(\($0))" } ?? "")
                    + (units.map { "/\($0)" } ?? "")
            ),
            (adcResolution != nil, "\(adcResolution ?? 0)"),
            (adcZero != nil, "\(adcZero ?? 0)"),
            (initialValue != nil, "\(initialValue ?? adcZero ?? 0)"),
            (checksum != nil, "\(checksum ?? 0)"),
            (blockSize != nil, "\(blockSize ?? 0)"),
            (description != nil, description ?? ""),
        ]
        if let last = fields.lastIndex(where: \.isSet) {
            for field in fields[...last] { text += " \(field.text)" }
        }
        return text
    }
}

/// A header line read word by word, with the offset of each word in the file.
struct HeaderLine {
    let file: String
    private var remaining: ArraySlice<UInt8>

    init(bytes: ArraySlice<UInt8>, file: String) {
        self.file = file
        remaining = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        remaining = remaining.drop { Self.isBlank($0) }
    }

    var isBlank: Bool { remaining.isEmpty }

    /// The comment's text, nil if the line is not a comment.
    var comment: String? {
        guard remaining.first == UInt8(ascii: "#") else { return nil }
        let text = remaining.dropFirst()
        return String(decoding: text.first == UInt8(ascii: " ") ? text.dropFirst() : text, as: UTF8.self)
    }

    mutating func nextWord() -> (text: String, offset: Int)? {
        guard !remaining.isEmpty else { return nil }
        let word = remaining.prefix { !Self.isBlank($0) }
        remaining = remaining[word.endIndex...].drop { Self.isBlank($0) }
        return (String(decoding: word, as: UTF8.self), word.startIndex)
    }

    /// The next word as a whole number; nil at the end of the line.
    mutating func nextInteger(_ what: String, in range: ClosedRange<Int>) throws(WFDBError) -> Int? {
        guard let (word, offset) = nextWord() else { return nil }
        guard let value = Int(word) else { throw malformed("“\(word)” is not a \(what)", at: offset) }
        guard range.contains(value) else {
            throw malformed("\(what) \(value) is outside \(range.lowerBound)...\(range.upperBound)", at: offset)
        }
        return value
    }

    /// All that is left, nil if nothing.
    mutating func rest() -> String? {
        defer { remaining = remaining[remaining.endIndex...] }
        guard !remaining.isEmpty else { return nil }
        let end = remaining.lastIndex { !Self.isBlank($0) } ?? remaining.startIndex
        return String(decoding: remaining[...end], as: UTF8.self)
    }

    func malformed(_ detail: String, at offset: Int? = nil) -> WFDBError {
        WFDBError(.malformedHeader, file: file, byteOffset: offset ?? remaining.startIndex, detail: detail)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}

/// A word such as `16x2:3+512`, read from the left.
private struct NumberField {
    private var text: Substring

    init(_ word: String) { text = Substring(word) }

    var isAtEnd: Bool { text.isEmpty }

    mutating func leadingInteger() -> Int? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        text = text.dropFirst(digits.count)
        return Int(digits)
    }

    mutating func take(_ mark: Character) -> Bool {
        guard text.first == mark else { return false }
        text = text.dropFirst()
        return true
    }
}
