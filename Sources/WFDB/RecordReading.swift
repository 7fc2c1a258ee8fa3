extension Record {
    /// Reads a record: `directory/name.hea` and the signal files that it names in the same folder.
    /// - Parameters:
    ///   - name: the record's name, without folder and extension: "100".
    ///   - directory: the folder; "" is the current one.
    ///   - verifying: whether ``verify()`` must hold.
    /// - Throws: ``WFDBError`` naming the file and, where there is one, the byte.
    public static func read(_ name: String, in directory: String, verifying: Bool = true) throws(WFDBError) -> Record {
        var header = try RecordHeader.read(name, in: directory)
        var samples: [[Int32]] = []
        var digests: [SignalDigest] = []
        for group in header.fileGroups {
            let part = try SignalFile(header: header, group: group, directory: directory).read()
            if let frames = header.frameCount, frames != part.frameCount {
                throw WFDBError(
                    .truncated, file: FileAccess.path(directory, header.signals[group.lowerBound].fileName),
                    byteOffset: part.byteCount, detail: "\(part.frameCount) frames here, \(frames) in the files before")
            }
            header.frameCount = part.frameCount
            samples += part.samples
            digests += part.digests
        }
        let record = Record(header: header, samples: samples, digests: digests, directory: directory)
        if verifying { try record.verify() }
        return record
    }
}

/// One signal file with all signals in it.
private struct SignalFile {
    let signals: [SignalSpecification]
    let statedFrames: Int?
    let path: String

    init(header: RecordHeader, group: Range<Int>, directory: String) {
        signals = Array(header.signals[group])
        statedFrames = header.frameCount
        path = FileAccess.path(directory, signals[0].fileName)
    }

    struct Contents {
        var frameCount: Int
        var byteCount: Int
        var samples: [[Int32]]
        var digests: [Record.SignalDigest]
    }

    func read() throws(WFDBError) -> Contents {
        let format = signals[0].format
        let bytes = try FileAccess.read(path, limit: Record.maximumSignalFileSize)
        let start = signals.map(\.byteOffset).max() ?? 0
        guard start <= bytes.count else {
            throw WFDBError(
                .truncated, file: path, byteOffset: bytes.count, detail: "the samples should start at byte \(start)")
        }
        var samplesPerFrame = 0
        for signal in signals {
            let (sum, overflow) = samplesPerFrame.addingReportingOverflow(signal.samplesPerFrame)
            guard !overflow else {
                throw WFDBError(.outOfRange, file: path, detail: "more samples in a frame than can be counted")
            }
            samplesPerFrame = sum
        }
        let available = format.sampleCount(inBytes: bytes.count - start) / samplesPerFrame
        let frames = statedFrames ?? max(0, available - (signals.map(\.skew).max() ?? 0))
        // Nothing is allocated for a count that the file does not bear out.
        guard frames <= available else {
            throw WFDBError(
                .truncated, file: path, byteOffset: bytes.count,
                detail: "the file ends after \(available) of the \(frames) frames that the header states")
        }
        return decode(
            bytes[start...], format: format, frames: frames, availableFrames: available,
            samplesPerFrame: samplesPerFrame,
            byteCount: bytes.count)
    }

    private func decode(
        _ bytes: ArraySlice<UInt8>, format: SignalFormat, frames: Int, availableFrames: Int, samplesPerFrame: Int,
        byteCount: Int
    ) -> Contents {
        var contents = Contents(frameCount: frames, byteCount: byteCount, samples: [], digests: [])
        // Frames past the stated ones are looked at only where a skewed signal's last samples lie in them.
        let framesNeeded = min(availableFrames, frames + min(signals.map(\.skew).max() ?? 0, availableFrames))
        // Six frames always end at a block boundary of every format; some thousands of samples stay in the cache.
        let framesPerChunk = max(6, 24_576 / samplesPerFrame / 6 * 6)
        // What no frame fills (the end of a skewed signal) stays "no valid sample".
        for signal in signals {
            contents.samples.append([Int32](repeating: format.invalidSample, count: frames * signal.samplesPerFrame))
        }
        var sums = [Int32](repeating: 0, count: signals.count)
        var firsts = [Int32?](repeating: nil, count: signals.count)
        let scratchCount = min(framesPerChunk, framesNeeded) * samplesPerFrame
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(1, scratchCount)) { scratch in
            bytes.withUnsafeBytes { source in
                guard let base = scratch.baseAddress else { return }
                var frame = 0
                while frame < framesNeeded {
                    let count = min(framesPerChunk, framesNeeded - frame)
                    let offset = format.byteCount(forSamples: frame * samplesPerFrame) ?? 0
                    SampleCoding.decode(
                        format, UnsafeRawBufferPointer(rebasing: source[offset...]), count: count * samplesPerFrame,
                        into: base)
                    var column = 0
                    for index in signals.indices {
                        let perFrame = signals[index].samplesPerFrame
                        if frame == 0 { firsts[index] = base[column] }
                        sums[index] &+= contents.samples[index].withUnsafeMutableBufferPointer { target in
                            Self.distribute(
                                base + column, rowLength: samplesPerFrame, perFrame: perFrame, rows: count,
                                rowsInChecksum: min(count, max(0, frames - frame)), target: target,
                                firstTarget: (frame - signals[index].skew) * perFrame)
                        }
                        column += perFrame
                    }
                    frame += count
                }
            }
        }
        for index in signals.indices {
            contents.digests.append(
                Record.SignalDigest(
                    initialValue: frames > 0 ? firsts[index] : nil, checksum: Int16(truncatingIfNeeded: sums[index])))
        }
        return contents
    }

    /// Copies one signal's column out of interleaved rows, dropping what falls outside the target.
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
