import Foundation
import FoundationNetworking
import NeuralNetwork
import Synchronization
import ToolSupport

/// Fetches files over HTTP, goes on where an earlier attempt stopped, and keeps only what has the right SHA-256.
struct Downloader: Sendable {
    /// Larger than any file of the databases in use.
    static let maximumFileSize = 512 << 20
    /// Attempts for one file before giving up; each goes on where the one before stopped.
    static let attempts = 4

    private let transfers = TransferTable()
    private let session: URLSession

    init() {
        session = URLSession(configuration: .ephemeral, delegate: transfers, delegateQueue: nil)
    }

    /// Closes the connections; nothing can be fetched afterwards.
    func end() { session.finishTasksAndInvalidate() }

    /// A small file in memory.
    func bytes(of url: String, limit: Int) async throws(ToolError) -> [UInt8] {
        let sink = Mutex<[UInt8]>([])
        try await withAttempts(url) { () throws(TransferFailure) in
            sink.withLock { $0.removeAll() }
            _ = try await transfer(url, from: 0) { chunk, isFromStart throws(TransferFailure) in
                let size = sink.withLock { bytes in
                    if isFromStart { bytes.removeAll() }
                    bytes += chunk
                    return bytes.count
                }
                guard size <= limit else { throw TransferFailure("it is longer than \(limit) bytes", mayPass: false) }
            }
        }
        return sink.withLock { $0 }
    }

    /// Brings a file, unless it is there already.
    /// - Returns: the bytes that came over the network, nil if the file was there with the right checksum.
    func fetch(_ url: String, sha256: String, to path: String) async throws(ToolError) -> Int? {
        if Self.sha256(ofFile: path) == sha256 { return nil }
        let part = path + ".part"
        let fetched = Mutex(0)
        // A part left by an earlier run may be of another file: then once more, from the start.
        for isLastTry in [!FileManager.default.fileExists(atPath: part), true] {
            try await withAttempts(url) { () throws(TransferFailure) in
                let file = try PartFile(part)
                defer { file.close() }
                let length = file.length
                let status = try await transfer(url, from: length) { chunk, isFromStart throws(TransferFailure) in
                    if isFromStart { try file.truncate() }
                    try file.append(chunk)
                    fetched.withLock { $0 += chunk.count }
                }
                // The server has no more than is here already.
                if status == 416, Self.sha256(ofFile: part) != sha256 { try file.truncate() }
            }
            let found = Self.sha256(ofFile: part)
            if found == sha256 {
                guard rename(part, path) == 0 else {
                    throw ToolError(
                        "\(path) cannot be written: \(String(cString: strerror(errno)))",
                        nextStep: "Free some space and run the command again")
                }
                return fetched.withLock { $0 }
            }
            try? FileManager.default.removeItem(atPath: part)
            if isLastTry {
                throw ToolError(
                    "\(url) has SHA-256 \(found ?? "unknown"), but the list says \(sha256)",
                    nextStep: "Run the command again; if this persists, the server's file is not the published one")
            }
        }
        return nil
    }

    /// SHA-256 of a file in hexadecimal, nil if it cannot be read.
    static func sha256(ofFile path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path), data.count <= maximumFileSize else { return nil }
        return SHA256.hexadecimalDigest(of: Array(data))
    }

    // MARK: One transfer

    /// Why a transfer stopped, and whether it is worth another attempt.
    struct TransferFailure: Error {
        var reason: String
        var mayPass: Bool

        init(_ reason: String, mayPass: Bool) {
            self.reason = reason
            self.mayPass = mayPass
        }
    }

    private func withAttempts(
        _ url: String, _ body: () async throws(TransferFailure) -> Void
    ) async throws(ToolError) {
        var last = TransferFailure("no attempt was made", mayPass: false)
        for attempt in 1...Self.attempts {
            do {
                return try await body()
            } catch {
                last = error
                guard error.mayPass, attempt < Self.attempts else { break }
                try? await Task.sleep(for: .milliseconds(200 << attempt))
            }
        }
        throw ToolError(
            "\(url): \(last.reason)",
            nextStep: last.mayPass
                ? "Check the network and run the command again: it resumes where it stopped"
                : "Check --base-url and the free disk space")
    }

    /// Requests a file from a byte on and hands over what comes.
    /// - Parameter receive: a chunk, and whether it is the first of a whole file (the server did not go on where
    ///   asked).
    /// - Returns: the HTTP status: 200, 206 or 416.
    private func transfer(
        _ text: String, from offset: Int, _ receive: @escaping @Sendable (Data, Bool) throws(TransferFailure) -> Void
    ) async throws(TransferFailure) -> Int {
        guard let url = URL(string: text) else { throw TransferFailure("not a URL", mayPass: false) }
        // A cached answer would be the file that was found to be damaged, or one of another server on the same port.
        var request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: 60)
        if offset > 0 { request.setValue("bytes=\(offset)-", forHTTPHeaderField: "Range") }
        // Compression would make byte offsets meaningless.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        let task = session.dataTask(with: request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfers.add(
                    Transfer(
                        offset: offset, limit: Self.maximumFileSize, receive: receive, continuation: continuation),
                    for: task)
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
        return try result.get()
    }
}

