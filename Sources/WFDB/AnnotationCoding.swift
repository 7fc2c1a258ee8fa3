// The MIT annotation format, annot(5): 16-bit words, least significant byte first. The top 6 bits are a code, the low
// 10 the samples since the annotation before; five codes are not annotations but carry on the one before, or move the
// time.

private enum Word {
    /// The next four bytes (high half first) are a step in time.
    static let skip: UInt16 = 59
    /// The low byte is the number of this and the following annotations.
    static let number: UInt16 = 60
    /// The low byte is this annotation's subtype.
    static let subtype: UInt16 = 61
    /// The low byte is the channel of this and the following annotations.
    static let channel: UInt16 = 62
    /// That many bytes of auxiliary information follow, filled up to an even number.
    static let auxiliary: UInt16 = 63
    static let highestAnnotation: UInt16 = 49
    static let maximumInterval: Int64 = 1023
    static let timeResolution = "## time resolution:"
}

extension AnnotationSet {
    /// Parses an annotation file's bytes.
    ///
    /// Annotations may go back in time; one before the record's start is an error.
    /// - Parameters:
    ///   - bytes: the file's contents.
    ///   - file: its name, for errors.
    ///   - strict: whether a truncated file, one without its end mark, is an error. If not, everything before the cut
    ///     is read, and ``warnings`` says so.
    public init(parsing bytes: [UInt8], file: String, strict: Bool = true) throws(WFDBError) {
        self.init()
        if let cut = try parse(bytes, file: file) {
            if strict { throw cut }
            addWarning(cut)
        }
        takeTimeResolution()
    }

    /// - Returns: where the file was truncated; nil if it is complete.
    private mutating func parse(_ bytes: [UInt8], file: String) throws(WFDBError) -> WFDBError? {
        func malformed(_ offset: Int, _ detail: String) -> WFDBError {
            WFDBError(.malformedAnnotations, file: file, byteOffset: offset, detail: detail)
        }
        var offset = 0
        var time: Int64 = 0
        var skipPending = false
        annotations.reserveCapacity(bytes.count / 2)
        while true {
            guard offset + 2 <= bytes.count else {
                return WFDBError(
                    .truncated, file: file, byteOffset: bytes.count, detail: "the annotations end without an end mark")
            }
            let word = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
            if word == 0 { return nil }
            let code = word >> 10
            let low = word & 0x3FF
            let wordOffset = offset
            offset += 2
            if code == Word.skip {
                guard offset + 4 <= bytes.count else {
                    return WFDBError(
                        .truncated, file: file, byteOffset: bytes.count, detail: "the file ends inside a SKIP")
                }
                let high = UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8
                let step = Int32(bitPattern: high << 16 | UInt32(bytes[offset + 2]) | UInt32(bytes[offset + 3]) << 8)
                // A file's length bounds how often 2^31 can be added: no overflow.
                time += Int64(step)
                offset += 4
                skipPending = true
                continue
            }
            if code > Word.skip {
                guard let last = annotations.indices.last, !skipPending else {
                    throw malformed(wordOffset, "a NUM, SUB, CHN or AUX word that follows no annotation")
                }
                switch code {
                case Word.number: annotations[last].number = Int8(truncatingIfNeeded: low)
                case Word.subtype: annotations[last].subtype = Int8(truncatingIfNeeded: low)
                case Word.channel: annotations[last].channel = UInt8(truncatingIfNeeded: low)
                default:
                    let length = Int(low)
                    guard length <= 255 else {
                        throw malformed(wordOffset, "\(length) bytes of auxiliary information; 255 is the most")
                    }
                    guard offset + length <= bytes.count else {
                        return WFDBError(
                            .truncated, file: file, byteOffset: bytes.count,
                            detail: "the file ends inside \(length) bytes of auxiliary information")
                    }
                    annotations[last].auxiliaryBytes = Array(bytes[offset..<(offset + length)])
                    offset += length + length % 2
                }
                continue
            }
            skipPending = false
            time += Int64(low)
            // "Not an annotation" only moves the time.
            guard code != 0 else { continue }
            guard code <= Word.highestAnnotation else {
                throw malformed(wordOffset, "annotation code \(code) is not defined")
            }
            guard time >= 0 else {
                throw malformed(wordOffset, "an annotation at sample \(time), before the record's start")
            }
            annotations.append(
                Annotation(
                    sampleIndex: time, code: AnnotationCode(rawValue: UInt8(code)),
                    channel: annotations.last?.channel ?? 0, number: annotations.last?.number ?? 0))
        }
    }

