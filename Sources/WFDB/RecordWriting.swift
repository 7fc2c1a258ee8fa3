extension Record {
    /// Writes the signal files and then the header into a folder; each file appears whole or not at all.
    ///
    /// Frame count, initial values and checksums in the header are those of the samples. A signal with skew is written
    /// that many frames later, with "no valid sample" before.
    /// - Parameter directory: an existing folder; "" is the current one.
    /// - Throws: ``WFDBError``; `outOfRange` where a sample does not fit the format.
    public func write(to directory: String) throws(WFDBError) {
        let headerPath = FileAccess.path(directory, header.name + ".hea")
        var written = header
        written.frameCount = frameCount
        try written.checkWritable(headerPath)
        for group in header.fileGroups {
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
        var bytes = [UInt8](repeating: 0, count: start)
        SampleCoding.encode(format, interleaved, appendingTo: &bytes)
        try FileAccess.writeAtomically(bytes, to: path)
    }
}