/// The file that a download grows in.
private final class PartFile: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws(Downloader.TransferFailure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure() }
    }

    var length: Int { Int(max(0, lseek(descriptor, 0, SEEK_END))) }

    func truncate() throws(Downloader.TransferFailure) {
        guard ftruncate(descriptor, 0) == 0 else { throw Self.failure() }
    }

    func append(_ data: Data) throws(Downloader.TransferFailure) {
        var written = 0
        while written < data.count {
            let put = data.withUnsafeBytes { bytes in
                write(descriptor, bytes.baseAddress.map { $0 + written }, data.count - written)
            }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw Self.failure() }
            written += put
        }
    }

    func close() { _ = Foundation.close(descriptor) }

    private static func failure() -> Downloader.TransferFailure {
        Downloader.TransferFailure("the file cannot be written: \(String(cString: strerror(errno)))", mayPass: false)
    }
}

/// The transfers of a session by their tasks: Foundation on Linux calls the session's delegate only.
private final class TransferTable: NSObject, URLSessionDataDelegate, Sendable {
    private let transfers = Mutex<[Int: Transfer]>([:])

    func add(_ transfer: Transfer, for task: URLSessionTask) {
        transfers.withLock { $0[task.taskIdentifier] = transfer }
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let transfer = transfers.withLock { $0[dataTask.taskIdentifier] }
        completionHandler(transfer?.accepts(response) == true ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let transfer = transfers.withLock { $0[dataTask.taskIdentifier] }
        if transfer?.take(data) != true { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        transfers.withLock { $0.removeValue(forKey: task.taskIdentifier) }?.end(error)
    }
}

/// One request's way from the answer's head to its end; the calls come one after another.
private final class Transfer: Sendable {
    private struct State {
        var status = 0
        var failure: Downloader.TransferFailure?
        var isFromStart = false
        var received = 0
        var expected: Int?
    }

    private let state = Mutex(State())
    private let offset: Int
    private let limit: Int
    private let receive: @Sendable (Data, Bool) throws(Downloader.TransferFailure) -> Void
    private let continuation: CheckedContinuation<Result<Int, Downloader.TransferFailure>, Never>

    init(
        offset: Int, limit: Int, receive: @escaping @Sendable (Data, Bool) throws(Downloader.TransferFailure) -> Void,
        continuation: CheckedContinuation<Result<Int, Downloader.TransferFailure>, Never>
    ) {
        self.offset = offset
        self.limit = limit
        self.receive = receive
        self.continuation = continuation
    }

    /// Whether the body is wanted.
    func accepts(_ response: URLResponse) -> Bool {
        let http = response as? HTTPURLResponse
        let status = http?.statusCode ?? 0
        let goesOn = status == 206 && Self.start(of: http?.value(forHTTPHeaderField: "Content-Range")) == offset
        let length = response.expectedContentLength
        state.withLock { state in
            state.status = status
            state.isFromStart = status == 200
            state.expected = length >= 0 ? Int(length) : nil
            guard status != 200, status != 416, !goesOn else { return }
            state.failure = .init(
                status == 206 ? "the server sent other bytes than requested" : "the server answered \(status)",
                mayPass: status == 429 || status >= 500)
        }
        return status == 200 || goesOn
    }

    /// - Returns: false where the transfer must stop.
    func take(_ data: Data) -> Bool {
        let (isFirst, size) = state.withLock { state in
            let isFirst = state.isFromStart
            state.isFromStart = false
            state.received += data.count
            return (isFirst, state.received + (state.status == 206 ? offset : 0))
        }
        do throws(Downloader.TransferFailure) {
            guard size <= limit else { throw .init("it is longer than \(limit) bytes", mayPass: false) }
            try receive(data, isFirst)
            return true
        } catch {
            state.withLock { $0.failure = error }
            return false
        }
    }

    func end(_ error: (any Error)?) {
        let result: Result<Int, Downloader.TransferFailure> = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            if state.status == 416 { return .success(416) }
            if let error { return .failure(.init(error.localizedDescription, mayPass: true)) }
            if let expected = state.expected, state.received < expected {
                return .failure(
                    .init("the connection ended after \(state.received) of \(expected) bytes", mayPass: true))
            }
            return .success(state.status)
        }
        continuation.resume(returning: result)
    }

    /// 500 of "bytes 500-999/1000".
    private static func start(of range: String?) -> Int? {
        guard let range, range.hasPrefix("bytes ") else { return nil }
        return Int(range.dropFirst(6).prefix { $0 != "-" })
    }
}
