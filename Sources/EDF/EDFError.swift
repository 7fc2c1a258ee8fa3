/// What is wrong with an EDF or EDF+ file, and where. Reading never traps.
public struct EDFError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file's path as it was opened.
    public var file: String
    /// Offset of the fault in bytes; nil if no single byte is at fault.
    public var byteOffset: Int?
    /// What is wrong, in words.
    public var detail: String

    public init(file: String, byteOffset: Int? = nil, detail: String) {
        self.file = file
        self.byteOffset = byteOffset
        self.detail = detail
    }

    public var description: String {
        if let byteOffset { "\(file): byte \(byteOffset): \(detail)" } else { "\(file): \(detail)" }
    }
}
