public import Glibc

/// Small files that control access: read only if nobody else could have read or changed them, and replaced atomically.
public enum ProtectedFile {
    /// Who may read and change a file.
    public enum Demand: Sendable {
        /// Only the owner may read it.
        case secret
        /// Anyone may read it; only the owner may change it.
        case unchangeable
        case unprotected
    }

    /// No valid file is longer; a device or a dump given by mistake is not read to its end.
    public static let largestBytes = 1 << 20

    /// - Throws: `SecretFileError` with the reason in words.
    public static func read(path: String, _ demand: Demand) throws(SecretFileError) -> String {
        // Open first and check afterwards, so that the file checked is the file read.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw SecretFileError(
                path: path, reason: String(cString: strerror(errno)), nextStep: "check the path and who may read it")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SecretFileError(path: path, reason: "it is no regular file", nextStep: "check the path")
        }
        try check(status, path: path, demand)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw SecretFileError(
                    path: path, reason: String(cString: strerror(errno)), nextStep: "check the disk")
            }
            if count == 0 { break }
            bytes += buffer.prefix(count)
            guard bytes.count <= largestBytes else {
                throw SecretFileError(path: path, reason: "it is longer than 1 MB", nextStep: "check the path")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SecretFileError(path: path, reason: "it is not UTF-8", nextStep: "check the path")
        }
        return text
    }

    private static func check(_ status: stat, path: String, _ demand: Demand) throws(SecretFileError) {
        let mode = status.st_mode & 0o777
        let forbidden: mode_t
        switch demand {
        case .unprotected: return
        // systemd grants a credential to the service's user through an access list, which shows up as group
        // permissions.
        case .secret: forbidden = isCredential(path) ? 0o007 : 0o077
        case .unchangeable: forbidden = isCredential(path) ? 0o002 : 0o022
        }
        if mode & forbidden != 0 {
            let octal = String(mode, radix: 8)
            let what = demand == .secret ? "others can read it" : "others can change it"
            throw SecretFileError(
                path: path, reason: "\(what) (mode \(octal))",
                nextStep: "chmod \(demand == .secret ? "600" : "go-w") it and ask whether it is still to be trusted")
        }
        if status.st_uid != geteuid(), status.st_uid != 0 {
            throw SecretFileError(
                path: path, reason: "it belongs to user \(status.st_uid), neither to this user nor to root",
                nextStep: "chown it")
        }
    }

    /// The path of a credential that systemd passed to this service (`LoadCredential=`); nil if there is none.
    public static func credential(_ name: String) -> String? {
        guard let directory = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }), !directory.isEmpty
        else { return nil }
        let path = "\(directory)/\(name)"
        return access(path, F_OK) == 0 ? path : nil
    }

    private static func isCredential(_ path: String) -> Bool {
        guard let directory = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }), !directory.isEmpty
        else { return false }
        return path.hasPrefix(directory + "/")
    }

    /// Replaces a file atomically: whatever happens meanwhile, either the old or the new file is there in full. Keeps
    /// the owner and mode of the old file.
    /// - Parameter mode: used if the file did not exist.
    public static func replace(path: String, mode: mode_t, text: String) throws(SecretFileError) {
        var template = Array("\(path).XXXXXX".utf8CString)
        // Created with mode 0600, so that nobody can read it while it is being written.
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw SecretFileError(
                path: path, reason: "its folder cannot be written to: \(String(cString: strerror(errno)))",
                nextStep: "check the path")
        }
        let bytes = Array(text.utf8)
        var written = 0
        var failed = false
        while written < bytes.count, !failed {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { failed = true }
        }
        var old = stat()
        let replaces = stat(path, &old) == 0
        if replaces, old.st_uid != geteuid() || old.st_gid != getegid() {
            failed = failed || fchown(descriptor, old.st_uid, old.st_gid) != 0
        }
        failed = failed || fchmod(descriptor, replaces ? old.st_mode & 0o777 : mode) != 0 || fsync(descriptor) != 0
        close(descriptor)
        let isInPlace = !failed && rename(template, path) == 0
        if !isInPlace {
            let reason = String(cString: strerror(errno))
            unlink(template)
            throw SecretFileError(path: path, reason: "it cannot be written: \(reason)", nextStep: "check the disk")
        }
    }
}
