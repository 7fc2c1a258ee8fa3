import ArgumentParser
import ECGATKGAN
import ECGClassification
import ECGEvaluation
import ECGMonitor
import ECGReplay
import FoundationEssentials
import NeuralNetwork
import ToolSupport

/// A stretch of a record as a drawing: the ECG, the reference, and what the monitor said.
struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw a stretch of a record as SVG: the ECG, the reference, and what the monitor said.",
        discussion: """
            Millimetre paper at 25 mm/s. Above the ECG the reference: rhythms, beats with the annotation's own symbol, \
            the alarm of the bedside monitor (challenge2015) or the class of the record (challenge2017). Below it the \
            monitor: beats with their classes, and alarms as bars in the colour of their priority, pale from where the \
            condition began, full from the moment at which the alarm was raised until it was cleared. The monitor runs \
            from the record's start, as in the daemon. The same input always gives the same file.

            Example:
              ecgmon plot 611 --database vfdb --from 19:53 --to 20:03 -o vt.svg
            """)

    @Argument(help: "Record: a path such as data/100, or a name to look up in --database.")
    var record: String

    @Option(help: ArgumentHelp("Where the plot begins: seconds, m:ss or h:mm:ss.", valueName: "time"))
    var from = ClockTime(seconds: 0)

    @Option(help: ArgumentHelp("Where it ends (default: 10 s after the beginning).", valueName: "time"))
    var to: ClockTime?

    @Option(name: [.short, .customLong("output")], help: "The SVG file to write.")
    var output: String

    @Option(
        help: ArgumentHelp(
            "Folder of the record, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: "Lead, by name or number from 0 (default: the first signal that is an ECG by its name and unit).")
    var lead: String?

    @Option(help: ArgumentHelp("Height of 1 mV: 2.5 to 40.", valueName: "mm"))
    var gain = 10.0

    @Option(help: ArgumentHelp("A line below the plot, such as the source of the record.", valueName: "text"))
    var caption = ""

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    func validate() throws {
        guard gain.isFinite, (2.5...40).contains(gain) else {
            throw ValidationError("--gain must be 2.5 to 40 mm for 1 mV, not \(gain)")
        }
        guard (to ?? ClockTime(seconds: from.seconds + 10)) > from else {
            throw ValidationError("--to must be after --from")
        }
    }

    func run() throws {
        BLAS.useOneThread()
        let (folder, name) = try place()
        let loaded = try LoadedModel.chosen(model)
        let strip = try ECGStrip(
            name, in: folder, from: from.seconds, to: to?.seconds ?? from.seconds + 10, classifier: loaded.classifier)
        let drawing = ECGStripDrawing(
            strip, gain: gain,
            subtitle: "model \(loaded.classifier.name), SHA-256 \(loaded.classifier.sha256.prefix(12))",
            caption: caption)
        do {
            try Data(drawing.svg.utf8).write(to: URL(filePath: output), options: .atomic)
        } catch {
            throw ToolError("\(output) cannot be written: \(WriteProblem.words(error))", nextStep: "Name another file with -o")
        }
        let alarms = strip.alerts.map(\.kind.name)
        print(
            "\(output): \(strip.beats.count) beats; "
                + (alarms.isEmpty ? "no alarm" : alarms.joined(separator: ", ")))
    }

    /// The record's folder and its name there.
    private func place() throws(ToolError) -> (folder: RecordDatabase, name: String) {
        let path = RecordPath(record)
        let directory = path.directory.isEmpty ? "." : path.directory
        if FileManager.default.fileExists(atPath: "\(directory)/\(path.name).hea") {
            return (try RecordDatabase(directory, lead: lead), path.name)
        }
        return (try RecordDatabase(database, lead: lead), record)
    }
}
