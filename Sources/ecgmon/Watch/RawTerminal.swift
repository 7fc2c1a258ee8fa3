import Glibc
import ToolSupport

/// The terminal as a screen of its own: what was there before comes back at the end.
final class RawTerminal {
    enum Key: Equatable {
        case up, down
        case letter(Character)
    }

    private var before = termios()
    private var isRaw = false

    /// Whether standard input and output are a terminal that can be addressed.
    static var isPossible: Bool {
        let kind = getenv("TERM").map { String(cString: $0) } ?? ""
        return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !kind.isEmpty && kind != "dumb"
    }

    /// nil where it is not possible.
    init?() {
        guard Self.isPossible, tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
        var raw = before
        // Keys come at once and are not shown; Ctrl-C still is a signal.
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0 else { return nil }
        isRaw = true
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    deinit { restore() }

    func restore() {
        guard isRaw else { return }
        isRaw = false
        write("\u{1B}[?25h\u{1B}[?1049l")
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
    }

    /// Columns and rows; 80 by 24 where the terminal does not say.
    var size: (width: Int, height: Int) {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return (80, 24)
        }
        return (min(Int(window.ws_col), 1000), min(Int(window.ws_row), 500))
    }

    /// Shows these lines, each in its place; what is right of a line is cleared.
    func show(_ lines: [String]) {
        var text = "\u{1B}[H"
        for (number, line) in lines.enumerated() {
            text += line + "\u{1B}[K" + (number < lines.count - 1 ? "\r\n" : "")
        }
        write(text + "\u{1B}[J")
    }

    /// The keys that were pressed meanwhile.
    func keys() -> [Key] {
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 0) > 0 else { return [] }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        guard count > 0 else { return [.letter("q")] }
        var keys: [Key] = []
        var bytes = buffer[..<count]
        while let byte = bytes.first {
            if bytes.starts(with: [0x1B, 0x5B]) || bytes.starts(with: [0x1B, 0x4F]) {
                switch bytes.dropFirst(2).first {
                case UInt8(ascii: "A"): keys.append(.up)
                case UInt8(ascii: "B"): keys.append(.down)
                default: break
                }
                bytes = bytes.dropFirst(3)
            } else {
                if byte < 0x80 { keys.append(.letter(Character(Unicode.Scalar(byte)))) }
                bytes = bytes.dropFirst()
            }
        }
        return keys
    }

    private func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if errno == EPIPE || errno == EIO { Interruption.request(SIGPIPE) }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }
}
