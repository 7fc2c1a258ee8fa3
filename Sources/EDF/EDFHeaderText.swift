extension EDFHeader {
    /// Most signals that are read.
    static let maximumSignals = 256
    /// Most bytes of one data record that are read; the format recommends 61,440.
    static let maximumRecordBytes = 16 << 20

    /// Parses a header.
    /// - Parameters:
    ///   - bytes: the beginning of the file: 256 bytes, and 256 for each signal.
    ///   - file: for messages.
    init(parsing bytes: [UInt8], file: String) throws(EDFError) {
        var fields = Fields(bytes: bytes, file: file)
        if bytes.first == 0xFF {
            throw EDFError(file: file, byteOffset: 0, detail: "this is BDF (24 bits); convert it to EDF+ first")
        }
        let version = try fields.text(8)
        guard version == "0" else {
            throw EDFError(file: file, byteOffset: 0, detail: "not an EDF file: it does not begin with version 0")
        }
        let patient = try fields.text(80)
        let recording = try fields.text(80)
        let date = try fields.text(8).split(separator: ".").map { Int($0) ?? -1 }
        let time = try fields.text(8).split(separator: ".").map { Int($0) ?? -1 }
        let headerBytes = try fields.integer(8, 512...1 << 20, "size of the header")
        let reserved = try fields.text(44)
        let records = try fields.integer(8, -1...99_999_999, "number of data records")
        let duration = try fields.number(8, "duration of a data record")
        let count = try fields.integer(4, 1...Self.maximumSignals, "number of signals")
        guard headerBytes == 256 * (count + 1), bytes.count >= headerBytes else {
            throw EDFError(
                file: file, byteOffset: 184, detail: "a header of \(count) signals has \(256 * (count + 1)) bytes")
        }
        guard duration.isFinite, duration >= 0, duration <= 86_400 else {
            throw EDFError(file: file, byteOffset: 244, detail: "a data record lasts \(duration) s")
        }
        self.init(
            kind: reserved.hasPrefix("EDF+D") ? .discontinuous : reserved.hasPrefix("EDF+C") ? .continuous : .edf,
            patient: patient, recording: recording, recordCount: records < 0 ? nil : records,
            recordDuration: duration, signals: [])
        // A wrong date is no reason not to read the samples.
        if date.count == 3, (1...31).contains(date[0]), (1...12).contains(date[1]), (0...99).contains(date[2]) {
            startDate = (date[0], date[1], date[2] + (date[2] >= 85 ? 1900 : 2000))
        }
        if time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...59).contains(time[2]) {
            startSecond = time[0] * 3600 + time[1] * 60 + time[2]
        }
        signals = try Self.signals(count, &fields)
        guard recordBytes <= Self.maximumRecordBytes else {
            throw EDFError(file: file, detail: "a data record has \(recordBytes) bytes")
        }
        guard duration > 0 || signals.allSatisfy(\.isAnnotations) else {
            throw EDFError(file: file, byteOffset: 244, detail: "a data record with samples lasts 0 s")
        }
    }

    private static func signals(_ count: Int, _ fields: inout Fields) throws(EDFError) -> [EDFSignal] {
        // Column by column: first the labels of all signals, then all transducers, and so on.
        let labels = try fields.column(count, 16)
        let transducers = try fields.column(count, 80)
        let units = try fields.column(count, 8)
        let minima = try fields.numbers(count, "physical minimum")
        let maxima = try fields.numbers(count, "physical maximum")
        let least = try fields.integers(count, -32_768...32_767, "digital minimum")
        let greatest = try fields.integers(count, -32_768...32_767, "digital maximum")
        let filters = try fields.column(count, 80)
        let samples = try fields.integers(count, 1...8_388_608, "samples in a data record")
        var signals: [EDFSignal] = []
        for n in 0..<count {
            let signal = EDFSignal(
                label: labels[n], transducer: transducers[n], unit: units[n], physicalMinimum: minima[n],
                physicalMaximum: maxima[n], digitalMinimum: least[n], digitalMaximum: greatest[n],
                filtering: filters[n], samplesPerRecord: samples[n])
            // Values of a signal that anybody measures; so that no calibration overflows.
            let span = abs(maxima[n] - minima[n])
            let isMeasured = (1e-9...1e9).contains(span) && max(abs(minima[n]), abs(maxima[n])) <= 1e9
            guard signal.isAnnotations || least[n] < greatest[n] && isMeasured else {
                throw EDFError(
                    file: fields.file,
                    detail: "signal \(n) (\(labels[n])): its least and greatest values make no range")
            }
            signals.append(signal)
        }
        return signals
    }

    /// The header as bytes. Fields that are too long are cut.
    var text: [UInt8] {
        var bytes: [UInt8] = []
        func put(_ text: String, _ width: Int) {
            let plain = text.unicodeScalars.map { (32...126).contains($0.value) ? UInt8($0.value) : UInt8(ascii: "_") }
            bytes += plain.prefix(width) + [UInt8](repeating: 32, count: max(0, width - plain.count))
        }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (day, month, year) = startDate
        put("0", 8)
        put(patient, 80)
        put(recording, 80)
        put("\(two(day)).\(two(month)).\(two(year % 100))", 8)
        put("\(two(startSecond / 3600 % 24)).\(two(startSecond / 60 % 60)).\(two(startSecond % 60))", 8)
        put("\(byteCount)", 8)
        put(kind.rawValue, 44)
        put("\(recordCount ?? -1)", 8)
        put(Self.number(recordDuration), 8)
        put("\(signals.count)", 4)
        for signal in signals { put(signal.label, 16) }
        for signal in signals { put(signal.transducer, 80) }
        for signal in signals { put(signal.unit, 8) }
        for signal in signals { put(Self.number(signal.physicalMinimum), 8) }
        for signal in signals { put(Self.number(signal.physicalMaximum), 8) }
        for signal in signals { put("\(signal.digitalMinimum)", 8) }
        for signal in signals { put("\(signal.digitalMaximum)", 8) }
        for signal in signals { put(signal.filtering, 80) }
        for signal in signals { put("\(signal.samplesPerRecord)", 8) }
        for _ in signals { put("", 32) }
        return bytes
    }

    /// A number in 8 characters.
    static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e7 else { return "0" }
        if value == value.rounded() { return "\(Int(value))" }
        return String("\(value)".prefix(8))
    }
}

