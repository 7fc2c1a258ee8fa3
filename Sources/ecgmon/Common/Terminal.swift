import Glibc
import ToolSupport

/// What may be written to a terminal: colours only where someone sees them.
struct Terminal {
    enum Colour: String {
        case red = "31"
        case yellow = "33"
        case green = "32"
        case cyan = "36"
        case magenta = "35"
        case dim = "2"
        case bold = "1"
    }

    let usesColour: Bool

    /// Colour if standard output is a terminal that is not called "dumb", and NO_COLOR (no-color.org) is not set.
    init() {
        let noColour = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
        usesColour = isatty(STDOUT_FILENO) == 1 && !noColour && !dumb
    }

    init(usesColour: Bool) {
        self.usesColour = usesColour
    }

    func styled(_ text: String, _ colour: Colour?) -> String {
        guard usesColour, let colour else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    /// Writes one line at once, also into a pipe. When nobody reads any more, the program is to end.
    func line(_ text: String) {
        var bytes = Array(text.utf8)
        bytes.append(UInt8(ascii: "\n"))
        if !Self.write(bytes, to: STDOUT_FILENO), errno == EPIPE { Interruption.request(SIGPIPE) }
    }

    /// A line for the user that is not output: progress, warnings.
    static func note(_ text: String) {
        _ = write(Array((text + "\n").utf8), to: STDERR_FILENO)
    }

    static var standardErrorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Puts this text in the place of the line on standard error that the cursor is in; for terminals.
    static func overwrite(_ text: String) {
        _ = write(Array("\r\u{1B}[K\(text)".utf8), to: STDERR_FILENO)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            if count > 0 {
                written += count
            } else if count < 0, errno == EINTR {
                continue
            } else {
                return false
            }
        }
        return true
    }
}
