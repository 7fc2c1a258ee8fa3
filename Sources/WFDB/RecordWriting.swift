extension Record {
    /// Writes the signal files and then the header into a folder, each file atomically.
    ///
    /// Frame count, initial values and checksums in the header are computed from the samples. A signal with skew is
    /// written that many frames later, preceded by "no valid sample".
    /// - Parameter directory: an existing folder; "" is the current one.
    /// - Throws: ``WFDBError``; `outOfRange` if a sample does not fit the format.
    public func write(to directory: String) throws(WFDBError) {
        let headerPath = FileAccess.path(directory, header.name + ".hea")
        var written = header
        written.frameCount = frameCount
        try written.checkWritable(headerPath)
        for group in header.fileGroups where header.signals[group.lowerBound].hasSamples {
            try writeSignalFile(group, to: directory, header: &written)
        }
        try written.write(to: directory)
    }

    private func writeSignalFile(
        _ group: Range<Int>, to directory: String, header written: inout RecordHeader
    ) throws(WFDBError) {
        let signals = Array(header.signals[group])
        let format = signals[0].format
        let path = FileAccess.path(directory, signals[0].fileName)
        for index in group {
            guard let place = samples[index].firstIndex(where: { !format.range.contains($0) }) else { continue }
            throw WFDBError(
                .outOfRange, file: path,
                detail:
                    "signal \(index), sample \(place): \(samples[index][place]) does not fit format \(format.rawValue) "
                    + "(\(format.range.lowerBound)...\(format.range.upperBound))")
        }
        let start = signals.map(\.byteOffset).max() ?? 0
        let (frames, overflow) = frameCount.addingReportingOverflow(signals.map(\.skew).max() ?? 0)
        let samplesPerFrame = signals.reduce(0) { $0 + $1.samplesPerFrame }
        let (total, totalOverflow) = frames.multipliedReportingOverflow(by: samplesPerFrame)
        guard !overflow, !totalOverflow, let size = format.byteCount(forSamples: total),
            size <= Record.maximumSignalFileSize, start <= Record.maximumSignalFileSize
        else {
            throw WFDBError(.tooLarge, file: path, detail: "more than \(Record.maximumSignalFileSize) bytes of samples")
        }
        var interleaved = [Int32](repeating: format.invalidSample, count: total)
        var column = 0
        for index in group {
            let signal = header.signals[index]
            var sum: Int32 = 0
            if format == .format8, let first = samples[index].first {
                // Differences have no mark for "no valid sample": the frames that skew leaves open hold a neighbour's.
                let last = samples[index].last ?? first
                for frame in 0..<frames {
                    for k in 0..<signal.samplesPerFrame {
                        interleaved[frame * samplesPerFrame + column + k] = frame < signal.skew ? first : last
                    }
                }
            }
            for frame in 0..<frameCount {
                for k in 0..<signal.samplesPerFrame {
                    let place = (frame + signal.skew) * samplesPerFrame + column + k
                    interleaved[place] = samples[index][frame * signal.samplesPerFrame + k]
                }
            }
            // As the reader takes them: over the first frames of the file, before skew is taken out.
            for frame in 0..<frameCount {
                for k in 0..<signal.samplesPerFrame { sum &+= interleaved[frame * samplesPerFrame + column + k] }
            }
            written.signals[index].initialValue = frameCount > 0 ? interleaved[column] : signal.adcZero ?? 0
            written.signals[index].checksum = Int16(truncatingIfNeeded: sum)
            column += signal.samplesPerFrame
        }
        if format == .format8 { try takeDifferences(&interleaved, group, samplesPerFrame, path) }
        var bytes = [UInt8](repeating: 0, count: start)
        SampleCoding.encode(format, interleaved, appendingTo: &bytes)
        try FileAccess.writeAtomically(bytes, to: path)
    }

    /// Replaces the interleaved samples by their first differences, signal by signal; the first difference is from the
    /// initial value, so it is 0.
    private func takeDifferences(
        _ interleaved: inout [Int32], _ group: Range<Int>, _ samplesPerFrame: Int, _ path: String
    ) throws(WFDBError) {
        var column = 0
        for index in group {
            let perFrame = header.signals[index].samplesPerFrame
            var previous: Int32?
            for row in stride(from: column, to: interleaved.count, by: samplesPerFrame) {
                for place in row..<(row + perFrame) {
                    let value = interleaved[place]
                    let difference = Int64(value) - Int64(previous ?? value)
                    guard let small = Int8(exactly: difference) else {
                        throw WFDBError(
                            .outOfRange, file: path,
                            detail: "signal \(index) changes by \(difference) at once; format 8 holds -128...127")
                    }
                    interleaved[place] = Int32(small)
                    previous = value
                }
            }
            column += perFrame
        }
    }
}
