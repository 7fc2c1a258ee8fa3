import ArgumentParser
import ECGATKGAN
import ECGEvaluation
import ECGMonitor
import NeuralNetwork
import ToolSupport

/// How soon attacks are noticed in the stream, and how often clean ECG is suspected.
struct EvaluateSuspicion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspicion",
        abstract:
            "Run attacked episodes through the whole monitor: the share noticed within ten beats, and false suspicions per day.",
        discussion: """
            In each record, episodes at fixed places are attacked beat by beat, white-box, and written back into the \
            samples with the record's own quantisation. The monitor sees them like any other ECG. An episode is \
            noticed if the suspicion is raised at one of its first ten attacked beats. Untouched records give the \
            false suspicions. The joint attack knows the suspicion score and the rule, and stays below it where it \
            can.

            With --sweep the rule is run over the recorded scores with many parameter settings, and the best ones for \
            the allowed number of false suspicions per day are printed.

            Example:
              ecgmon evaluate suspicion
            """)

    @Option(help: ArgumentHelp("Weights to use instead of the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Records at 360 Hz to attack: a folder, or the name of one in ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Only these records of it, separated by commas.", valueName: "names"))
    var records: String?

    @Option(
        help: ArgumentHelp(
            "Other folders of records, of which only the false suspicions are counted; “none”: no other.",
            valueName: "dirs"))
    var clean = "svdb,qtdb,vfdb,cudb,challenge2015,challenge2017,ludb,nstdb,cpsc2019"

    @Option(
        help: ArgumentHelp(
            "Attacks, separated by commas (default: all of them).", valueName: "names"))
    var method = WindowAttack.Method.allCases.map(\.rawValue).joined(separator: ",")

    @Option(help: "Radius of the attacks in units of the [0,1] window.")
    var epsilon: Float = 0.01

    @Option(help: "Attacked episodes per record.")
    var stretches = 4

    @Option(help: ArgumentHelp("Length of an episode.", valueName: "seconds"))
    var seconds = 30.0

    @Option(help: ArgumentHelp("Network passes that Square may use per window.", valueName: "n"))
    var squareQueries = 500

    @Option(
        help: ArgumentHelp(
            "Seconds over which an attack grows to its full size, as an attacker would do who knows that the usual is learned.",
            valueName: "seconds"))
    var ramp = 0.0

    @Flag(
        help:
            "Attacks move the QRS complex alone, as an attacker would do who knows that steady samples count the most.")
    var qrsOnly = false

    @Option(
        help: ArgumentHelp(
            "Records of each folder on which changes without an aim are tried: noise, fewer bits, filters, hum, half the rate.",
            valueName: "n"))
    var changed = 0

    @Flag(help: "Try many parameters of the rule.")
    var sweep = false

    @Option(help: "False suspicions per day that --sweep allows.")
    var falsePerDay = 1.0

    @OptionGroup(title: "The rule") var rule: SuspicionRuleOptions

    @Option(help: "Seed of the attacks' random starts.")
    var seed: UInt64 = 1

    @OptionGroup var resumable: ResumableOptions

    @OptionGroup var drawing: PlotOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...100).contains(stretches), seconds.isFinite, (5...600).contains(seconds) else {
            throw ValidationError("--stretches must be 1 to 100 and --seconds 5 to 600")
        }
        guard epsilon.isFinite, epsilon > 0, epsilon <= 1 else {
            throw ValidationError("--epsilon must be above 0 and at most 1")
        }
        guard squareQueries >= 1, falsePerDay >= 0, changed >= 0, (0...600).contains(ramp) else {
            throw ValidationError("a number is out of its range; see ecgmon evaluate suspicion --help")
        }
        do { try rule.parameters.validate() } catch { throw ValidationError("\(error)") }
    }

    /// The noise stress test database holds three records of noise without ECG.
    private static func isNoiseAlone(_ record: String, _ database: String) -> Bool {
        database.hasSuffix("nstdb") && ["bw", "em", "ma"].contains(record)
    }

    /// Gives the changes without an aim to so many of the sources, evenly spread.
    private static func change(_ sources: inout ArraySlice<SuspicionStreams.Source>, _ count: Int) {
        for number in 0..<min(count, sources.count) {
            sources[sources.startIndex + number * sources.count / count].changes = BenignChange.allCases
        }
    }

    func run() throws {
        BLAS.useOneThread()
        Interruption.install()
        let path = try InstalledFiles.model(model)
        let evaluated = try EvaluatedModel.load(path)
        let classifier = try LoadedModel(contentsOf: path).classifier
        var attacks: [WindowAttack] = []
        for name in method.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            var attack = try WindowAttack.named(String(name), epsilon: epsilon)
            if attack.method == .square { attack.iterations = squareQueries }
            // What the head is usually at most in clean ECG.
            if attack.method == .joint { attack.suspicionThreshold = 1 }
            attacks.append(attack)
        }
        let attacked = try RecordDatabase(database)
        var sources: [SuspicionStreams.Source] = []
        for record in try attacked.scoredRecords(records) {
            sources.append(.init(database: attacked, record: record, isAttacked: !attacks.isEmpty))
        }
        Self.change(&sources[...], changed)
        for name in clean.split(separator: ",").map(String.init) where name != "none" {
            do throws(ToolError) {
                let other = try RecordDatabase(name)
                let known = sources.count
                for record in try other.records() where !Self.isNoiseAlone(record, name) {
                    sources.append(.init(database: other, record: record, isAttacked: false))
                }
                Self.change(&sources[known...], changed)
            } catch {
                Terminal.note("without \(name): \(error)")
            }
        }
        let streams = SuspicionStreams(
            model: evaluated, classifier: classifier,
            settings: .init(
                attacks: attacks, segments: stretches, segmentSeconds: seconds, rule: rule.parameters, seed: seed,
                rampSeconds: ramp, qrsOnly: qrsOnly),
            store: try resumable.store(), runtime: resumable.runtime, restart: resumable.restart)
        let result = SuspicionResult(
            outcomes: try streams.record(sources), attacks: attacks, rule: rule.parameters, model: evaluated,
            seconds: seconds)
        let swept = sweep ? result.sweep(on: streams.runtime) : nil
        try ReportOutput.show(
            result.report(swept, falsePerDay: falsePerDay), json: json, plot: drawing.plot,
            text: result.text(swept, falsePerDay: falsePerDay))
    }
}

