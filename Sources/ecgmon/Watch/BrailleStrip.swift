import ECGWire

/// The last seconds of a lead as dots, least and greatest of each column, so that no peak is lost.
struct BrailleStrip {
    /// Dots for a second of signal: two for each character.
    static let dotsPerSecond = 40.0
    /// Columns kept: enough for the widest terminal.
    private static let kept = 1200

    private var columns = [(low: Float, high: Float)?](repeating: nil, count: kept)
    /// Number of the last column, counted from sample 0; nil: nothing yet.
    private var last: Int?

    /// Takes samples in mV. What belongs to columns that are long past is left out.
    mutating func take(_ millivolts: [Float], at sampleIndex: Int64, rate: Double) {
        guard rate >= 1 else { return }
        for (offset, value) in millivolts.enumerated() {
            let position = (Double(sampleIndex) + Double(offset)) / rate * Self.dotsPerSecond
            guard position >= 0, position < 1e15 else { continue }
            put(value, in: Int(position))
        }
    }

    private mutating func put(_ value: Float, in column: Int) {
        if let last {
            if column + Self.kept <= last || column > last + Self.kept {
                // Another session, or a gap longer than the strip.
                clear()
            } else if column > last {
                for between in last + 1...column { columns[between % Self.kept] = nil }
            }
        }
        last = max(last ?? column, column)
        guard value.isFinite else { return }
        let place = column % Self.kept
        let before = columns[place] ?? (value, value)
        columns[place] = (min(before.low, value), max(before.high, value))
    }

    mutating func clear() {
        columns = [(low: Float, high: Float)?](repeating: nil, count: Self.kept)
        last = nil
    }

    /// The strip as lines of braille characters, the newest at the right.
    /// - Parameters:
    ///   - width: characters.
    ///   - height: lines.
    /// - Returns: the lines, and how many millivolts their height is; the span fits the signal, from 1 mV on.
    func lines(width: Int, height: Int) -> (lines: [String], millivolts: Float) {
        let (dots, rows) = (min(width * 2, Self.kept), height * 4)
        guard let last, width > 0, height > 0 else {
            return (Array(repeating: String(repeating: " ", count: max(0, width)), count: max(0, height)), 1)
        }
        let shown = (0..<dots).map { dot -> (low: Float, high: Float)? in
            let column = last - dots + 1 + dot
            return column < 0 ? nil : columns[column % Self.kept]
        }
        let low = shown.compactMap { $0?.low }.min() ?? 0
        let high = shown.compactMap { $0?.high }.max() ?? 0
        let span = max(1, high - low)
        let bottom = (low + high) / 2 - span / 2
        var cells = [UInt8](repeating: 0, count: width * height)
        var before: Int?
        for (dot, column) in shown.enumerated() {
            guard let column else {
                before = nil
                continue
            }
            func row(_ value: Float) -> Int { min(rows - 1, max(0, Int((1 - (value - bottom) / span) * Float(rows - 1)))) }
            var (top, foot) = (row(column.high), row(column.low))
            let middle = (top + foot) / 2
            // Neighbouring columns are joined.
            if let before { (top, foot) = (min(top, before), max(foot, before)) }
            before = middle
            for y in top...foot { cells[y / 4 * width + dot / 2] |= Self.bit(dot % 2, y % 4) }
        }
        let lines = (0..<height).map { line in
            String(
                String.UnicodeScalarView(
                    cells[line * width..<(line + 1) * width].compactMap { Unicode.Scalar(0x2800 + UInt32($0)) }))
        }
        return (lines, span)
    }

    private static func bit(_ x: Int, _ y: Int) -> UInt8 {
        y == 3 ? (x == 0 ? 0x40 : 0x80) : 1 << UInt8(x * 3 + y)
    }
}
