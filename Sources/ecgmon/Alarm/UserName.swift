import Glibc

/// Who runs this program.
enum UserName {
    /// The login name, or the number where it has none.
    static var current: String {
        guard let entry = getpwuid(getuid()), let name = entry.pointee.pw_name else { return "user \(getuid())" }
        return String(cString: name)
    }
}
