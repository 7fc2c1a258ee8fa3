/// One signal file with all its signals, read in order, some thousand samples at a time.
final class SignalFile {
    let signals: [SignalSpecification]
    let format: SignalFormat
    let samplesPerFrame: Int
    /// Whole frames in the file.
    let frameCount: Int
    /// Bytes in the file.
    var size: Int { file.size }
    var path: String { file.path }

    private let file: RegularFile
    private let start: Int
    private let framesPerChunk: Int
    private var position = 0
    private var bytes: [UInt8]
    private var samples: [Int32]
    /// Format 8: the value to which the next difference is added, for each signal.
    private var previous: [Int32]

    /// - Parameter signals: one or more signals of one file, with samples.
    init(_ signals: [SignalSpecification], in directory: String) throws(WFDBError) {
        self.signals = signals
        format = signals[0].format
        let path = FileAccess.path(directory, signals[0].fileName)
        file = try RegularFile(path)
        start = signals.map(\.byteOffset).max() ?? 0
        guard start <= file.size else {
            throw WFDBError(
                .truncated, file: path, byteOffset: file.size, detail: "the samples should start at byte \(start)")
        }
        var samplesPerFrame = 0
        for signal in signals {
            let (sum, overflow) = samplesPerFrame.addingReportingOverflow(signal.samplesPerFrame)
            guard !overflow else {
                throw WFDBError(.outOfRange, file: path, detail: "more samples in a frame than can be counted")
            }
            samplesPerFrame = sum
        }
        self.samplesPerFrame = samplesPerFrame
        frameCount = format.sampleCount(inBytes: file.size - start) / samplesPerFrame
        // Six frames always end at a block boundary of every format; some thousands of samples stay in the cache.
        framesPerChunk = min(max(6, 24_576 / samplesPerFrame / 6 * 6), max(1, frameCount))
        // Nothing is allocated for frames that the file does not have.
        let room = frameCount == 0 ? 0 : framesPerChunk * samplesPerFrame
        samples = [Int32](repeating: 0, count: room)
        bytes = [UInt8](repeating: 0, count: format.byteCount(forSamples: room) ?? 0)
        previous = signals.map { $0.initialValue ?? $0.adcZero ?? 0 }
    }

    /// Decodes the next frames.
    /// - Parameters:
    ///   - limit: the frame to stop before.
    ///   - body: receives the first frame's number, the number of frames, and their interleaved samples.
    /// - Returns: false at the end.
    func next(
        before limit: Int, _ body: (_ firstFrame: Int, _ count: Int, UnsafeMutablePointer<Int32>) -> Void
    ) throws(WFDBError) -> Bool {
        let count = min(framesPerChunk, min(limit, frameCount) - position)
        guard count > 0 else { return false }
        let total = count * samplesPerFrame
        let offset = start + (format.byteCount(forSamples: position * samplesPerFrame) ?? 0)
        // The last sample of some formats needs fewer bytes than are written for it.
        let length = min(format.byteCount(forSamples: total) ?? 0, file.size - offset)
        let got = try bytes.withUnsafeMutableBufferPointer { buffer throws(WFDBError) in
            let part = UnsafeMutableBufferPointer(rebasing: buffer[..<length])
            return try file.read(into: UnsafeMutableRawBufferPointer(part), at: offset)
        }
        guard got == length else {
            throw WFDBError(
                .truncated, file: path, byteOffset: offset + got, detail: "the file has become shorter while it is read"
            )
        }
        samples.withUnsafeMutableBufferPointer { target in
            guard let base = target.baseAddress else { return }
            bytes.withUnsafeBytes { source in
                SampleCoding.decode(
                    format, UnsafeRawBufferPointer(rebasing: source[..<length]), count: total, into: base)
            }
            if format == .format8 { addDifferences(base, frames: count) }
            body(position, count, base)
        }
        position += count
        return true
    }

    private func addDifferences(_ base: UnsafeMutablePointer<Int32>, frames: Int) {
        var place = 0
        for _ in 0..<frames {
            for index in signals.indices {
                for _ in 0..<signals[index].samplesPerFrame {
                    previous[index] &+= base[place]
                    base[place] = previous[index]
                    place += 1
                }
            }
        }
    }

    /// The number of frames according to the header or, if it does not say, the file.
    func frames(stated: Int?) -> Int {
        stated.map { min($0, frameCount) } ?? max(0, frameCount - (signals.map(\.skew).max() ?? 0))
    }

    /// The error if the file holds fewer frames than stated.
    func shortness(stated: Int?) throws(WFDBError) -> WFDBError? {
        guard let stated, stated > frameCount else { return nil }
        let error = WFDBError(
            .truncated, file: path, byteOffset: file.size,
            detail: "the file ends after \(frameCount) of the \(stated) frames that the header states")
        // Of nothing, nothing can be read.
        guard frameCount > 0 else { throw error }
        return error
    }
}

extension RecordHeader {
    /// Differences between the header and the samples of one signal; a field that the header omits is not
    /// checked.
    func disagreement(_ index: Int, _ digest: Record.SignalDigest, directory: String) -> WFDBError? {
        let signal = signals[index]
        guard signal.hasSamples else { return nil }
        let file = FileAccess.path(directory, signal.fileName)
        let lead = signal.description.map { " (\($0))" } ?? ""
        // Format 8 adds the first difference to its initial value.
        if let stated = signal.initialValue, let found = digest.initialValue, stated != found, signal.format != .format8
        {
            return WFDBError(
                .initialValueMismatch, file: file, byteOffset: signal.byteOffset,
                detail: "signal \(index)\(lead) starts with \(found), the header says \(stated)")
        }
        if let stated = signal.checksum, stated != digest.checksum {
            return WFDBError(
                .checksumMismatch, file: file, byteOffset: signal.byteOffset,
                detail: "the samples from here on of signal \(index)\(lead) have the checksum "
                    + "\(digest.checksum), the header says \(stated)")
        }
        return nil
    }
}
