extension Record {
    /// Reads a record into memory: `directory/name.hea`, and the signal files and segments that it names in the same
    /// folder.
    ///
    /// A file that is shorter than stated is read to its end; the remaining samples of its signals are "no valid
    /// sample" if another file is longer.
    /// - Parameters:
    ///   - name: the record's name, without folder and extension: "100".
    ///   - directory: the folder; "" is the current one.
    ///   - strict: whether a length, checksum or first value that differs from the header is an error; if not, it is
    ///     among the ``warnings``.
    /// - Throws: ``WFDBError`` naming the file and, where there is one, the byte.
    public static func read(_ name: String, in directory: String, strict: Bool = false) throws(WFDBError) -> Record {
        let source = try RecordSource(name, in: directory, strict: strict)
        if source.isOrdinary { return try OrdinaryRecord(source).read() }
        var samples: [[Int32]] = []
        var warnings = source.warnings
        var covered: [Range<Int>] = []
        for index in source.header.signals.indices {
            let signal = try source.readSignal(index, frames: source.header.frameCount)
            samples.append(signal.samples)
            warnings += signal.warnings.dropFirst(source.warnings.count)
            covered += signal.covered.map {
                let perFrame = source.header.signals[index].samplesPerFrame
                return $0.lowerBound / perFrame..<($0.upperBound + perFrame - 1) / perFrame
            }
        }
        return Record(
            header: source.header, samples: samples, digests: samples.map(SignalDigest.init), directory: directory,
            warnings: warnings, gaps: covered.gaps(in: source.header.frameCount ?? 0))
    }

    /// Reads one signal of a record into memory, as a record of this signal alone with a frame for every sample.
    ///
    /// Annotations of the record count in ``annotationRate`` unless their file says otherwise.
    /// - Parameters:
    ///   - source: the record.
    ///   - index: the signal's number in the source's header.
    public static func read(_ source: RecordSource, signal index: Int) throws(WFDBError) -> Record {
        let read = try source.readSignal(index, frames: source.isOrdinary ? nil : source.header.frameCount)
        var header = source.header
        var signal = header.signals[index]
        header.samplingRate *= Double(signal.samplesPerFrame)
        header.frameCount = read.samples.count
        signal.samplesPerFrame = 1
        signal.skew = 0
        header.signals = [signal]
        return Record(
            header: header, samples: [read.samples], digests: [SignalDigest(read.samples)],
            directory: source.directory, warnings: read.warnings, gaps: read.covered.gaps(in: read.samples.count),
            annotationRate: source.header.samplingRate)
    }
}

extension Record.SignalDigest {
    init(_ samples: [Int32]) {
        self.init(initialValue: samples.first, checksum: Int16(truncatingIfNeeded: samples.reduce(0, &+)))
    }
}

extension RecordSource {
    fileprivate struct SignalContents {
        var samples: [Int32]
        /// The samples that a file holds.
        var covered: [Range<Int>]
        var warnings: [WFDBError]
    }

    /// - Parameter frames: of the record; nil: as many as the signal has.
    fileprivate func readSignal(_ index: Int, frames: Int?) throws(WFDBError) -> SignalContents {
        let reader = try SignalReader(self, signal: index)
        var contents = SignalContents(samples: [], covered: [], warnings: [])
        let tooLarge = WFDBError(
            .tooLarge, file: FileAccess.path(directory, header.name + ".hea"),
            detail: "more than \(Record.maximumSampleCount) samples, gaps included, are not read into memory")
        if let frames {
            let (total, overflow) = frames.multipliedReportingOverflow(by: reader.signal.samplesPerFrame)
            guard !overflow, total <= Record.maximumSampleCount else { throw tooLarge }
            contents.samples = [Int32](repeating: reader.signal.format.invalidSample, count: total)
        }
        while let piece = try reader.next() {
            let begin = Int(piece.firstSampleIndex)
            let end = begin + piece.counts.count
            guard end <= Record.maximumSampleCount else { throw tooLarge }
            if frames == nil, end > contents.samples.count {
                contents.samples += [Int32](
                    repeating: reader.signal.format.invalidSample, count: begin - contents.samples.count)
                contents.samples += piece.counts
            } else {
                contents.samples.replaceSubrange(begin..<end, with: piece.counts)
            }
            if contents.covered.last?.upperBound == begin {
                contents.covered[contents.covered.count - 1] =
                    contents.covered[contents.covered.count - 1].lowerBound..<end
            } else {
                contents.covered.append(begin..<end)
            }
        }
        contents.warnings = reader.warnings
        return contents
    }
}

extension [Range<Int>] {
    /// The parts of 0 ..< `end` that no range covers, in order.
    fileprivate func gaps(in end: Int) -> [Range<Int>] {
        var gaps: [Range<Int>] = []
        var covered = 0
        for range in sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > covered { gaps.append(covered..<range.lowerBound) }
            covered = Swift.max(covered, range.upperBound)
        }
        if covered < end { gaps.append(covered..<end) }
        return gaps
    }
}

/// All signals of a single-segment record; each file is read once.
private struct OrdinaryRecord {
    let source: RecordSource
    let header: RecordHeader

    init(_ source: RecordSource) {
        self.source = source
        header = source.header
    }