/// The suspicion rule's parameters on the command line; the defaults are the monitor's.
struct SuspicionRuleOptions: ParsableArguments {
    @Option(help: "What each beat must exceed, in usual spreads of the agreement.")
    var margin: Float = AttackSuspicionRule.Parameters().margin
    @Option(help: "Most that the agreement of one beat can bring, in usual spreads.")
    var agreementLimit: Float = AttackSuspicionRule.Parameters().agreementLimit
    @Option(help: "Weight of the attack head.")
    var headWeight: Float = AttackSuspicionRule.Parameters().headWeight
    @Option(help: "Most that the attack head can bring before it is weighted.")
    var headLimit: Float = AttackSuspicionRule.Parameters().headLimit
    @Option(help: "Weight of each beat in what is usual.")
    var usualRate: Float = AttackSuspicionRule.Parameters().usualRate
    @Option(help: "Evidence at which the suspicion is raised.")
    var raiseAt: Float = AttackSuspicionRule.Parameters().raiseAt
    @Option(help: "Evidence at which it is withdrawn.")
    var withdrawAt: Float = AttackSuspicionRule.Parameters().withdrawAt
    @Option(help: "Number of consecutive beats at or below that evidence after which it is withdrawn.")
    var withdrawBeats: Int = AttackSuspicionRule.Parameters().withdrawBeats
    @Option(help: "Maximum of the accumulated evidence.")
    var ceiling: Float = AttackSuspicionRule.Parameters().ceiling

    var parameters: AttackSuspicionRule.Parameters {
        var parameters = AttackSuspicionRule.Parameters()
        parameters.margin = margin
        parameters.agreementLimit = agreementLimit
        parameters.headWeight = headWeight
        parameters.headLimit = headLimit
        parameters.usualRate = usualRate
        parameters.raiseAt = raiseAt
        parameters.withdrawAt = withdrawAt
        parameters.withdrawBeats = withdrawBeats
        parameters.ceiling = ceiling
        return parameters
    }
}
