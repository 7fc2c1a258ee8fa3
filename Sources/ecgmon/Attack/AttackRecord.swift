import ArgumentParser
import ECGATKGAN
import ECGEvaluation
import ECGReplay
import FoundationEssentials
import ToolSupport
import WFDB

/// `ecgmon attack record`: an attacked stretch, written back into the samples, as a WFDB record.
struct AttackRecord: ParsableCommand {
    /// Where the beats to attack are taken from.
    enum BeatSource: String, ExpressibleByArgument, CaseIterable {
        /// Found and classified by the monitor itself, as an attacker without annotations would.
        case detected
        /// The reference annotations (N, S, V and F).
        case annotated
    }

    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Attack an episode of a record beat by beat and write the result as a WFDB record.",
        discussion: """
            Each beat's window is attacked; the change is converted to millivolts, added to the signal and quantised \
            by the record's own converter. All signals, the header and the annotations (.atr) are copied; only the \
            attacked lead's samples differ.

            Example:
              ecgmon attack record mitdb/208 --from 1:00 --to 2:00 --method pgd --output attacked
            """)

    @Argument(help: "Path of a WFDB record without extension, or DATABASE/RECORD in the folder ECGMON_DATABASES.")
    var record: String

    @OptionGroup var options: AttackOptions

    @Option(help: ArgumentHelp("Start of the attacked episode (default: the record's start).", valueName: "time"))
    var from: ClockTime?

    @Option(help: ArgumentHelp("End of the attacked episode (default: the record's end).", valueName: "time"))
    var to: ClockTime?

    @Option(help: "Lead, by name or number from 0 (default: the first that is an ECG by its name and unit).")
    var lead: String?

    @Option(help: "Where the beats come from: detected or annotated.")
    var beats = BeatSource.detected

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Folder for the attacked record; it is created if needed.", valueName: "dir"))
    var output: String

    func run() throws {
        let path = Self.resolve(record)
        let (folder, name) = Self.split(path)
        var material = try ReplayMaterial(recordPath: path, lead: lead)
        let original: Record
        do {
            original = try Record.read(name, in: folder)
        } catch {
            throw ToolError(
                "record \(path) cannot be read: \(error)",
                nextStep: RecordAdvice.nextStep(error, in: folder, strict: false))
        }
        guard !FileManager.default.fileExists(atPath: "\(output)/\(name).hea") else {
            throw ToolError("\(output) already holds a record \(name)", nextStep: "Name another folder with -o")
        }
        let signal = try RecordLead.index(lead, in: original.header, path: path)
        let attack = try StreamAttack(modelPath: try InstalledFiles.model(options.model))
        let located: [AttackedEpisode.LocatedBeat]
        switch beats {
        case .detected: located = try attack.locateBeats(in: material)
        case .annotated: located = try Self.annotatedBeats(name, in: folder)
        }
        let report = try attack.apply(
            to: &material, range: try material.sampleRange(from: from, to: to), beats: located, attack: options.attack,
            seed: options.seed)
        try AnnotationOutput.makeFolder(output)
        var samples = original.samples
        samples[signal].replaceSubrange(0..<min(material.counts.count, samples[signal].count), with: material.counts)
        var header = original.header
        header.comments.append(
            "attacked: \(options.method.rawValue), epsilon \(options.epsilon), signal \(signal), samples "
                + "\(report.range.lowerBound) to \(report.range.upperBound)")
        do {
            try Record(header: header, samples: samples).write(to: output)
        } catch {
            throw ToolError(
                "the record cannot be written: \(WriteProblem.words(error))", nextStep: "Free some space, or name another folder with -o")
        }
        if FileManager.default.fileExists(atPath: "\(path).atr") {
            do {
                try AnnotationSet.read(name, annotator: "atr", in: folder).write(name, annotator: "atr", to: output)
            } catch {
                throw ToolError(
                    "the annotations cannot be copied: \(error)",
                    nextStep: "Free some space, or name another folder with -o")
            }
        }
        print(ReplayAttackOptions.describe(report, rate: material.samplingRate, in: path))
        print("\(report.changedSamples) samples changed; written to \(output)/\(name)")
    }

    /// The path as given if there is such a record, else in the folder of databases.
    static func resolve(_ record: String) -> String {
        var stem = record
        for ending in [".hea", ".dat", ".atr"] where stem.hasSuffix(ending) { stem.removeLast(ending.count) }
        let inRoot = "\(RecordDatabase.root)/\(stem)"
        let isThere = FileManager.default.fileExists(atPath: stem + ".hea")
        return !isThere && FileManager.default.fileExists(atPath: inRoot + ".hea") ? inRoot : stem
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    private static func annotatedBeats(_ name: String, in folder: String) throws(ToolError) -> [AttackedEpisode
        .LocatedBeat]
    {
        do {
            var set = try AnnotationSet.read(name, annotator: "atr", in: folder)
            set.sortByTime()
            var beats: [AttackedEpisode.LocatedBeat] = []
            for annotation in set.annotations {
                guard let beatClass = BeatClass(annotationSymbol: annotation.code.symbol),
                    let rPeak = Int(exactly: annotation.sampleIndex), rPeak > beats.last?.rPeak ?? -1
                else { continue }
                beats.append(AttackedEpisode.LocatedBeat(rPeak: rPeak, beatClass: beatClass))
            }
            return beats
        } catch {
            throw ToolError("the annotations of \(name) cannot be read: \(error)", nextStep: "Use --beats detected")
        }
    }
}
