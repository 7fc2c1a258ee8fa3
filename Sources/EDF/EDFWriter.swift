import Glibc

/// Writes an EDF+ file record by record. The file is complete after every record but for the number of records in its
/// header, which ``finish()`` fills in; a reader takes a file without it as far as it goes.
///
/// Annotations are kept until there is room for them: each says itself when it is, so that a later record may hold it.
public final class EDFWriter {
    public private(set) var header: EDFHeader
    /// Annotations that still wait for room.
    public var waitingAnnotations: Int { waiting.count }

    private let path: String
    private let descriptor: Int32
    private var waiting: [EDFAnnotation] = []
    private var records = 0
    private var expectedOnset = 0.0
    private let annotationBytes: Int
    private var isFinished = false

    /// Samples, of two bytes, that each record has for annotations.
    public static let annotationSamples = 120

    /// Makes the file, which must not exist.
    /// - Parameter header: its signals, without one for annotations, which is added.
    /// - Throws: ``EDFError`` with the system's reason.
    public init(path: String, header: EDFHeader) throws(EDFError) {
        var header = header
        header.kind = .continuous
        header.recordCount = nil
        header.signals.append(
            EDFSignal(
                label: EDFSignal.annotationLabel, unit: "", physicalMinimum: -1, physicalMaximum: 1,
                samplesPerRecord: Self.annotationSamples))
        self.header = header
        self.path = path
        annotationBytes = 2 * Self.annotationSamples
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw EDFError(file: path, detail: String(cString: strerror(errno))) }
        try write(header.text, at: 0)
    }

    deinit { close(descriptor) }

    /// Appends a record.
    /// - Parameters:
    ///   - onset: seconds from the start of the file; one that does not follow the record before makes the file EDF+D.
    ///   - samples: of each signal but the annotations, as many as it has in a record.
    ///   - annotations: written here, or in a later record.
    public func append(onset: Double, samples: [[Int16]], annotations: [EDFAnnotation] = []) throws(EDFError) {
        let signals = header.signals.dropLast()
        guard samples.count == signals.count,
            zip(samples, signals).allSatisfy({ $0.count == $1.samplesPerRecord })
        else {
            throw EDFError(file: path, detail: "a record's samples are not as many as its header says")
        }
        if records > 0, abs(onset - expectedOnset) > 1e-6 { header.kind = .discontinuous }
        expectedOnset = onset + header.recordDuration
        waiting += annotations
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.recordBytes)
        for column in samples {
            for sample in column {
                bytes.append(UInt8(truncatingIfNeeded: sample))
                bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
            }
        }
        bytes += annotationField(onset)
        try write(bytes, at: header.byteCount + records * header.recordBytes)
        records += 1
    }

    private func annotationField(_ onset: Double) -> [UInt8] {
        var field = EDFAnnotationList.timekeeping(onset)
        var taken = 0
        for annotation in waiting {
            let list = EDFAnnotationList.list(annotation)
            guard field.count + list.count <= annotationBytes else { break }
            field += list
            taken += 1
        }
        waiting.removeFirst(taken)
        return field + [UInt8](repeating: 0, count: annotationBytes - field.count)
    }

    /// Writes the number of records into the header.
    public func finish() throws(EDFError) {
        guard !isFinished else { return }
        isFinished = true
        header.recordCount = records
        try write(header.text, at: 0)
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws(EDFError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw EDFError(file: path, detail: String(cString: strerror(errno))) }
            done += count
        }
    }
}
