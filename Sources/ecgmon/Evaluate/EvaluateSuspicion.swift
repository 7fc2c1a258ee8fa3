import ArgumentParser
import ECGATKGAN
import ECGClassification
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
            "Another folder of records, for false suspicions only; “none”: no other.",
            valueName: "dir"))
    var clean = "svdb"

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

    @Flag(help: "Try many parameter settings of the rule.")
    var sweep = false

    @Option(help: "False suspicions per day that --sweep allows.")
    var falsePerDay = 1.0

    @OptionGroup(title: "The rule") var rule: SuspicionRuleOptions

    @Option(help: "Seed of the attacks' random starts.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Threads (default: the number of cores).", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Folder for finished streams (default: ecgmon/evaluations in the user's cache folder).", valueName: "dir"))
    var work: String?

    @Flag(help: "Recompute what the work folder already holds.")
    var restart = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...100).contains(stretches), seconds.isFinite, (5...600).contains(seconds) else {
            throw ValidationError("--stretches must be 1 to 100 and --seconds 5 to 600")
        }
        guard epsilon.isFinite, epsilon > 0, epsilon <= 1 else {
            throw ValidationError("--epsilon must be above 0 and at most 1")
        }
        guard (threads ?? 1) >= 1, squareQueries >= 1, falsePerDay >= 0 else {
            throw ValidationError("a number is out of range; see ecgmon evaluate suspicion --help")
        }
        do { try rule.parameters.validate() } catch { throw ValidationError("\(error)") }
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
            // Beats below the offset add nothing to the evidence.
            if attack.method == .joint { attack.suspicionThreshold = rule.parameters.logOddsOffset }
            attacks.append(attack)
        }
        let attacked = try RecordDatabase(database)
        var sources: [SuspicionStreams.Source] = []
        for record in try attacked.scoredRecords(records) {
            sources.append(.init(database: attacked, record: record, isAttacked: !attacks.isEmpty))
        }
        if clean != "none" {
            do throws(ToolError) {
                let other = try RecordDatabase(clean)
                for record in try other.records() {
                    sources.append(.init(database: other, record: record, isAttacked: false))
                }
            } catch {
                Terminal.note("without \(clean): \(error)")
            }
        }
        let streams = SuspicionStreams(
            model: evaluated, classifier: classifier,
            settings: .init(
                attacks: attacks, stretches: stretches, stretchSeconds: seconds, rule: rule.parameters, seed: seed),
            store: try ResultStore(work), runtime: .console(threads: threads), restart: restart)
        let result = SuspicionResult(
            outcomes: try streams.record(sources), attacks: attacks, rule: rule.parameters, model: evaluated,
            seconds: seconds)
        let swept = sweep ? result.sweep(on: streams.runtime) : nil
        try ReportOutput.show(
            result.report(swept, falsePerDay: falsePerDay), json: json,
            text: result.text(swept, falsePerDay: falsePerDay))
    }
}

/// The suspicion rule's parameters on the command line; the defaults are the monitor's.
struct SuspicionRuleOptions: ParsableArguments {
    @Option(help: "Minimum that is subtracted from each beat's log-odds.")
    var logOddsOffset: Float = AttackSuspicionRule.Parameters().logOddsOffset
    @Option(help: "How far above the patient's usual log-odds a beat must be to count.")
    var usualMargin: Float = AttackSuspicionRule.Parameters().usualMargin
    @Option(help: "Weight of each beat in the usual log-odds.")
    var usualRate: Float = AttackSuspicionRule.Parameters().usualRate
    @Option(help: "Maximum log-odds that one beat can contribute, either way.")
    var logOddsLimit: Float = AttackSuspicionRule.Parameters().logOddsLimit
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
        parameters.logOddsOffset = logOddsOffset
        parameters.usualMargin = usualMargin
        parameters.usualRate = usualRate
        parameters.logOddsLimit = logOddsLimit
        parameters.raiseAt = raiseAt
        parameters.withdrawAt = withdrawAt
        parameters.withdrawBeats = withdrawBeats
        parameters.ceiling = ceiling
        return parameters
    }
}
