/// What went wrong with a WFDB file, and where.
///
/// Every fault in a file or a name is one of these; reading never traps. `description` is one line
/// that names the file and, where there is one, the byte.
public struct WFDBError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of fault, for programs that act on it.
    public enum Code: Sendable, Hashable, CaseIterable {
        /// The file is absent, is not a regular file, or the system refused to read it.
        case cannotRead
        /// The system refused to write; nothing was left behind.
        case cannotWrite
        /// A record, annotator or signal file name that would lead out of the folder or is not allowed in a header.
        case invalidName
        /// The header's text does not follow header(5).
        case malformedHeader
        /// A segment that itself consists of segments.
        case multipleSegments
        /// The header names a signal format outside ``SignalFormat``.
        case unsupportedFormat
        /// The file is shorter than its header or its own structure says.
        case truncated
        /// The file is larger than the limit for its kind.
        case tooLarge
        /// The first sample is not the one that the header states.
        case initialValueMismatch
        /// The samples do not add up to the header's 16-bit checksum.
        case checksumMismatch
        /// The annotation file does not follow annot(5).
        case malformedAnnotations
        /// A value cannot be represented in the chosen format.
        case outOfRange
        /// A record in memory whose parts do not fit together (signal counts, lengths, files).
        case inconsistentRecord
        /// Millivolts were requested of a signal whose units are not a voltage.
        case notAVoltage
    }

    /// The kind of fault.
    public var code: Code
    /// The file's path as it was opened.
    public var file: String
    /// Offset of the fault from the start of the file in bytes; nil if no single byte is at fault.
    public var byteOffset: Int?
    /// What is wrong, in words.
    public var detail: String

    public init(_ code: Code, file: String, byteOffset: Int? = nil, detail: String) {
        self.code = code
        self.file = file
        self.byteOffset = byteOffset
        self.detail = detail
    }

    public var description: String {
        if let byteOffset { "\(file): byte \(byteOffset): \(detail)" } else { "\(file): \(detail)" }
    }
}
