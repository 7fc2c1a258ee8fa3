import ArgumentParser
import ECGSignal
import ECGWire
import FoundationEssentials
import Glibc

/// `ecgmon evaluate recovery`: what is lost when the daemon is ended, or cut off, again and again.
struct EvaluateRecovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery",
        abstract: "End a daemon at random moments under load, and compare what is left with an undisturbed run.",
        discussion: """
            Records are sent to an acknowledged endpoint at full speed. The daemon is killed (or told to end) at random \
            moments and started again. In the end its journal must hold what that of an undisturbed run holds, with the \
            same ids, numbers and bodies, and a subscriber must have got each event once and in order.

            With --by cut the daemon lives on, but the network between it and the others is cut and mended. That needs a \
            network namespace: unshare --user --map-root-user --net ecgmon evaluate recovery --by cut --kills 4
            """)

    @Option(help: ArgumentHelp("How often the daemon is ended.", valueName: "n"))
    var kills = 100

    @Option(help: "How: kill (SIGKILL), term (SIGTERM), or cut (the network, which is mended again).")
    var by = "kill"

    @Option(help: ArgumentHelp("How long the network is cut, taken in turn.", valueName: "seconds,..."))
    var cutSeconds = "1,8"

    @Option(help: ArgumentHelp("Records of the mitdb; simulator: simulated ECG.", valueName: "names"))
    var records = "100,119,200,207,208,213,222,233"

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("So much of each record.", valueName: "seconds"))
    var seconds = 1800.0

    @Option(help: ArgumentHelp("Chooses the moments.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("The daemon; several take turns, as in upgrades.", valueName: "file"))
    var daemon: [String] = []

    @Option(help: ArgumentHelp("Lines for the daemon's configuration.", valueName: "toml"))
    var configuration = ""

    @Option(help: ArgumentHelp("The weights.", valueName: "file"))
    var model: String?

    func validate() throws {
        guard (0...100_000).contains(kills) else { throw ValidationError("--kills takes 0 to 100000") }
        guard ["kill", "term", "cut"].contains(by) else { throw ValidationError("--by takes kill, term or cut") }
        guard !cuts.isEmpty, cuts.allSatisfy({ $0 > 0 && $0 <= 600 }) else {
            throw ValidationError("--cut-seconds takes numbers above 0 and at most 600, with commas between")
        }
        guard seconds > 0, seconds <= 86_400 else {
            throw ValidationError("--seconds takes more than 0 and at most 86400")
        }
    }

    private var cuts: [Double] { cutSeconds.split(separator: ",").map { Double($0) ?? 0 } }

    func run() throws {
        Interruption.install()
        let folder = try TemporaryDirectory()
        let materials = try self.materials()
        let programs = daemon.isEmpty ? [InstalledFiles.program("ecgmond")] : daemon
        let weights = try InstalledFiles.model(model)
        // The clock's own alerts depend on when the daemon was away; here only the samples count.
        let configuration =
            "[streams]\nsilent_after_seconds = 3600\nforgotten_after_seconds = 7200\n" + self.configuration
        let undisturbed = try RecoveryRun(materials: materials, endings: 0, disturbance: .signal(SIGKILL), seed: seed)
            .run(
                with: RecoveryDaemon(
                    programs: [programs[0]], directory: "\(folder.path)/1", model: weights, configuration: configuration
                ))
        let disturbance: RecoveryRun.Disturbance = by == "cut" ? .cut(cuts) : .signal(by == "kill" ? SIGKILL : SIGTERM)
        let other = try RecoveryDaemon(
            programs: programs, directory: "\(folder.path)/2", model: weights, configuration: configuration,
            link: by == "cut" ? try RecoveryLink(directory: folder.path) : nil)
        let disturbed = try RecoveryRun(
            materials: materials, endings: kills, disturbance: disturbance, seed: seed
        ).run(with: other)
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        let comparison = RecoveryComparison(undisturbed: undisturbed, disturbed: disturbed)
        for line in comparison.lines(disturbance, streams: materials.count) { print(line) }
        if case .signal = disturbance {
            print("streams taken up again: \(other.logLines(with: "streams go on where they were")) worker starts")
        }
        guard comparison.isExact else { throw ExitCode(1) }
    }

    private func materials() throws -> [(stream: String, material: ReplayMaterial)] {
        let names = records.split(separator: ",").map(String.init)
        if records != "simulator", let folder = try? RecordDatabase(database) {
            return try names.map { name in
                let material = try ReplayMaterial(recordPath: "\(folder.directory)/\(name)")
                let count = min(material.counts.count, Int(seconds * material.samplingRate))
                return ("mitdb-\(name)", material.cut(to: 0..<count))
            }
        }
        Terminal.note("no records: simulated ECG instead")
        return try (0..<8).map { number in
            let options = try ReplaySourceOptions.parse([
                "--simulate", "sinus@75:40,bigeminy:20,asystole:8,vt@170:15,sinus", "--duration", "\(seconds)",
                "--seed", "\(number)",
            ])
            return ("simulated-\(number)", try options.load())
        }
    }
}

/// Two runs of the same samples, one of them disturbed.
struct RecoveryComparison {
    let undisturbed: RecoveryRun.Outcome
    let disturbed: RecoveryRun.Outcome
    private let missing: [RecoveryRun.EventKey]
    private let surplus: [RecoveryRun.EventKey]
    private let different: [RecoveryRun.EventKey]
    private let subscriber: Delivery

    struct Delivery: Equatable {
        var received = 0
        var twice = 0
        var outOfOrder = 0
        var neverCame = 0
        var notAsJournaled = 0
        var isExact: Bool { twice + outOfOrder + neverCame + notAsJournaled == 0 }
    }

    init(undisturbed: RecoveryRun.Outcome, disturbed: RecoveryRun.Outcome) {
        self.undisturbed = undisturbed
        self.disturbed = disturbed
        let (a, b) = (undisturbed.journal, disturbed.journal)
        missing = a.keys.filter { b[$0] == nil }
        surplus = b.keys.filter { a[$0] == nil }
        different = a.keys.filter { key in b[key].map { $0 != a[key] } ?? false }
        subscriber = Self.delivery(disturbed)
    }

    static func delivery(_ outcome: RecoveryRun.Outcome) -> Delivery {
        var delivery = Delivery(received: outcome.received.count)
        var last: [String: UInt64] = [:]
        var seen: Set<RecoveryRun.EventKey> = []
        for event in outcome.received {
            let kind = event.id.split(separator: "/").dropFirst(2).first.map(String.init) ?? ""
            let key = RecoveryRun.EventKey(topic: "\(kind).\(event.stream)", sequence: event.sequence)
            if !seen.insert(key).inserted { delivery.twice += 1 }
            if event.sequence != (last[key.topic] ?? 0) + 1 { delivery.outOfOrder += 1 }
            last[key.topic] = event.sequence
            if outcome.journal[key] != event { delivery.notAsJournaled += 1 }
        }
        delivery.neverCame = outcome.journal.keys.count { !seen.contains($0) }
        return delivery
    }

    var isExact: Bool {
        missing.isEmpty && surplus.isEmpty && different.isEmpty && subscriber.isExact && disturbed.missed == 0
            && disturbed.problems.isEmpty && undisturbed.problems.isEmpty && !undisturbed.journal.isEmpty
            && disturbed.unacknowledged == 0 && disturbed.lastEnding == "exit code 0"
    }

    func lines(_ disturbance: RecoveryRun.Disturbance, streams: Int) -> [String] {
        let what =
            switch disturbance {
            case .signal(let signal): signal == SIGKILL ? "SIGKILL" : "SIGTERM"
            case .cut(let seconds): "cut for \(seconds.map { fixed($0, 1) }.joined(separator: ", ")) s"
            }
        let again = disturbed.samplesSent - disturbed.samples
        var text = [
            "\(disturbed.endings) x \(what), \(disturbed.endingsUnderLoad) of them with samples not yet acknowledged",
            "sent       \(disturbed.samples) samples of \(streams) streams, \(max(0, again)) sent again, "
                + "\(disturbed.unacknowledged) not acknowledged in the end; the connection broke \(disturbed.disconnections) times",
            "time       \(fixed(disturbed.seconds, 1)) s, undisturbed \(fixed(undisturbed.seconds, 1)) s",
            "journal    \(disturbed.journal.count) events, undisturbed \(undisturbed.journal.count): \(missing.count) missing, "
                + "\(surplus.count) too many, \(different.count) different",
            "subscriber \(subscriber.received) events, \(disturbed.fromHistory) of them out of the history: "
                + "\(subscriber.neverCame) never came, \(subscriber.twice) came twice, \(subscriber.outOfOrder) out of order, "
                + "\(subscriber.notAsJournaled) not as in the journal, \(disturbed.repeats) repeats dropped",
            "daemon     \(disturbed.lastEnding)",
        ]
        for key in (missing + surplus + different).prefix(10) {
            text.append(
                "differs    \(key.topic) \(key.sequence): \(undisturbed.journal[key]?.id ?? "-") / \(disturbed.journal[key]?.id ?? "-")"
            )
        }
        text += (undisturbed.problems + disturbed.problems).prefix(20).map { "problem    \($0)" }
        return text
    }
}
