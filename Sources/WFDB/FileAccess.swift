#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads and writes whole files without trusting what is at a path.
enum FileAccess {
    /// Joins a folder and a file name.
    static func path(_ directory: String, _ name: String) -> String {
        if directory.isEmpty { return name }
        return directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    /// True for a name that stays in its folder and is one word in a header line.
    static func isPlainName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 255, name != ".", name != "..", !name.hasPrefix("-") else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                true
            default: false
            }
        }
    }

    /// True for the name of a file or record that cannot lead out of its folder.
    static func staysInFolder(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 255, name != ".", name != "..", !name.hasPrefix("-") else {
            return false
        }
        return name.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 >= 0x20 && $0 != 0x7F }
    }

    /// All bytes of a regular file of at most `limit` bytes.
    static func read(_ path: String, limit: Int) throws(WFDBError) -> [UInt8] {
        let file = try RegularFile(path)
        guard file.size <= limit else {
            throw WFDBError(
                .tooLarge, file: path, byteOffset: limit,
                detail: "the file is longer than the \(limit) bytes allowed here")
        }
        var bytes = [UInt8](repeating: 0, count: file.size)
        let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(WFDBError) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Writes a file so that at every moment the path holds either the old contents or all of the new bytes:
    /// into a temporary file next to it, which is flushed to disk and then renamed.
    static func writeAtomically(_ bytes: [UInt8], to path: String) throws(WFDBError) {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw WFDBError(.cannotWrite, file: path, detail: systemText(errno))
        }
        var failure: Int32 = 0
        var written = 0
        bytes.withUnsafeBytes { buffer in
            while written < buffer.count, let base = buffer.baseAddress {
                #if canImport(Darwin)
                    let put = Darwin.write(descriptor, base + written, buffer.count - written)
                #elseif canImport(Musl)
                    let put = Musl.write(descriptor, base + written, buffer.count - written)
                #else
                    let put = Glibc.write(descriptor, base + written, buffer.count - written)
                #endif
                if put < 0 {
                    if errno == EINTR { continue }
                    failure = errno
                    return
                }
                written += put
            }
        }
        if failure == 0, fsync(descriptor) != 0 { failure = errno }
        if close(descriptor) != 0, failure == 0 { failure = errno }
        if failure == 0, rename(temporary, path) != 0 { failure = errno }
        guard failure == 0 else {
            unlink(temporary)
            throw WFDBError(.cannotWrite, file: path, byteOffset: written, detail: systemText(failure))
        }
    }

    static func systemText(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "system error \(code)" }
        return String(cString: text)
    }
}

/// A regular file, open for reading at any offset.
final class RegularFile {
    let path: String
    /// Its size in bytes when it was opened.
    let size: Int
    private let descriptor: Int32

    /// - Throws: ``WFDBError`` with code `cannotRead` if it is absent, not a regular file, or access is refused.
    init(_ path: String) throws(WFDBError) {
        // A pipe put where a record should be must not block the reader for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw WFDBError(.cannotRead, file: path, detail: FileAccess.systemText(errno))
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = errno
            close(descriptor)
            throw WFDBError(.cannotRead, file: path, detail: FileAccess.systemText(error))
        }
        guard status.st_mode & S_IFMT == S_IFREG, let size = Int(exactly: status.st_size) else {
            close(descriptor)
            throw WFDBError(.cannotRead, file: path, detail: "not a regular file")
        }
        self.path = path
        self.size = size
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Fills the buffer from an offset in the file.
    /// - Returns: the number of bytes read, smaller than the buffer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(WFDBError) -> Int {
        var filled = 0
        while filled < buffer.count, let base = buffer.baseAddress {
            let got = pread(descriptor, base + filled, buffer.count - filled, off_t(offset + filled))
            if got < 0 {
                if errno == EINTR { continue }
                throw WFDBError(
                    .cannotRead, file: path, byteOffset: offset + filled, detail: FileAccess.systemText(errno))
            }
            if got == 0 { break }
            filled += got
        }
        return filled
    }
}
