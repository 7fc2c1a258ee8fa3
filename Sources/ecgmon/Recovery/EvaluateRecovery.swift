import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ECGEvaluation
import ECGReplay
import Glibc
import ToolSupport

/// `ecgmon evaluate recovery`: what is lost when the daemon is ended, or cut off, again and again.
struct EvaluateRecovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery",
        abstract: "Kill a daemon at random moments under load, and compare the result with an undisturbed run.",
        discussion: """
            Records are sent to an acknowledged endpoint at full speed. The daemon is killed (or asked to end) at \
            random moments and restarted. In the end its journal must hold the same ids, numbers and bodies as that of \
            an undisturbed run, and a subscriber must have received each event once and in order.

            With --by cut the daemon keeps running, but its network connection is cut and restored. That needs \
            a network namespace: unshare --user --map-root-user --net ecgmon evaluate recovery --by cut --kills 4

            With --cluster a whole cluster runs on this machine: three RabbitMQ nodes, a gateway and workers. Its \
            members and nodes are killed, stopped for a while and upgraded in turn, while the records are sent \
            --speed times as fast as in real time. Needs Debian's rabbitmq-server.

            Examples:
              ecgmon evaluate recovery --kills 4
              ecgmon evaluate recovery --cluster --kills 8 --seconds 900
            """)

    @Flag(help: "Disturb a cluster instead of one daemon.")
    var cluster = false

    @OptionGroup var clusterOptions: ClusterRecoveryOptions

    @Option(help: ArgumentHelp("Number of kills.", valueName: "n"))
    var kills = 100

    @Option(help: "How: kill (SIGKILL), term (SIGTERM), or cut (the network is cut and restored).")
    var by = "kill"

    @Option(help: ArgumentHelp("How long the network is cut; several durations take turns.", valueName: "seconds,..."))
    var cutSeconds = "1,8"

    @Option(help: ArgumentHelp("Records of the mitdb, or simulator for simulated ECG.", valueName: "names"))
    var records = "100,119,200,207,208,213,222,233"

    @Option(
        help: ArgumentHelp(
            "Folder of the records, or the name of one in the folder ECGMON_DATABASES.", valueName: "dir"))
    var database = "mitdb"

    @Option(help: ArgumentHelp("Length to send of each record.", valueName: "seconds"))
    var seconds = 1800.0

    @Option(help: ArgumentHelp("Seed for the moments.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("The daemon's program; several take turns, as in upgrades.", valueName: "file"))
    var daemon: [String] = []

    @Option(help: ArgumentHelp("Lines to add to the daemon's configuration.", valueName: "toml"))
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
        func makeDaemon(_ programs: [String], in directory: String, _ link: RecoveryLink? = nil) throws -> LocalDaemon {
            var setup = LocalDaemon.Options(programs: programs, model: weights)
            setup.configuration = configuration + (link?.configuration ?? "")
            setup.endpoints = link?.endpoints(in: directory)
            setup.journal = .file("\(directory)/journal.sqlite")
            setup.hasAcknowledgedIngest = true
            if let link { setup.wrap = link.there }
            return try LocalDaemon(setup, directory: directory)
        }
        var calm = RecoveryRun(materials: materials, endings: 0, disturbance: .signal(SIGKILL), seed: seed)
        let undisturbed = try ProgressLine.following("undisturbed") { advance in
            calm.progress = advance
            return try calm.run(with: makeDaemon([programs[0]], in: "\(folder.path)/1"))
        }
        if cluster {
            var setup = LocalCluster.Options(programs: programs, model: weights)
            setup.configuration = configuration
            // Displays take their samples meanwhile: they must not hold up anything.
            setup.servesStation = true
            return try clusterOptions.run(
                setup, materials: materials, count: kills, seed: seed, undisturbed: undisturbed,
                in: "\(folder.path)/2")
        }
        let disturbance: RecoveryRun.Disturbance = by == "cut" ? .cut(cuts) : .signal(by == "kill" ? SIGKILL : SIGTERM)
        let link = by == "cut" ? try RecoveryLink(directory: folder.path) : nil
        let other = try makeDaemon(programs, in: "\(folder.path)/2", link)
        var run = RecoveryRun(materials: materials, endings: kills, disturbance: disturbance, seed: seed)
        let disturbed = try ProgressLine.following("\(kills) times interrupted") { advance in
            run.progress = advance
            return try run.run(with: other, over: link)
        }
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
        guard let script = RhythmScript("sinus@75:40,bigeminy:20,asystole:8,vt@170:15,sinus") else { return [] }
        return (0..<8).map { number in
            ("simulated-\(number)", ReplayMaterial(simulating: script, seconds: seconds, seed: UInt64(number)))
        }
    }
}
