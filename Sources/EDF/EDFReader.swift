import Glibc

/// One data record.
public struct EDFRecord: Sendable, Equatable {
    /// Seconds from the start of the file to its first sample.
    public var onset: Double
    /// Counts of each signal; empty for a signal of annotations.
    public var samples: [[Int16]]
    public var annotations: [EDFAnnotation]

    public init(onset: Double, samples: [[Int16]], annotations: [EDFAnnotation] = []) {
        self.onset = onset
        self.samples = samples
        self.annotations = annotations
    }
}

/// Reads an EDF or EDF+ file record by record, in constant memory.
///
///     let reader = try EDFReader(path: "night.edf")
///     while let record = try reader.next() { use(record.samples[0]) }
public final class EDFReader {
    public let header: EDFHeader
    /// Inconsistencies that did not prevent reading, in words.
    public private(set) var warnings: [String] = []

    private let path: String
    private let descriptor: Int32
    private var number = 0
    private var count: Int

    /// - Throws: ``EDFError`` if it cannot be opened, or its header makes no sense.
    public init(path: String) throws(EDFError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw EDFError(file: path, detail: String(cString: strerror(errno))) }
        var isOpen = true
        defer { if !isOpen { close(descriptor) } }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            isOpen = false
            throw EDFError(file: path, detail: "it is no regular file")
        }
        do throws(EDFError) {
            let beginning = try Self.read(descriptor, 256 * (EDFHeader.maximumSignals + 1), at: 0, path)
            header = try EDFHeader(parsing: beginning, file: path)
        } catch {
            isOpen = false
            throw error
        }
        self.descriptor = descriptor
        let whole = max(0, Int(status.st_size) - header.byteCount) / max(1, header.recordBytes)
        count = header.recordCount ?? whole
        if let stated = header.recordCount, stated != whole {
            warnings.append("\(path): \(stated) data records are stated, the file has \(whole)")
            count = min(stated, whole)
        }
    }

    deinit { close(descriptor) }

    /// Data records that can be read.
    public var recordCount: Int { count }

    /// The next data record; nil at the end.
    public func next() throws(EDFError) -> EDFRecord? {
        guard number < count else { return nil }
        let size = header.recordBytes
        let offset = header.byteCount + number * size
        let bytes = try Self.read(descriptor, size, at: offset, path)
        guard bytes.count == size else {
            throw EDFError(file: path, byteOffset: offset + bytes.count, detail: "the file has become shorter")
        }
        var record = EDFRecord(onset: Double(number) * header.recordDuration, samples: [])
        var place = 0
        var hasOnset = false
        for signal in header.signals {
            let end = place + 2 * signal.samplesPerRecord
            if signal.isAnnotations, header.kind != .edf {
                let list = EDFAnnotationList.parse(bytes[place..<end])
                // The first annotation signal keeps the time.
                if !hasOnset, header.kind == .discontinuous, let onset = list.recordOnset { record.onset = onset }
                hasOnset = true
                record.annotations += list.annotations
                record.samples.append([])
            } else {
                record.samples.append(
                    (0..<signal.samplesPerRecord).map {
                        Int16(bitPattern: UInt16(bytes[place + 2 * $0]) | UInt16(bytes[place + 2 * $0 + 1]) << 8)
                    })
            }
            place = end
        }
        number += 1
        return record
    }

    private static func read(
        _ descriptor: Int32, _ count: Int, at offset: Int, _ path: String
    ) throws(EDFError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw EDFError(file: path, byteOffset: offset + done, detail: String(cString: strerror(errno)))
            }
            if got == 0 { break }
            done += got
        }
        bytes.removeLast(count - done)
        return bytes
    }
}