    func read() throws(WFDBError) -> Record {
        var header = header
        var warnings: [WFDBError] = []
        func warn(_ warning: WFDBError?) throws(WFDBError) {
            guard let warning else { return }
            if source.strict { throw warning }
            warnings.append(warning)
        }
        let groups = header.fileGroups
        var files: [SignalFile?] = []
        for group in groups {
            let signals = Array(header.signals[group])
            files.append(signals[0].hasSamples ? try SignalFile(signals, in: source.directory) : nil)
        }
        let ownFrames = files.map { $0?.frames(stated: header.frameCount) }
        let frames = ownFrames.compactMap { $0 }.max() ?? header.frameCount ?? 0
        for (file, own) in zip(files, ownFrames) {
            guard let file, let own else { continue }
            if let shortness = try file.shortness(stated: header.frameCount) {
                try warn(shortness)
            } else if own != frames {
                try warn(
                    WFDBError(
                        .truncated, file: file.path, byteOffset: file.size,
                        detail: "\(own) frames here, \(frames) in another file of the record"))
            }
        }
        try checkSize(files, frames: frames)
        var samples: [[Int32]] = []
        var digests: [Record.SignalDigest] = []
        for (group, file) in zip(groups, files) {
            // What no frame fills (the end of a skewed signal) stays "no valid sample".
            var part = header.signals[group].map {
                [Int32](repeating: $0.format.invalidSample, count: frames * $0.samplesPerFrame)
            }
            if let file {
                digests += try Self.read(file, frames: file.frames(stated: header.frameCount), into: &part)
            } else {
                digests += part.map { _ in Record.SignalDigest(initialValue: nil, checksum: 0) }
            }
            samples += part
            // Neither can a file that is short add up, nor one that has no samples.
            guard let file, file.frameCount >= header.frameCount ?? 0 else { continue }
            for index in group {
                try warn(header.disagreement(index, digests[index], directory: source.directory))
            }
        }
        if !header.signals.isEmpty { header.frameCount = frames }
        return Record(
            header: header, samples: samples, digests: digests, directory: source.directory, warnings: warnings)
    }

    /// Memory grows with the signal files, not with what the header claims.
    private func checkSize(_ files: [SignalFile?], frames: Int) throws(WFDBError) {
        let path = FileAccess.path(source.directory, header.name + ".hea")
        var total = 0
        for signal in header.signals {
            let (count, overflow) = frames.multipliedReportingOverflow(by: signal.samplesPerFrame)
            guard !overflow, count <= Record.maximumSampleCount - total else {
                throw WFDBError(
                    .tooLarge, file: path,
                    detail: "more than \(Record.maximumSampleCount) samples are not read into memory at once")
            }
            total += count
        }
        let present = files.reduce(0) { $0 + ($1.map { $0.frameCount * $0.samplesPerFrame } ?? 0) }
        guard total / 64 <= present + 64 else {
            throw WFDBError(
                .truncated, file: path, detail: "the files hold \(present) of the \(total) samples that are stated")
        }
    }

    /// - Returns: a digest for each signal.
    private static func read(
        _ file: SignalFile, frames: Int, into targets: inout [[Int32]]
    ) throws(WFDBError) -> [Record.SignalDigest] {
        let signals = file.signals
        var sums = [Int32](repeating: 0, count: signals.count)
        var firsts = [Int32?](repeating: nil, count: signals.count)
        // Frames past the stated ones are looked at only where a skewed signal's last samples lie in them.
        let (end, overflow) = frames.addingReportingOverflow(signals.map(\.skew).max() ?? 0)
        while try file.next(
            before: overflow ? .max : end,
            { firstFrame, count, samples in
                var column = 0
                for index in signals.indices {
                    let perFrame = signals[index].samplesPerFrame
                    if firstFrame == 0 { firsts[index] = samples[column] }
                    sums[index] &+= targets[index].withUnsafeMutableBufferPointer { target in
                        distribute(
                            samples + column, rowLength: file.samplesPerFrame, perFrame: perFrame, rows: count,
                            rowsInChecksum: min(count, max(0, frames - firstFrame)), target: target,
                            firstTarget: (firstFrame - signals[index].skew) * perFrame)
                    }
                    column += perFrame
                }
            })
        {}
        return signals.indices.map {
            Record.SignalDigest(
                initialValue: frames > 0 ? firsts[$0] : nil, checksum: Int16(truncatingIfNeeded: sums[$0]))
        }
    }

    /// Copies one signal out of interleaved rows; samples outside the target are dropped.
    /// - Returns: the sum of the first `rowsInChecksum` rows.
    private static func distribute(
        _ column: UnsafeMutablePointer<Int32>, rowLength: Int, perFrame: Int, rows: Int, rowsInChecksum: Int,
        target: UnsafeMutableBufferPointer<Int32>, firstTarget: Int
    ) -> Int32 {
        var sum: Int32 = 0
        if perFrame == 1, firstTarget >= 0, firstTarget + rows <= target.count, rowsInChecksum == rows,
            let out = target.baseAddress
        {
            for row in 0..<rows {
                let value = column[row &* rowLength]
                out[firstTarget &+ row] = value
                sum &+= value
            }
            return sum
        }
        for row in 0..<rows {
            for k in 0..<perFrame {
                let value = column[row * rowLength + k]
                if row < rowsInChecksum { sum &+= value }
                let place = firstTarget + row * perFrame + k
                if target.indices.contains(place) { target[place] = value }
            }
        }
        return sum
    }
}
