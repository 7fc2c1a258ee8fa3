import Glibc
public import ZeroMQ

/// The file that holds one CURVE key pair: TOML with `public` and `secret`, readable by its owner only.
public enum KeyFile {
    /// Reads a key pair.
    /// - Throws: `SecretFileError` for a file that others can read, or that is not a valid key file.
    public static func read(path: String) throws(SecretFileError) -> CurveKeyPair {
        let text = try ProtectedFile.read(path: path, .secret)
        guard let secret = value(of: "secret", in: text), let pair = CurveKeyPair(secretZ85: secret) else {
            throw SecretFileError(
                path: path, reason: "it holds no secret key", nextStep: "make one with `ecgmon keys generate FILE`")
        }
        if let claimed = value(of: "public", in: text), claimed != pair.publicKey.z85 {
            throw SecretFileError(
                path: path, reason: "its two halves do not belong together",
                nextStep: "make a new one with `ecgmon keys generate FILE`")
        }
        return pair
    }

    /// Reads the public half from a key file, or from a file with only the public half, which anyone may read.
    public static func readPublic(path: String) throws(SecretFileError) -> CurvePublicKey {
        let text = try ProtectedFile.read(path: path, .unprotected)
        if let word = value(of: "public", in: text), let key = CurvePublicKey(z85: word) { return key }
        throw SecretFileError(
            path: path, reason: "it holds no public key",
            nextStep: "give the .pub file that `ecgmon keys generate` made")
    }

    /// Accepts a public key either as text or as the path of a file that contains it.
    public static func publicKey(_ word: String) throws(SecretFileError) -> CurvePublicKey {
        if let key = CurvePublicKey(z85: word) { return key }
        return try readPublic(path: word)
    }

    /// Writes a key pair readable by its owner only, and its public half next to it as `PATH.pub`.
    /// - Throws: if a file of either name already exists, so that a key in use is never overwritten by mistake.
    public static func write(_ pair: CurveKeyPair, path: String) throws(SecretFileError) {
        for path in [path, path + ".pub"] where access(path, F_OK) == 0 {
            throw SecretFileError(
                path: path, reason: "it is there already", nextStep: "choose another name, or remove it")
        }
        let publicLine = "public = \"\(pair.publicKey.z85)\"\n"
        try ProtectedFile.replace(
            path: path, mode: 0o600,
            text: "# CURVE key pair. Keep it secret: who has it is taken for its owner.\n" + publicLine
                + "secret = \"\(pair.secretZ85)\"\n")
        try ProtectedFile.replace(path: path + ".pub", mode: 0o644, text: publicLine)
    }

    /// `name = "value"` on its own line. Z85 contains neither quotes nor backslashes.
    private static func value(of name: String, in text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]) == name else { continue }
            let word = trimmed(parts[1])
            guard word.count >= 2, word.hasPrefix("\""), word.hasSuffix("\"") else { return nil }
            return String(word.dropFirst().dropLast())
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let front = text.drop { $0 == " " || $0 == "\t" }
        guard let last = front.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return front }
        return front[...last]
    }
}

/// Why a file with keys, permissions or a token is rejected.
public struct SecretFileError: Error, Equatable, Sendable, CustomStringConvertible {
    public var path: String
    public var reason: String
    public var nextStep: String
    /// 0: the file as a whole.
    public var line = 0

    public init(path: String, reason: String, nextStep: String, line: Int = 0) {
        self.path = path
        self.reason = reason
        self.nextStep = nextStep
        self.line = line
    }

    public var description: String {
        line > 0 ? "\(path):\(line): \(reason); \(nextStep)" : "cannot use \(path): \(reason); \(nextStep)"
    }
}
