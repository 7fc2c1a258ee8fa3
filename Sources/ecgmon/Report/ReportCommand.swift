import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ECGMonitor
import ECGReplay
import FoundationEssentials
import MonitorDaemon
import NeuralNetwork
import ToolSupport
import WFDB

/// A record as a Holter report, or what a journal knows of a stream.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write the report of a record, or of a stream out of a journal, as one HTML or PDF file.",
        discussion: """
            Runs the monitor over the whole record, as the daemon would, and writes a page that needs nothing else and \
            prints: summary, heart rate, Poincare plot, ectopy by hour, atrial fibrillation, signal quality, \
            suspicions, and the strip of each alarm, the gravest first.

            With --journal it tells what the daemon's journal knows of a stream, and what it does not: heart rate and \
            RR intervals by minute, beats by hour, atrial fibrillation, suspicions, and the alarms with the strips that \
            are kept. Times are UTC, such as 2026-03-31T14:00:00, or a time ago: 15m, 12h, 2d.

            Examples:
              ecgmon report data/100 -o 100.html
              ecgmon report data/100 -o 100.pdf      (needs Chromium)
              ecgmon report --journal /var/lib/ecgmon/journal.sqlite --stream bed-1 -o bed-1.html
            """)

    @Argument(help: "Path of a WFDB record without extension.")
    var record: String?

    @Option(help: ArgumentHelp("Report a stream out of this journal.", valueName: "file"))
    var journal: String?

    @Option(help: ArgumentHelp("The stream, with --journal.", valueName: "name"))
    var stream: String?

    @Option(help: ArgumentHelp("With --journal: from this time on (default: a day before --until).", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("With --journal: until this time (default: the last event).", valueName: "time"))
    var until: String?

    @Option(name: [.short, .customLong("output")], help: "The file to write: PDF if its name ends in .pdf, HTML otherwise.")
    var output: String

    @Option(help: "Lead, by name or number from 0 (default: the first signal that is an ECG by its name and unit).")
    var lead: String?

    @Option(help: ArgumentHelp("Most events that are shown with a strip.", valueName: "n"))
    var strips = 40

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Flag(help: "Refuse, rather than warn about, files whose length, checksum or first value differs from the header.")
    var strict = false

    func validate() throws {
        guard (0...1000).contains(strips) else { throw ValidationError("--strips must be 0 to 1000, not \(strips)") }
        guard (record == nil) != (journal == nil) else {
            throw ValidationError("Name a record, or a journal with --journal and a stream with --stream")
        }
        guard journal != nil || (stream == nil && from == nil && until == nil) else {
            throw ValidationError("--stream, --from and --until go with --journal")
        }
        guard journal == nil || (lead == nil && model == nil && !strict) else {
            throw ValidationError("--lead, --model and --strict go with a record, not with --journal")
        }
        for time in [from, until] {
            if let time, HistoryTime.nanoseconds(time, now: wallClockNanoseconds()) == nil {
                throw ValidationError("\(printable(time)) is not a time such as 2026-03-31T14:00:00 or 12h")
            }
        }
    }

    func run() throws {
        // A missing browser or folder is told before the work.
        try WriteProblem.checkFolder(of: output)
        let printer = output.lowercased().hasSuffix(".pdf") ? try PDFPrinter() : nil
        if let journal {
            try report(journal, printer)
        } else if let record {
            try report(record: record, printer)
        }
    }

    private func report(record: String, _ printer: PDFPrinter?) throws {
        BLAS.useOneThread()
        let loaded = try LoadedModel.chosen(model)
        let path = RecordPath(record)
        var events: [MonitorEvent] = []
        let annotated: AnnotatedRecord
        do {
            let source = try RecordSource(path.name, in: path.directory, strict: strict).withTrueBaseline()
            let signals = try RecordLead.indices(lead, in: source.header, path: record)
            annotated = try ProgressLine.following(path.name) { advance in
                try AnnotatedRecord(
                    source, signals: signals, name: path.name, classifier: loaded.classifier, progress: advance,
                    events: { event, _ in events.append(event) })
            }
        } catch let error as WFDBError {
            throw ToolError(
                "record \(path.name) cannot be read: \(error)",
                nextStep: RecordAdvice.nextStep(error, in: path.directory, strict: strict))
        }
        RecordWarnings.report(annotated.warnings)
        let material = try ReplayMaterial(recordPath: record, lead: lead, strict: strict)
        let summary = HolterSummary(
            events: events, samplingRate: material.samplingRate, samples: material.counts.count)
        let (shown, others) = Self.chosen(summary.episodes, most: strips)
        let millivolts = material.millivolts
        let page = HolterPage(
            title: path.name, lead: material.lead,
            model: "\(loaded.classifier.name), SHA-256 \(loaded.classifier.sha256.prefix(12))", summary: summary,
            strips: shown.map { ($0, Self.strip(of: $0, millivolts, material.samplingRate, summary)) },
            withoutStrip: others)
        try write(page.html, printer)
        print(
            "\(printable(output)): \(ClockTime(seconds: summary.duration)), \(summary.whole.beats) beats, "
                + "\(summary.episodes.count) alarms, \(shown.count) strips")
    }

    func write(_ html: String, _ printer: PDFPrinter?) throws {
        do {
            if let printer {
                try printer.print(html, to: output)
            } else {
                try Data(html.utf8).write(to: URL(filePath: output), options: .atomic)
            }
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError("\(printable(output)) cannot be written: \(WriteProblem.words(error))", nextStep: "Name another file with -o")
        }
    }

    /// The gravest, in the order of time.
    static func chosen(
        _ episodes: [HolterSummary.Episode], most: Int
    ) -> (shown: [HolterSummary.Episode], others: Int) {
        let gravest = episodes.enumerated().sorted {
            ($0.element.priority.rawValue, -$0.offset) > ($1.element.priority.rawValue, -$1.offset)
        }.prefix(most).map(\.element)
        return (gravest.sorted { $0.start < $1.start }, episodes.count - gravest.count)
    }

    /// Three seconds before its beginning and seven after.
    private static func strip(
        of episode: HolterSummary.Episode, _ millivolts: [Float], _ rate: Double, _ summary: HolterSummary
    ) -> String {
        let first = min(max(0, Int(((episode.start - 3) * rate).rounded())), max(0, millivolts.count - 1))
        let last = min(millivolts.count, first + Int(10 * rate))
        return HolterDrawing.strip(
            Array(millivolts[first..<last]), samplingRate: rate, start: Double(first) / rate, beats: summary.beats,
            mark: episode.start)
    }
}