    /// Writers put the rate of the time axis into a note at sample 0 (`## time resolution: 360`).
    private mutating func takeTimeResolution() {
        let leading = annotations.prefix { $0.sampleIndex == 0 && $0.code == .note }
        for (index, annotation) in leading.enumerated() where annotation.text.hasPrefix(Word.timeResolution) {
            let number = annotation.text.dropFirst(Word.timeResolution.count).drop { $0 == " " }
            guard let rate = Double(number.prefix { $0 != " " }), rate.isFinite, rate > 0 else { continue }
            samplingRate = rate
            annotations.remove(at: index)
            return
        }
    }

    /// The annotations as a file's bytes.
    /// - Parameter file: its name, for errors.
    /// - Throws: ``WFDBError`` with code `outOfRange` for a negative sample, a code outside 1...49 or more than 255
    ///   bytes of auxiliary information.
    public func encoded(file: String = "annotations") throws(WFDBError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(annotations.count * 2 + 64)
        func put(_ code: UInt16, _ low: UInt16) {
            let word = code << 10 | low
            bytes.append(UInt8(truncatingIfNeeded: word))
            bytes.append(UInt8(truncatingIfNeeded: word >> 8))
        }
        // WFDB's own writer extends the sign over the word's 10 bits; readers take the low byte.
        func signed(_ value: Int8) -> UInt16 { UInt16(bitPattern: Int16(value)) & 0x3FF }
        func putAuxiliary(_ text: [UInt8]) {
            put(Word.auxiliary, UInt16(text.count))
            bytes += text
            if !text.count.isMultiple(of: 2) { bytes.append(0) }
        }
        if let samplingRate {
            put(UInt16(AnnotationCode.note.rawValue), 0)
            putAuxiliary(Array("\(Word.timeResolution) \(RecordHeader.number(samplingRate))".utf8))
        }
        var time: Int64 = 0
        var number: Int8 = 0
        var channel: UInt8 = 0
        for (index, annotation) in annotations.enumerated() {
            guard annotation.sampleIndex >= 0, (1...Word.highestAnnotation).contains(UInt16(annotation.code.rawValue)),
                annotation.auxiliaryBytes.count <= 255
            else {
                throw WFDBError(
                    .outOfRange, file: file,
                    detail: "annotation \(index) (sample \(annotation.sampleIndex), code \(annotation.code.rawValue), "
                        + "\(annotation.auxiliaryBytes.count) auxiliary bytes) cannot be written")
            }
            var step = annotation.sampleIndex - time
            while step < 0 || step > Word.maximumInterval {
                let part = Int32(clamping: step)
                let bits = UInt32(bitPattern: part)
                put(Word.skip, 0)
                for shift in [16, 24, 0, 8] { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift))) }
                step -= Int64(part)
            }
            put(UInt16(annotation.code.rawValue), UInt16(step))
            time = annotation.sampleIndex
            if annotation.subtype != 0 { put(Word.subtype, signed(annotation.subtype)) }
            if annotation.channel != channel { put(Word.channel, UInt16(annotation.channel)) }
            if annotation.number != number { put(Word.number, signed(annotation.number)) }
            channel = annotation.channel
            number = annotation.number
            if !annotation.auxiliaryBytes.isEmpty { putAuxiliary(annotation.auxiliaryBytes) }
        }
        put(0, 0)
        return bytes
    }
}
