// The text form of a header, header(5): what it can hold, and writing it. HeaderParsing.swift reads it.

extension RecordHeader {
    /// Checks what signals in one file must have in common.
    func checkGroups(_ file: String) throws(WFDBError) {
        var seen: Set<String> = []
        for group in fileGroups where signals[group.lowerBound].hasSamples {
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

    /// Checks for values that the text form cannot represent.
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
            guard FileAccess.isPlainName(signal.fileName) || !signal.hasSamples else {
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

    /// The header as the text of a file, with LF line ends.
    public var text: String {
        let parts = segments.isEmpty ? "" : "/\(segments.count)"
        let signalCount = segments.isEmpty ? signals.count : segmentSignalCount
        var record = "\(name)\(parts) \(signalCount) \(Self.number(samplingRate))"
        if let counterFrequency { record += "/\(Self.number(counterFrequency))" }
        if let baseCounter {
            if counterFrequency == nil { record += "/\(Self.number(samplingRate))" }
            record += "(\(Self.number(baseCounter)))"
        }
        if frameCount != nil || baseTime != nil { record += " \(frameCount ?? 0)" }
        if let baseTime { record += " \(baseTime)" }
        if let baseDate { record += " \(baseDate)" }
        var lines = [record]
        lines += segments.map { "\($0.recordName ?? "~") \($0.frameCount)" }
        lines += signals.map(\.line)
        lines += comments.map { $0.isEmpty ? "#" : "# \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The shortest decimal text that parses to the same value; whole numbers without a decimal point.
    static func number(_ value: Double) -> String {
        if let whole = Int(exactly: value) { return "\(whole)" }
        return "\(value)"
    }
}
