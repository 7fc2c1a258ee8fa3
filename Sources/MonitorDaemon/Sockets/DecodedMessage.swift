import ECGWire
import SwiftProtobuf

extension SwiftProtobuf.Message {
    /// Decodes what anybody may have sent.
    /// - Returns: nil if it is not this message. Fields of later versions are ignored.
    static func decoded(_ body: UnsafeRawBufferPointer, _ encoding: BodyEncoding) -> Self? {
        switch encoding {
        case .binary: return try? Self(serializedBytes: body.bytes)
        case .json:
            var options = JSONDecodingOptions()
            options.ignoreUnknownFields = true
            return try? Self(jsonUTF8Bytes: Array(body), options: options)
        }
    }
}
