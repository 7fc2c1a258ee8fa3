// A signal line of a header, header(5), in both directions.

extension SignalSpecification {
    init(parsing line: inout HeaderLine) throws(WFDBError) {
        guard let (fileName, fileOffset) = line.nextWord() else { throw line.malformed("the signal file is missing") }
        guard FileAccess.staysInFolder(fileName) else {
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
            let known = SignalFormat.allCases.dropFirst().map { "\($0.rawValue)" }.joined(separator: ", ")
            let detail =
                SignalFormat.flacFormats.contains(number)
                ? "signal format \(number) (FLAC) is not decoded here; "
                    + "convert the record to format 16, with WFDB's xform for example"
                : "signal format \(number) is not one of \(known)"
            throw WFDBError(.unsupportedFormat, file: line.file, byteOffset: formatOffset, detail: detail)
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
        // Some writers print the sum as an unsigned number, some all of it; only its lowest 16 bits count.
        checksum = try line.nextInteger("checksum", in: Int.min...Int.max).map { Int16(truncatingIfNeeded: $0) }
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
            guard rest.first == ")", let baseline = Self.baseline(inner) else {
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
        } else if let word = line.nextWord(beginningWith: "/"), word.count > 1 {
            // A blank before the units.
            units = String(word.dropFirst())
        }
    }

    /// A baseline is a whole number; one with decimals is rounded.
    private static func baseline(_ text: Substring) -> Int32? {
        Int32(text) ?? Double(text).flatMap { Int32(exactly: $0.rounded()) }
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
