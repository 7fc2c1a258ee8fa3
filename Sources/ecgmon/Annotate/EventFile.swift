import ECGMonitor
import FoundationEssentials
import Glibc
import ToolSupport

/// A file of events, a line of JSON each, that appears under its name only when it is whole.
final class EventFile {
    private let path: String
    private let temporary: String
    private let record: String
    private let encoder = JSONEncoder()
    private var file: UnsafeMutablePointer<FILE>?

    /// Begins `folder/record.events.jsonl`.
    init(record: String, in folder: String) throws(ToolError) {
        path = "\(folder)/\(record).events.jsonl"
        temporary = "\(path).\(getpid()).tmp"
        self.record = record
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        file = fopen(temporary, "we")
        guard file != nil else { throw Self.failure(path) }
    }

    deinit {
        guard let file else { return }
        fclose(file)
        unlink(temporary)
    }

    func write(_ event: MonitorEvent, samplingRate: Double) throws {
        guard let file else { return }
        var line = try encoder.encode(EventRecord(event, record: record, samplingRate: samplingRate))
        line.append(UInt8(ascii: "\n"))
        let written = line.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard written == line.count else { throw Self.failure(path) }
    }

    /// Puts the file in its place.
    func finish() throws(ToolError) {
        guard let open = file else { return }
        file = nil
        let isFlushed = fflush(open) == 0 && fsync(fileno(open)) == 0
        guard fclose(open) == 0, isFlushed, rename(temporary, path) == 0 else {
            let error = Self.failure(path)
            unlink(temporary)
            throw error
        }
    }

    private static func failure(_ path: String) -> ToolError {
        ToolError(
            "the events cannot be written to \(path): \(String(cString: strerror(errno)))",
            nextStep: "Free some space, or name another folder with -o")
    }
}
