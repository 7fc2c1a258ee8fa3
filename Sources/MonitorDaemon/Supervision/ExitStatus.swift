/// Exit codes, after sysexits.h.
enum ExitStatus {
    static let ok: Int32 = 0
    /// A file that was named cannot be read.
    static let noInput: Int32 = 66
    /// An endpoint or port is not to be had.
    static let unavailable: Int32 = 69
    /// It did not come to its end in time.
    static let software: Int32 = 70
    /// The system refuses a thread.
    static let system: Int32 = 71
    /// The journal cannot be opened.
    static let cannotCreate: Int32 = 73
    /// Mistakes in the configuration.
    static let configuration: Int32 = 78
}
