import ArgumentParser
import DaemonHarness
import ECGReplay
import ToolSupport
import ZeroMQ

/// `ecgmon replay`: a record or the simulator to an ingest socket.
struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send a record or simulated ECG to a daemon, paced like a bedside monitor.",
        discussion: """
            The ECG is a WFDB record (RECORD, a path without extension) or, with --simulate, simulated. Noise and an \
            attack are added before quantisation, so the daemon gets counts as from a real converter.

            Examples:
              ecgmon replay Fixtures/208s --speed 20
              ecgmon replay --simulate bigeminy --heart-rate 80 --duration 2:00
              ecgmon replay Fixtures/208s --noise-snr 6 --noise path/to/em
              ecgmon replay Fixtures/208s --attack pgd --epsilon 0.01 --from 2:00 --to 2:30
            """)

    @OptionGroup var source: ReplaySourceOptions
    @OptionGroup var attackOptions: ReplayAttackOptions

    @Option(name: .long, help: "The daemon's ingest endpoint.")
    var ingest = "tcp://127.0.0.1:5570"

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Send to this acknowledged endpoint instead, and wait until the daemon has everything in its journal. Of a "
                + "cluster, those of several gateways: another is used where one is gone.",
            valueName: "endpoint,..."))
    var acknowledged: String?

    @OptionGroup var keyOptions: KeyOptions

    @Option(name: .long, help: "The stream's name; with --streams, the first part of their names.")
    var stream = "replay"

    @Option(name: .long, help: ArgumentHelp("Number of streams that send the same ECG.", valueName: "n"))
    var streams = 1

    @Option(name: .long, help: "Multiple of real speed, or max: as fast as the daemon accepts it.")
    var speed = ReplaySpeed(factor: 1)

    @Flag(name: .long, help: "Restart at the end, until interrupted.")
    var loop = false

    @Option(
        name: .long, help: ArgumentHelp("Samples per block; default: a quarter of a second.", valueName: "samples"))
    var block: Int?

    @Flag(help: "How samples are sent.")
    var encoding = SampleEncoding.counts

    @Option(name: .long, help: "Session number of this run; default: the time.")
    var session: UInt64?

    @Option(name: .long, help: ArgumentHelp("How long to wait for the daemon.", valueName: "seconds"))
    var connectTimeout = 3.0

    @Flag(name: .shortAndLong, help: "No progress and no summary.")
    var quiet = false

    mutating func validate() throws {
        guard (1...100_000).contains(streams) else { throw ValidationError("--streams takes 1 to 100000") }
        if let block, !(1...120_000).contains(block) { throw ValidationError("--block takes 1 to 120000 samples") }
        guard connectTimeout > 0, connectTimeout <= 3600 else {
            throw ValidationError("--connect-timeout takes more than 0 and at most 3600 seconds")
        }
    }

    mutating func run() throws {
        Interruption.install()
        let keys = try keyOptions.load()
        let names = try StreamNames.make(base: stream, count: streams)
        var material = try source.load()
        if let report = try attackOptions.apply(to: &material), !quiet {
            Terminal.note(ReplayAttackOptions.describe(report, rate: material.samplingRate, in: material.name))
        }
        let engine = ReplayEngine(
            material: material, streams: names, session: session ?? UInt64(wallClockNanoseconds()),
            blockLength: block ?? max(1, Int((material.samplingRate / 4).rounded())), speed: speed.factor, loops: loop,
            encoding: encoding == .counts ? .counts : .millivolts,
            startNanoseconds: ReplayEngine.startTime(of: material, speed: speed.factor, loops: loop))
        let context = try ZeroMQContext.orToolError()
        var progress = ReplayProgress(
            rate: material.samplingRate, total: loop ? nil : material.counts.count, quiet: quiet)
        let show = { (position: Int64) -> Bool in
            progress.show(position)
            return true
        }
        let report: ReplayEngine.Report
        if let acknowledged {
            var sender = try AcknowledgedReplaySender(
                endpoint: acknowledged, context: context, keys: keys, connectTimeout: .seconds(connectTimeout),
                note: { Terminal.note($0) })
            report = try engine.run(into: &sender, progress: show)
        } else {
            var sender = try ReplaySender(
                endpoint: ingest, context: context, keys: keys, connectTimeout: .seconds(connectTimeout),
                hint: keyOptions.hint, note: { Terminal.note($0) })
            report = try engine.run(into: &sender, progress: show)
        }
        progress.clear()
        if !quiet { Terminal.note(summary(report, material: material)) }
        if !report.complete, Interruption.requested { throw ExitCode(Interruption.exitCode) }
    }

    private func summary(_ report: ReplayEngine.Report, material: ReplayMaterial) -> String {
        var text =
            "sent \(report.samples) samples in \(report.blocks) blocks of \(material.name) to \(acknowledged ?? ingest)"
        if streams > 1 { text += " as \(streams) streams" }
        if speed.factor.isFinite { text += ", at most \(fixed(Double(report.largestLateness) / 1e6, 1)) ms late" }
        if report.stalls > 0 { text += ", the daemon made it wait \(report.stalls) times" }
        return report.complete ? text : text + " (stopped before the end)"
    }
}

/// Which of the two fields of the wire carries the samples.
enum SampleEncoding: String, EnumerableFlag {
    case counts, millivolts

    static func help(for value: SampleEncoding) -> ArgumentHelp? {
        switch value {
        case .counts: "Converter counts with gain and baseline."
        case .millivolts: "Millivolts."
        }
    }
}

/// Times real speed; `max` for no pacing at all.
struct ReplaySpeed: ExpressibleByArgument, Equatable, CustomStringConvertible {
    let factor: Double

    init(factor: Double) {
        self.factor = factor
    }

    init?(argument: String) {
        if argument == "max" {
            factor = .infinity
        } else if let value = Double(argument), value >= 0.001, value <= 1_000_000 {
            factor = value
        } else {
            return nil
        }
    }

    var description: String {
        guard factor.isFinite else { return "max" }
        return factor == factor.rounded() ? "\(Int(factor))" : "\(factor)"
    }

    var defaultValueDescription: String { description }
}

/// The line under which a replay shows how far it is, on a terminal only.
struct ReplayProgress {
    private let rate: Double
    private let total: Int?
    private let shown: Bool
    private var nextAt: Int64 = 0
    private let start = monotonicNanoseconds()

    init(rate: Double, total: Int?, quiet: Bool) {
        self.rate = rate
        self.total = total
        shown = !quiet && Terminal.standardErrorIsTerminal
    }

    mutating func show(_ position: Int64) {
        guard shown, monotonicNanoseconds() >= nextAt else { return }
        nextAt = monotonicNanoseconds() + 200_000_000
        var text = "\(ClockTime(seconds: Double(position) / rate))"
        if let total, total > 0, position > 0 {
            let left = Double(monotonicNanoseconds() - start) / 1e9 * (Double(total) / Double(position) - 1)
            text += " of \(ClockTime(seconds: Double(total) / rate)), \(ProgressLine.duration(max(0, left))) left"
        }
        Terminal.overwrite(text)
    }

    func clear() {
        if shown { Terminal.overwrite("") }
    }
}
