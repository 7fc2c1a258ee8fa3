import CZeroMQ
import Glibc

/// The public half of a CURVE key (Curve25519): safe to share, and identifies a peer.
public struct CurvePublicKey: Hashable, Sendable, CustomStringConvertible {
    /// The key in Z85 (ZeroMQ RFC 32): 40 printable characters.
    public let z85: String

    /// - Parameter z85: 40 characters of Z85.
    /// - Returns: nil if it is not a valid key.
    public init?(z85: String) {
        guard decodedZ85(z85) != nil else { return nil }
        self.z85 = z85
    }

    /// - Parameter bytes: 32 bytes.
    /// - Returns: nil for any other number of bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var text = [CChar](repeating: 0, count: 41)
        guard zmq_z85_encode(&text, Array(bytes), 32) != nil else { return nil }
        z85 = String(decoding: text.prefix(40).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    public var description: String { z85 }
}

/// A CURVE key pair. Its description contains only the public half, so that no log shows the secret.
public struct CurveKeyPair: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    public let publicKey: CurvePublicKey
    /// The secret half in Z85: only for the file that stores it.
    public let secretZ85: String

    /// - Parameter secretZ85: 40 characters of Z85; the public half is derived from them.
    /// - Returns: nil if it is not a valid key.
    public init?(secretZ85: String) {
        guard decodedZ85(secretZ85) != nil else { return nil }
        var text = [CChar](repeating: 0, count: 41)
        guard zmq_curve_public(&text, secretZ85) == 0,
            let key = CurvePublicKey(
                z85: String(decoding: text.prefix(40).map { UInt8(bitPattern: $0) }, as: UTF8.self))
        else { return nil }
        publicKey = key
        self.secretZ85 = secretZ85
    }

    /// Generates a new key from the system's random numbers.
    /// - Throws: `.notSupported` if libzmq was built without CURVE.
    public static func generate() throws(ZeroMQError) -> CurveKeyPair {
        var publicText = [CChar](repeating: 0, count: 41)
        var secretText = [CChar](repeating: 0, count: 41)
        defer { for index in secretText.indices { secretText[index] = 0 } }
        guard zmq_curve_keypair(&publicText, &secretText) == 0 else { throw ZeroMQError(lastOf: "make a CURVE key") }
        let secret = String(decoding: secretText.prefix(40).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let pair = CurveKeyPair(secretZ85: secret) else { throw ZeroMQError(lastOf: "make a CURVE key") }
        return pair
    }

    public var description: String { "CURVE key \(publicKey)" }
    public var debugDescription: String { description }
}

/// What a client needs to use CURVE: its own key pair and the server's public key.
public struct CurveClientKeys: Equatable, Sendable {
    public var own: CurveKeyPair
    public var server: CurvePublicKey

    public init(own: CurveKeyPair, server: CurvePublicKey) {
        self.own = own
        self.server = server
    }
}

extension ZeroMQSocket {
    /// Makes endpoints bound from now on use CURVE: only peers that know this key's public half and are admitted by the
    /// authenticator can connect. Without an authenticator in the context everyone is admitted.
    /// - Parameters:
    ///   - key: the server's key pair.
    ///   - domain: passed to the authenticator, 1 to 254 bytes.
    public func serveCurve(_ key: CurveKeyPair, domain: String) throws(ZeroMQError) {
        try set(.zapDomain(domain))
        try set(.curveServer(true))
        try set(.curveSecretKey(Array(key.secretZ85.utf8)))
    }

    /// Makes endpoints bound from now on unencrypted; the authenticator is still asked about each connection.
    public func servePlainly(domain: String) throws(ZeroMQError) {
        try set(.curveServer(false))
        try set(.zapDomain(domain))
    }

    /// Makes connections opened from now on use CURVE. nil changes nothing.
    public func useCurve(_ keys: CurveClientKeys?) throws(ZeroMQError) {
        guard let keys else { return }
        try set(.curveServerKey(Array(keys.server.z85.utf8)))
        try set(.curvePublicKey(Array(keys.own.publicKey.z85.utf8)))
        try set(.curveSecretKey(Array(keys.own.secretZ85.utf8)))
    }
}

/// libzmq's decoder looks characters up in a table without a bounds check: only Z85's own characters may reach it.
private func decodedZ85(_ text: String) -> [UInt8]? {
    let allowed = Set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)
    guard text.utf8.count == 40, text.utf8.allSatisfy(allowed.contains) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 32)
    guard zmq_z85_decode(&bytes, text) != nil else { return nil }
    return bytes
}
