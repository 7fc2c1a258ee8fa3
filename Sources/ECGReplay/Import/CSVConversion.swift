import Glibc
import ToolSupport

/// Columns of numbers as a WFDB record: a column is a lead, and one may be the time.
///
/// The first line may name the columns, with a unit in brackets: `time (s),II (mV),V5 (mV)`. Commas, semicolons and
/// tabs separate. An empty field, or NaN, is no valid sample. Samples are kept to a microvolt, up to 32 mV.
struct CSVConversion {
    let path: String
    let folder: String
    let options: ImportedRecord.CSVOptions

    private static let countsPerMillivolt = 1000.0
    private static let maximumColumns = 64
    /// From so many lines the sampling rate is told.
    private static let rateLines = 2000
    private static let timeNames: Set<String> = ["time", "t", "timestamp", "seconds", "sec", "s", "elapsed", "ms"]

    /// - Returns: what was noticed, in words.
    func run() throws(ToolError) -> [String] {
        let layout = try CSVLayout(path: path, options: options, rateLines: Self.rateLines, timeNames: Self.timeNames)
        guard layout.leads.count <= Self.maximumColumns else {
            throw ToolError(
                "\(path) has \(layout.leads.count) columns", nextStep: "Leave \(Self.maximumColumns) or fewer")
        }
        var writer = RecordFilesWriter(
            folder: folder,
            signals: layout.leads.map {
                .init(name: $0.name, gain: Self.countsPerMillivolt, baseline: 0, unit: "mV")
            }, rate: layout.rate)
        let lines = try LineReader(path: path)
        var number = 0
        var beyond = 0
        var buffer: [Int16] = []
        while let line = try lines.next() {
            number += 1
            if number <= layout.headerLines || line.allSatisfy({ $0 == 32 }) { continue }
            let fields = layout.fields(line)
            guard fields.count >= layout.columnCount else {
                throw ToolError(
                    "\(path):\(number): \(fields.count) columns, the first line has \(layout.columnCount)",
                    nextStep: "Correct the line")
            }
            for lead in layout.leads {
                let value = CSVLayout.number(fields[lead.column])
                guard let value else {
                    throw ToolError(
                        "\(path):\(number): \"\(printable(CSVLayout.text(fields[lead.column])))\" is no number",
                        nextStep: "Correct it, or leave it empty where there is no sample")
                }
                let count = (value * lead.millivoltsPerUnit * Self.countsPerMillivolt).rounded()
                if abs(count) <= 32_767 {
                    buffer.append(Int16(count))
                } else {
                    if !count.isNaN { beyond += 1 }
                    buffer.append(RecordFilesWriter.invalid)
                }
            }
            if buffer.count >= 65_536 {
                try writer.append(buffer)
                buffer.removeAll(keepingCapacity: true)
            }
        }
        try writer.append(buffer)
        try writer.finish(source: path)
        return beyond == 0 ? [] : ["\(path): \(beyond) values beyond 32 mV are taken for invalid; is --csv-unit right?"]
    }
}

/// What the columns of a CSV file are.
struct CSVLayout {
    struct Lead {
        var column: Int
        var name: String
        var millivoltsPerUnit: Double
    }

    private(set) var leads: [Lead] = []
    private(set) var rate = 0.0
    private(set) var headerLines = 0
    private(set) var columnCount = 0
    private var separator = UInt8(ascii: ",")

    /// Millivolts of a unit, by its name in lower case.
    private static let millivolts: [String: Double] = ["uv": 0.001, "\u{B5}v": 0.001, "mv": 1, "v": 1000]
    /// Seconds of a unit of time.
    private static let seconds: [String: Double] = ["s": 1, "sec": 1, "ms": 1e-3, "us": 1e-6]