/// Cuts a header into its fields.
private struct Fields {
    let bytes: [UInt8]
    let file: String
    private var place = 0

    init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    mutating func text(_ width: Int) throws(EDFError) -> String {
        guard place + width <= bytes.count else {
            throw EDFError(file: file, byteOffset: bytes.count, detail: "the file ends within its header")
        }
        defer { place += width }
        // Latin 1, as some recorders write units; control characters mean a file of another kind: shown as dots.
        let scalars = bytes[place..<place + width].map {
            $0 < 32 || (127..<160).contains($0) ? Unicode.Scalar(UInt8(ascii: ".")) : Unicode.Scalar($0)
        }
        var text = String(String.UnicodeScalarView(scalars))
        while text.last == " " { text.removeLast() }
        while text.first == " " { text.removeFirst() }
        return text
    }

    mutating func number(_ width: Int, _ what: String) throws(EDFError) -> Double {
        let offset = place
        let word = try text(width)
        guard let value = Double(word), value.isFinite else {
            throw EDFError(file: file, byteOffset: offset, detail: "the \(what) is \"\(word)\", which is no number")
        }
        return value
    }

    mutating func integer(_ width: Int, _ range: ClosedRange<Int>, _ what: String) throws(EDFError) -> Int {
        let offset = place
        let value = try number(width, what)
        guard value == value.rounded(), Double(range.lowerBound)...Double(range.upperBound) ~= value else {
            throw EDFError(
                file: file, byteOffset: offset,
                detail: "the \(what) is \(value), not from \(range.lowerBound) to \(range.upperBound)")
        }
        return Int(value)
    }

    mutating func column(_ count: Int, _ width: Int) throws(EDFError) -> [String] {
        var values: [String] = []
        for _ in 0..<count { values.append(try text(width)) }
        return values
    }

    mutating func numbers(_ count: Int, _ what: String) throws(EDFError) -> [Double] {
        var values: [Double] = []
        for _ in 0..<count { values.append(try number(8, what)) }
        return values
    }

    mutating func integers(_ count: Int, _ range: ClosedRange<Int>, _ what: String) throws(EDFError) -> [Int] {
        var values: [Int] = []
        for _ in 0..<count { values.append(try integer(8, range, what)) }
        return values
    }
}
