internal import CSodium

/// SHA-256 (FIPS 180-4), using libsodium, a dependency of libzmq.
public enum SHA256 {
    /// The digest in lower-case hexadecimal, 64 characters.
    public static func hexadecimalDigest(of bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
        let digits = Array("0123456789abcdef")
        return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
