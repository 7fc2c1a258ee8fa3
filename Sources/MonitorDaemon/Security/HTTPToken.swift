import ECGSecurity

/// The secret that a request for a page must carry.
struct HTTPToken: Sendable, Equatable, CustomStringConvertible {
    private let bytes: [UInt8]

    /// 32 characters of hexadecimal digits are 128 bits.
    static let minimumLength = 32
    static let maximumLength = 512

    /// Reads the first line of a file that only its owner may read.
    init(path: String) throws(SecretFileError) {
        let text = try ProtectedFile.read(path: path, .secret)
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        guard let token = HTTPToken(String(line)) else {
            throw SecretFileError(
                path: path,
                reason: "its first line is not \(Self.minimumLength) to \(Self.maximumLength) printable characters",
                nextStep: "make one with: (umask 077; head -c 32 /dev/urandom | base64 > FILE)")
        }
        self = token
    }

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (Self.minimumLength...Self.maximumLength).contains(bytes.count),
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { return nil }
        // "aaaa…" was not drawn by chance.
        guard Set(bytes).count >= 8 else { return nil }
        self.bytes = bytes
    }

    /// Whether an `Authorization` header carries it (RFC 6750). The time it takes depends on the header's length alone.
    func isCarried(by header: String?) -> Bool {
        let prefix = "bearer "
        guard let header, header.utf8.count == prefix.utf8.count + bytes.count,
            header.prefix(prefix.count).lowercased() == prefix
        else { return false }
        var difference: UInt8 = 0
        for (given, wanted) in zip(header.utf8.dropFirst(prefix.utf8.count), bytes) { difference |= given ^ wanted }
        return difference == 0
    }

    /// Whether a text is this token. The time it takes depends on the text's length alone.
    func isEqual(to text: String) -> Bool {
        guard text.utf8.count == bytes.count else { return false }
        var difference: UInt8 = 0
        for (given, wanted) in zip(text.utf8, bytes) { difference |= given ^ wanted }
        return difference == 0
    }

    var description: String { "HTTP token" }
}
