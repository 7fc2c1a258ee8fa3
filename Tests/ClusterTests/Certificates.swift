import Foundation
import Glibc
import TestSupport
import Testing

/// Authorities and certificates for `localhost`, made by openssl.
enum Certificates {
    static var canBeMade: Bool { access("/usr/bin/openssl", X_OK) == 0 }

    /// Makes `ca.pem` and `other.pem`, authorities; `server.pem` with `server.key`, by the first; and `expired.pem` for
    /// the same key, which ended yesterday.
    static func make(in folder: TemporaryFolder) throws {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        for name in ["ca", "other"] {
            try openssl(folder, "req -x509 \(key) -keyout \(name).key -out \(name).pem -subj /CN=\(name) -days 2")
        }
        try openssl(folder, "req \(key) -keyout server.key -out server.csr -subj /CN=localhost")
        try folder.write("names", "subjectAltName=DNS:localhost\n")
        for (name, days) in [("server", 2), ("expired", -1)] {
            try openssl(
                folder,
                "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out \(name).pem -days \(days) "
                    + "-extfile names")
        }
    }

    private static func openssl(_ folder: TemporaryFolder, _ arguments: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(arguments)")
    }
}
