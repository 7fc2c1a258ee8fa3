/// The meaning of an annotation: the codes of annot(5) with their one-letter symbols.
public struct AnnotationCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// 1...49; the file format has no others.
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The code with this WFDB symbol; nil if there is none.
    public init?(symbol: Character) {
        guard symbol != " ", let code = Self.symbols.firstIndex(of: symbol) else { return nil }
        self.init(rawValue: UInt8(code))
    }

    /// WFDB's symbol for the code: "N", "V", "+" ...; a blank for codes without one.
    public var symbol: Character { rawValue < Self.symbols.count ? Self.symbols[Int(rawValue)] : " " }

    public var description: String { String(symbol) }

    // Codes 0...49 in order; a blank where WFDB assigns no letter.
    private static let symbols = Array(" NLRaVFJASEj/Q~ | sT*D\"=pB^t+u?![]en@xf()r        ")

    /// Normal beat.
    public static let normal = AnnotationCode(rawValue: 1)
    /// Premature ventricular contraction.
    public static let prematureVentricular = AnnotationCode(rawValue: 5)
    /// Fusion of ventricular and normal beat.
    public static let fusion = AnnotationCode(rawValue: 6)
    /// Premature or ectopic supraventricular beat.
    public static let supraventricular = AnnotationCode(rawValue: 9)
    /// Beat that could not be classified.
    public static let unclassifiable = AnnotationCode(rawValue: 13)
    /// Change of signal quality.
    public static let signalQuality = AnnotationCode(rawValue: 14)
    /// QRS-like artefact.
    public static let artefact = AnnotationCode(rawValue: 16)
    /// Comment.
    public static let note = AnnotationCode(rawValue: 22)
    /// Change of rhythm; the auxiliary text names the new one.
    public static let rhythm = AnnotationCode(rawValue: 28)
    /// Ventricular flutter wave.
    public static let flutterWave = AnnotationCode(rawValue: 31)
    /// Start of ventricular flutter or fibrillation.
    public static let ventricularFlutterStart = AnnotationCode(rawValue: 32)
    /// End of ventricular flutter or fibrillation.
    public static let ventricularFlutterEnd = AnnotationCode(rawValue: 33)

    /// True for a code that marks a QRS complex (annot(5) and WFDB's `isqrs`).
    public var isBeat: Bool {
        switch rawValue {
        case 1...13, 25, 30, 34, 35, 38, 41: true
        default: false
        }
    }
}

/// One annotation of a record.
public struct Annotation: Sendable, Hashable {
    /// The sample (frame) that it marks, 0 or more.
    public var sampleIndex: Int64
    /// What it means.
    public var code: AnnotationCode
    /// Subtype; its meaning depends on the code.
    public var subtype: Int8
    /// The signal that it refers to.
    public var channel: UInt8
    /// A number for the annotator's own use.
    public var number: Int8
    /// Auxiliary information as stored in the file, at most 255 bytes; mitdb ends its texts with a zero byte.
    public var auxiliaryBytes: [UInt8]

    public init(
        sampleIndex: Int64, code: AnnotationCode, subtype: Int8 = 0, channel: UInt8 = 0, number: Int8 = 0,
        auxiliaryBytes: [UInt8] = []
    ) {
        self.sampleIndex = sampleIndex
        self.code = code
        self.subtype = subtype
        self.channel = channel
        self.number = number
        self.auxiliaryBytes = auxiliaryBytes
    }

    /// An annotation with text; text over 255 bytes is truncated at a character boundary.
    public init(sampleIndex: Int64, code: AnnotationCode, text: String, channel: UInt8 = 0) {
        var bytes: [UInt8] = []
        for character in text {
            guard bytes.count + character.utf8.count <= 255 else { break }
            bytes += character.utf8
        }
        self.init(sampleIndex: sampleIndex, code: code, channel: channel, auxiliaryBytes: bytes)
    }

    /// The auxiliary information as text, up to its first zero byte: "(AFIB".
    public var text: String { FileText.decode(auxiliaryBytes.prefix { $0 != 0 }) }
}

/// The annotations of one annotator for one record: the contents of `100.atr`.
public struct AnnotationSet: Sendable, Hashable {
    /// In the file's order.
    public var annotations: [Annotation]
    /// Time units of ``Annotation/sampleIndex`` per second, if the file states them; nil: the record's frames.
    public var samplingRate: Double?
    /// Faults in the file that did not prevent reading it.
    public private(set) var warnings: [WFDBError] = []

    public init(_ annotations: [Annotation] = [], samplingRate: Double? = nil) {
        self.annotations = annotations
        self.samplingRate = samplingRate
    }

    mutating func addWarning(_ warning: WFDBError) { warnings.append(warning) }

    /// Largest annotation file that is read, in bytes.
    public static let maximumFileSize = 64 << 20

    /// True if no annotation is earlier than its predecessor.
    public var isInTimeOrder: Bool {
        zip(annotations, annotations.dropFirst()).allSatisfy { $0.sampleIndex <= $1.sampleIndex }
    }

    /// Sorts the annotations by time, those at one sample by channel; otherwise their order is kept.
    public mutating func sortByTime() {
        let order = annotations.indices.sorted {
            let (a, b) = (annotations[$0], annotations[$1])
            return (a.sampleIndex, a.channel, $0) < (b.sampleIndex, b.channel, $1)
        }
        annotations = order.map { annotations[$0] }
    }

    /// Reads `directory/record.annotator`, for example `100.atr`.
    /// - Parameters:
    ///   - record: the record's name.
    ///   - annotator: the file's extension.
    ///   - directory: the record's folder.
    ///   - strict: whether a truncated file is an error. If not, everything before the cut is read, and ``warnings``
    ///     says so.
    /// - Throws: ``WFDBError`` naming the file and the byte.
    public static func read(
        _ record: String, annotator: String, in directory: String, strict: Bool = true
    ) throws(WFDBError) -> AnnotationSet {
        let path = try path(record, annotator, directory)
        return try AnnotationSet(parsing: try FileAccess.read(path, limit: maximumFileSize), file: path, strict: strict)
    }

    /// Writes `directory/record.annotator` atomically, with the annotations in their present order.
    ///
    /// WFDB's own programs expect them in order of time: see ``sortByTime()``.
    public func write(_ record: String, annotator: String, to directory: String) throws(WFDBError) {
        let path = try Self.path(record, annotator, directory)
        try FileAccess.writeAtomically(try encoded(file: path), to: path)
    }

    private static func path(_ record: String, _ annotator: String, _ directory: String) throws(WFDBError) -> String {
        let path = FileAccess.path(directory, "\(record).\(annotator)")
        guard FileAccess.staysInFolder(record), FileAccess.isPlainName(annotator) else {
            throw WFDBError(
                .invalidName, file: path, detail: "“\(record).\(annotator)” is not an annotation file's name")
        }
        return path
    }
}
