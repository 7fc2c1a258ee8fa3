import FoundationEssentials
import NeuralNetwork
public import ToolSupport

/// Results of long evaluations, one file each in a work folder, so that rerunning the same command resumes where it
/// stopped.
///
/// A result is found by a key that names everything it depends on: checksums of the weights and of the windows, the
/// attack with every parameter, and the seed. A change in any of them leads to a file of its own.
public struct ResultStore: Sendable {
    /// The folder's path.
    public let directory: String

    /// - Parameter given: the folder; nil: `ecgmon/evaluations` in the user's cache folder.
    /// - Throws: `ToolError` if the folder cannot be created.
    public init(_ given: String?) throws(ToolError) {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(environment["HOME"] ?? ".")/.cache"
        directory = given ?? "\(cache)/ecgmon/evaluations"
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw ToolError(
                "cannot create the work folder \(directory): \(Self.reason(error))",
                nextStep: "Choose another with --work")
        }
    }

    /// A file's content: the key is in plain text, for human readers and to detect name collisions.
    private struct Entry<Result: Codable>: Codable {
        var key: String
        var result: Result
    }

    private func path(_ key: String) -> String {
        "\(directory)/\(SHA256.hexadecimalDigest(of: Array(key.utf8)).prefix(32)).json"
    }

    /// The result stored under the key; nil if there is none or it cannot be read.
    public func load<Result: Codable>(_ key: String, as type: Result.Type = Result.self) -> Result? {
        guard let data = FileManager.default.contents(atPath: path(key)),
            let entry = try? JSONDecoder().decode(Entry<Result>.self, from: data), entry.key == key
        else { return nil }
        return entry.result
    }

    /// Stores a result atomically.
    public func save(_ result: some Codable, _ key: String) throws(ToolError) {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(Entry(key: key, result: result)).write(to: URL(filePath: path(key)), options: .atomic)
        } catch {
            throw ToolError(
                "cannot write a result to \(directory): \(Self.reason(error))",
                nextStep: "Free some space, or choose another folder with --work. Earlier results are untouched")
        }
    }

    /// Removes the result stored under the key, if there is one.
    public func remove(_ key: String) {
        try? FileManager.default.removeItem(atPath: path(key))
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        switch error.code {
        case .fileWriteOutOfSpace: return "the disk is full"
        case .fileWriteNoPermission: return "permission denied"
        default: return "\(error)"
        }
    }
}
