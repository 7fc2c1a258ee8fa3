import ArgumentParser
import DaemonHarness
import ECGATKGAN
import ECGEvaluation
import ECGReplay
import ToolSupport

/// `ecgmon demo`: the whole system on this machine, with real ECG and a real attack, in a quarter of a minute.
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a daemon, send it five real minutes of ECG, attack part of them, play part of them again.",
        discussion: """
            The daemon listens on ipc endpoints in a temporary directory, which is removed at the end. Each row shows \
            ten seconds of beats: N normal, S supraventricular, V ventricular, F fusion, ? not classified. The exit \
            code is 0 if everything happened as it should.

            With --serve: a ward of eight beds, real and simulated, sends to the daemon in real time until Ctrl-C. The \
            daemon serves its central station, and the demo prints the page's address.

            Examples:
              ecgmon demo
              ecgmon demo --serve
            """)

    @Option(name: .long, help: "Multiple of real speed, or max.")
    var speed = ReplaySpeed(factor: 20)

    @Option(name: .long, help: "Another record (WFDB path, 360 Hz); default: Fixtures/208s.")
    var record: String?

    @Option(name: .long, help: ArgumentHelp("Start of the attacked episode.", valueName: "time"))
    var from = ClockTime(seconds: 240)

    @Option(name: .long, help: ArgumentHelp("End of the attacked episode.", valueName: "time"))
    var to = ClockTime(seconds: 270)

    @Option(
        name: .long, help: "Largest change of a sample by the attack, in units of the beat's window scaled to [0, 1].")
    var epsilon: Float = 0.01

    @Flag(name: .long, help: "Without an attack.")
    var noAttack = false

    @Flag(name: .long, help: "Without a replay at the end.")
    var noReplay = false

    @Flag(name: .long, help: "Serve the central station with a ward of eight beds until Ctrl-C.")
    var serve = false

    @Option(name: .long, help: "Port of the central station; 0 chooses a free one.")
    var stationPort = 8471

    @Option(
        name: .long,
        help: ArgumentHelp("End --serve after this time by itself.", valueName: "time"))
    var duration: ClockTime?

    @Option(
        name: .long,
        help: ArgumentHelp("Weights for the daemon and the attacker; default: the shipped ones.", valueName: "file"))
    var model: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The daemon's program; default: the one next to this program.", valueName: "file"))
    var daemon: String?

    mutating func validate() throws {
        guard epsilon > 0, epsilon <= 1 else { throw ValidationError("--epsilon takes more than 0 and at most 1") }
        guard (0...65_535).contains(stationPort) else { throw ValidationError("--station-port takes 0 to 65535") }
        guard from < to else { throw ValidationError("--from must be before --to") }
    }

    mutating func run() throws {
        Interruption.install()
        if serve {
            try serveWard()
            if Interruption.requested { throw ExitCode(Interruption.exitCode) }
            return
        }
        let problems = try demonstrate()
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        if !problems.isEmpty { throw ExitCode(2) }
    }

    /// Everything, within the life of the temporary directory and the daemon.
    /// - Returns: what should have happened and did not.
    private func demonstrate() throws(ToolError) -> [String] {
        let terminal = Terminal()
        let modelPath = try InstalledFiles.model(model)
        var material = try ReplayMaterial(recordPath: try recordPath())
        terminal.line(
            "\(material.name), lead \(material.lead): \(ClockTime(seconds: material.duration)) of ECG, sent at \(speed) "
                + "times real speed")
        let attack = try noAttack ? nil : attackedSegment(of: &material, modelPath: modelPath, terminal)
        let playedBack = noReplay ? nil : try playBack(&material, terminal)
        let directory = try TemporaryDirectory()
        var setup = LocalDaemon.Options(
            programs: [self.daemon ?? InstalledFiles.program("ecgmond")], model: modelPath)
        setup.configuration = "[events]\nhealth_period_seconds = 0.5\n"
        let daemon = try LocalDaemon(setup, directory: directory.path)
        try daemon.start()
        defer { daemon.stop(within: 5) }
        let session = DemoSession(
            material: material, attack: attack, playedBack: playedBack, speed: speed.factor, terminal: terminal)
        let outcome = try session.run(daemon)
        let problems = Interruption.requested ? [] : outcome.problems
        for line in outcome.summary where !Interruption.requested { terminal.line(line) }
        for problem in problems { terminal.line(terminal.styled("NOT AS EXPECTED: \(problem)", .red)) }
        return problems
    }

    /// Which seconds of the record come a second time, at its end, as from somebody who plays back a recording.
    private static let playedBack = (from: ClockTime(seconds: 60), to: ClockTime(seconds: 90))

    /// Appends a copy of some seconds.
    ///
    /// - Returns: where the copy lies; nil: the record is too short for one.
    private func playBack(_ material: inout ReplayMaterial, _ terminal: Terminal) throws(ToolError) -> Range<Int>? {
        let (from, to) = Self.playedBack
        guard material.duration > 2 * to.seconds else { return nil }
        let source = try material.sampleRange(from: from, to: to)
        let start = material.counts.count
        material.counts += material.counts[source]
        terminal.line("after the end, \(from) to \(to) is played back once more")
        return start..<material.counts.count
    }

    /// The ward, within the life of the temporary directory and the daemon.
    private func serveWard() throws(ToolError) {
        let terminal = Terminal()
        let modelPath = try InstalledFiles.model(model)
        let directory = try TemporaryDirectory()
        let token = try DemoStation.writeToken(in: directory.path)
        var setup = LocalDaemon.Options(
            programs: [self.daemon ?? InstalledFiles.program("ecgmond")], model: modelPath)
        setup.servesStation = true
        setup.configuration = "[station]\ncommand_token_file = \"\(token.path)\"\n"
        setup.stationPort = stationPort
        terminal.line("making eight beds, one of them attacked ...")
        let ward = try DemoWard(record: try ReplayMaterial(recordPath: try recordPath()), modelPath: modelPath)
        let daemon = try LocalDaemon(setup, directory: directory.path)
        try daemon.start()
        defer { daemon.stop(within: 5) }
        try DemoStation(ward: ward, terminal: terminal).run(daemon, token: token.token, seconds: duration?.seconds)
    }

    private func recordPath() throws(ToolError) -> String {
        if let found = record ?? InstalledFiles.find("Fixtures/208s.hea") { return found }
        throw ToolError(
            "the record Fixtures/208s was found neither here nor above \(InstalledFiles.executableDirectory)",
            nextStep: "Name a WFDB record with --record")
    }

    private func attackedSegment(
        of material: inout ReplayMaterial, modelPath: String, _ terminal: Terminal
    ) throws(ToolError) -> AttackedEpisode.Report {
        let range = try material.sampleRange(from: from, to: to)
        terminal.line("attacking \(from) to \(to) with PGD, white-box, against \(modelPath) ...")
        let report = try StreamAttack(modelPath: modelPath).apply(
            to: &material, range: range, attack: WindowAttack(.pgd, epsilon: epsilon), seed: 208)
        terminal.line(
            "\(report.beats.count) beats attacked at epsilon \(epsilon), \(report.changedSamples) samples changed, none "
                + "by more than \(fixed(Double(report.largestPerturbation), 4)) of its beat's window")
        return report
    }
}
