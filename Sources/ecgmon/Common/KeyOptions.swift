import ArgumentParser
import ECGSecurity
import ToolSupport
import ZeroMQ

/// The keys of an encrypted connection, for every command that connects to a daemon.
struct KeyOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("The daemon's public key: a file, or its 40 characters.", valueName: "file-or-key"))
    var serverKey: String?

    @Option(
        name: .long, help: ArgumentHelp("Your own key file, made with `ecgmon keys generate`.", valueName: "file"))
    var key: String?

    mutating func validate() throws {
        guard (serverKey == nil) == (key == nil) else {
            throw ValidationError(
                "--server-key and --key belong together: give both for an encrypted connection, or neither")
        }
    }

    /// The keys that the files hold; nil: the connection is not to be encrypted.
    func load() throws(ToolError) -> CurveClientKeys? {
        guard let serverKey, let key else { return nil }
        do throws(SecretFileError) {
            return CurveClientKeys(own: try KeyFile.read(path: key), server: try KeyFile.publicKey(serverKey))
        } catch {
            throw ToolError(error)
        }
    }

    /// What may be the matter when nobody answers.
    var hint: String {
        key == nil
            ? "; a daemon that requires keys needs --server-key and --key"
            : "; a wrong --server-key, or a key that the daemon does not accept, looks the same from here"
    }
}

extension ToolError {
    init(_ error: SecretFileError) {
        let place = error.line > 0 ? "\(error.path):\(error.line)" : error.path
        self.init(
            "\(printable(place)): \(printable(error.reason))",
            nextStep: error.nextStep.prefix(1).uppercased() + error.nextStep.dropFirst())
    }
}