    init(
        path: String, options: ImportedRecord.CSVOptions, rateLines: Int, timeNames: Set<String>
    ) throws(ToolError) {
        let lines = try LineReader(path: path)
        guard let first = try lines.next() else { throw ToolError("\(path) is empty", nextStep: "Choose another file") }
        separator =
            [UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: ",")].first { first.contains($0) }
            ?? UInt8(ascii: ",")
        let titles = fields(first).map(Self.text)
        columnCount = titles.count
        if fields(first).contains(where: { Self.number($0) == nil }) { headerLines = 1 }
        let time =
            headerLines == 0
            ? nil : titles.firstIndex { timeNames.contains(Self.word($0).lowercased()) }
        for (column, title) in titles.enumerated() where column != time {
            let name = headerLines == 1 ? Self.word(title) : titles.count == 1 ? "" : "\(column + 1)"
            let unit = options.unit ?? Self.unit(title) ?? "mV"
            guard let scale = Self.millivolts[unit.lowercased()] else {
                throw ToolError(
                    "\(path): column \(printable(title)) is in \(printable(unit)), not in a voltage",
                    nextStep: "Remove the column, or give --csv-unit uV, mV or V")
            }
            leads.append(Lead(column: column, name: name, millivoltsPerUnit: scale))
        }
        guard !leads.isEmpty else {
            throw ToolError("\(path) has no column of samples", nextStep: "Choose another file")
        }
        if let given = options.samplingRate {
            rate = given
            return
        }
        guard let time else {
            throw ToolError(
                "\(path) has no column of times, so its sampling rate is not known",
                nextStep: "Give it with --csv-rate")
        }
        var times: [Double] = []
        while times.count < rateLines, let line = try lines.next() {
            let row = fields(line)
            if row.indices.contains(time), let value = Self.number(row[time]), value.isFinite { times.append(value) }
        }
        let steps = zip(times.dropFirst(), times).map { $0 - $1 }.sorted()
        let unit = Self.unit(titles[time])?.lowercased() ?? (Self.word(titles[time]).lowercased() == "ms" ? "ms" : "s")
        let scale = Self.seconds[unit] ?? 1
        guard let step = steps.isEmpty ? nil : steps[steps.count / 2], step > 0, steps[steps.count / 20] > step * 0.5,
            let span = times.last.map({ $0 - times[0] }), span > 0
        else {
            throw ToolError(
                "\(path): the times do not tell a sampling rate", nextStep: "Give the rate with --csv-rate")
        }
        // Over many lines rounding evens out; a rate next to a whole number is that number.
        let told = Double(times.count - 1) / (span * scale)
        guard told >= 0.01, told <= 1_000_000 else {
            throw ToolError("\(path) has \(told) samples a second by its times", nextStep: "Give the rate with --csv-rate")
        }
        rate = abs(told - told.rounded()) < 0.005 * told ? told.rounded() : told
    }

    /// The fields of a line, without blanks and quotes around them.
    func fields(_ line: [UInt8]) -> [ArraySlice<UInt8>] {
        line.split(separator: separator, omittingEmptySubsequences: false).map { field in
            var field = field
            while let last = field.last, last == 32 || last == 13 || last == 34 { field.removeLast() }
            while let first = field.first, first == 32 || first == 34 { field.removeFirst() }
            return field
        }
    }

    static func text(_ field: ArraySlice<UInt8>) -> String { String(decoding: field, as: UTF8.self) }

    /// NaN where the field is empty; nil where it is no number.
    static func number(_ field: ArraySlice<UInt8>) -> Double? {
        guard !field.isEmpty else { return .nan }
        guard field.count <= 64 else { return nil }
        let text = Self.text(field)
        return Double(text) ?? (["nan", "na", "null", "-"].contains(text.lowercased()) ? .nan : nil)
    }

    /// "II" of "II (mV)".
    private static func word(_ title: String) -> String {
        String(title.prefix { $0 != "(" && $0 != "[" }).split(separator: " ").joined(separator: " ")
    }

    /// "mV" of "II (mV)"; nil where there is none.
    private static func unit(_ title: String) -> String? {
        guard let start = title.firstIndex(where: { $0 == "(" || $0 == "[" }) else { return nil }
        let unit = title[title.index(after: start)...].prefix { $0 != ")" && $0 != "]" }
        return unit.isEmpty ? nil : String(unit)
    }
}

/// The lines of a file, one after the other, of a bounded length.
final class LineReader {
    private let path: String
    private let file: UnsafeMutablePointer<FILE>
    private var number = 0
    private static let longest = 1 << 16

    init(path: String) throws(ToolError) {
        guard let file = fopen(path, "rb") else {
            throw ToolError("\(path) cannot be read: \(String(cString: strerror(errno)))", nextStep: "Check the path")
        }
        self.path = path
        self.file = file
    }

    deinit { fclose(file) }

    func next() throws(ToolError) -> [UInt8]? {
        var line: [UInt8] = []
        number += 1
        while true {
            let byte = getc_unlocked(file)
            guard byte != EOF else { return line.isEmpty ? nil : line }
            if byte == 10 {
                // A byte order mark is no part of the first column's name.
                if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
                return line
            }
            guard line.count < Self.longest else {
                throw ToolError("\(path):\(number): the line is longer than 64 kB", nextStep: "Is this a CSV file?")
            }
            line.append(UInt8(truncatingIfNeeded: byte))
        }
    }
}
