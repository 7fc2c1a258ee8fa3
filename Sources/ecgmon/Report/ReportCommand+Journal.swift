import MonitorDaemon
import ToolSupport

extension ReportCommand {
    /// Writes what a journal knows of a stream.
    func report(_ journal: String, _ printer: PDFPrinter?) throws {
        let now = wallClockNanoseconds()
        let past: StreamPast
        do throws(StreamPast.Failure) {
            guard let stream else { throw .unknownStream(known: try StreamPast.streams(inJournal: journal)) }
            past = try StreamPast(
                journal: journal, stream: stream, from: from.flatMap { HistoryTime.nanoseconds($0, now: now) },
                until: until.flatMap { HistoryTime.nanoseconds($0, now: now) })
        } catch {
            throw Self.problem(error, journal: journal, stream: stream)
        }
        let summary = StreamSummary(past)
        try write(StreamPage(summary: summary, strips: strips).html, printer)
        print(
            "\(printable(output)): \(summary.monitoredMinutes) minutes, \(summary.beatCount) beats, "
                + "\(past.alarms.count) alarms, \(past.alarms.count { $0.strip != nil }) strips")
    }

    private static func problem(_ failure: StreamPast.Failure, journal: String, stream: String?) -> ToolError {
        let name = printable(journal)
        return switch failure {
        case .noFile:
            ToolError(
                "there is no journal \(name)",
                nextStep: "Name the file of journal.path; under systemd /var/lib/ecgmon/journal.sqlite")
        case .unreadable(let reason):
            ToolError(
                "the journal \(name) cannot be read: \(reason)",
                nextStep: "Run this as the daemon's user or in its group, on the daemon's machine")
        case .notAJournal:
            ToolError("\(name) is not a daemon's journal", nextStep: "Name the file of journal.path")
        case .unknownStream(let known):
            ToolError(
                stream.map { "the journal \(name) has no stream \(printable($0))" } ?? "--stream is missing",
                nextStep: known.isEmpty
                    ? "The journal has no stream yet"
                    : "It has " + known.prefix(20).map(printable).joined(separator: ", ")
                        + (known.count > 20 ? " and \(known.count - 20) more" : ""))
        }
    }
}
