import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ECGMonitor
import ECGReplay
import FoundationEssentials
import NeuralNetwork
import ToolSupport
import WFDB

/// A record as a Holter report.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a record's Holter report as one HTML or PDF file.",
        discussion: """
            Runs the monitor over the whole record, as the daemon would, and writes a page that needs nothing else and \
            prints: summary, heart rate, Poincare plot, ectopy by hour, atrial fibrillation, signal quality, \
            suspicions, and the strip of each alarm, the gravest first.

            Example:
              ecgmon report data/100 -o 100.html
              ecgmon report data/100 -o 100.pdf      (needs Chromium)
            """)

    @Argument(help: "Path of a WFDB record without extension.")
    var record: String

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
    }

    func run() throws {
        // A missing browser is told before the work.
        let printer = output.lowercased().hasSuffix(".pdf") ? try PDFPrinter() : nil
        BLAS.useOneThread()
        let loaded = try LoadedModel.chosen(model)
        let path = RecordPath(record)
        var events: [MonitorEvent] = []
        let annotated: AnnotatedRecord
        do {
            let source = try RecordSource(path.name, in: path.directory, strict: strict).withTrueBaseline()
            let signals = try RecordLead.indices(lead, in: source.header, path: record)
            annotated = try AnnotatedRecord(
                source, signals: signals, name: path.name, classifier: loaded.classifier,
                events: { event, _ in events.append(event) })
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
        do {
            if let printer {
                try printer.print(page.html, to: output)
            } else {
                try Data(page.html.utf8).write(to: URL(filePath: output), options: .atomic)
            }
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError("\(printable(output)) cannot be written: \(error)", nextStep: "Name another file with -o")
        }
        print(
            "\(printable(output)): \(ClockTime(seconds: summary.duration)), \(summary.whole.beats) beats, "
                + "\(summary.episodes.count) alarms, \(shown.count) strips")
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
