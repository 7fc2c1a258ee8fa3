import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ECGReplay
import Glibc
import ToolSupport

/// What `ecgmon evaluate recovery --cluster` takes beside the options of a single daemon, and how it runs.
struct ClusterRecoveryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            With --cluster: what is done, in turn: worker, gateway, broker (SIGKILL), pause (a broker stands still for \
            15 s), cut (of a host, 15 s), disk (full for 8 s), upgrade.
            """,
            valueName: "words"))
    var disturb = "worker,gateway,broker"

    @Option(help: ArgumentHelp("With --cluster: how many times as fast as in real time.", valueName: "factor"))
    var speed = 8.0

    @Option(help: ArgumentHelp("With --cluster: workers.", valueName: "n"))
    var workers = 2

    @Option(help: ArgumentHelp("With --cluster: partitions.", valueName: "n"))
    var partitions = 16

    @Flag(help: "With --cluster: measure throughput with 1, 2 and 4 workers and with one daemon, undisturbed.")
    var curve = false

    @Option(help: ArgumentHelp("With --cluster: between two disturbances.", valueName: "seconds"))
    var pauseSeconds = 10.0

    func validate() throws {
        guard !kinds.isEmpty else {
            throw ValidationError("--disturb takes words out of worker, gateway, broker, pause, cut, disk, upgrade")
        }
        guard speed > 0, speed <= 1000 else { throw ValidationError("--speed takes more than 0 and at most 1000") }
        guard (1...16).contains(workers) else { throw ValidationError("--workers takes 1 to 16") }
        guard (1...999).contains(partitions) else { throw ValidationError("--partitions takes 1 to 999") }
        guard pauseSeconds >= 0, pauseSeconds <= 600 else { throw ValidationError("--pause-seconds takes 0 to 600") }
    }

    private var kinds: [ClusterRun.Disturbance] {
        let words = disturb.split(separator: ",").map(String.init)
        let kinds = words.compactMap { ClusterRun.Disturbance(rawValue: $0) }
        return kinds.count == words.count ? kinds : []
    }

    func run(
        _ setup: LocalCluster.Options, materials: [(stream: String, material: ReplayMaterial)], count: Int,
        seed: UInt64, undisturbed: RecoveryRun.Outcome, in directory: String
    ) throws {
        var setup = setup
        setup.workers = workers
        setup.partitions = partitions
        if curve { return try measureCurve(setup, materials, seed: seed, in: directory) }
        // A worker on each host.
        setup.hasNetwork = kinds.contains(.cut)
        if setup.hasNetwork { setup.workers = max(workers, setup.brokers) }
        let cluster = try LocalCluster(setup, directory: directory)
        try cluster.start()
        var run = ClusterRun(
            materials: materials, disturbances: (0..<count).map { kinds[$0 % kinds.count] }, speed: speed,
            pauseSeconds: pauseSeconds, seed: seed)
        var outcome = try ProgressLine.following("\(count) times disturbed") { advance in
            run.progress = advance
            return try run.run(on: cluster)
        }
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        let endings = cluster.stop()
        outcome.recovery.lastEnding = endings.first { $0 != "exit code 0" } ?? "exit code 0"
        let comparison = RecoveryComparison(undisturbed: undisturbed, disturbed: outcome.recovery)
        for line in outcome.lines(comparison, streams: materials.count) { print(line) }
        if outcome.moments.count < count {
            print("           the records ended after \(outcome.moments.count) of \(count): give longer --seconds")
        }
        guard comparison.isExact else {
            throw ExitCode(1)
        }
    }
}

extension ClusterRecoveryOptions {
    /// How long the same samples take with one daemon and with 1, 2 and 4 workers, and what that costs.
    fileprivate func measureCurve(
        _ setup: LocalCluster.Options, _ materials: [(stream: String, material: ReplayMaterial)], seed: UInt64,
        in directory: String
    ) throws {
        let run = ClusterRun(materials: materials, disturbances: [], speed: .infinity, pauseSeconds: 0, seed: seed)
        let hours = materials.reduce(0) { $0 + $1.material.duration } / 3600
        var table = TextTable([
            "", "seconds", "beds in real time", "cpu members", "cpu brokers", "broker cpu per bed-hour", "events",
        ])
        func add(_ name: String, _ outcome: ClusterRun.Outcome, members: Double, brokers: Double) {
            table.rows.append([
                name, fixed(outcome.wayThrough, 1), fixed(hours * 3600 / outcome.wayThrough, 0), fixed(members, 1),
                fixed(brokers, 1), fixed(brokers / hours, 2), "\(outcome.recovery.journal.count)",
            ])
        }
        var single = LocalDaemon.Options(programs: setup.programs, model: setup.model)
        single.configuration = setup.configuration
        single.journal = .file("\(directory)-one/journal.sqlite")
        single.hasAcknowledgedIngest = true
        single.notifies = true
        single.arguments = ["--workers", "1"]
        let daemon = try LocalDaemon(single, directory: "\(directory)-one")
        try daemon.start()
        _ = daemon.waitUntilReady()
        let alone = try run.run(alone: daemon)
        add("one daemon", alone, members: daemon.processorSeconds, brokers: 0)
        daemon.end(SIGTERM)
        for count in [1, 2, 4] where !Interruption.requested {
            var setup = setup
            setup.workers = count
            let cluster = try LocalCluster(setup, directory: "\(directory)-\(count)")
            try cluster.start()
            let outcome = try run.run(on: cluster)
            add(
                "\(count) worker\(count == 1 ? "" : "s")", outcome,
                members: outcome.cost.gateways + outcome.cost.workers, brokers: outcome.cost.brokers)
            _ = cluster.stop()
        }
        print(table.text)
    }
}

extension ClusterRun.Outcome {
    func lines(_ comparison: RecoveryComparison, streams: Int) -> [String] {
        var text = comparison.lines(.signal(9), streams: streams)
        let kinds = ClusterRun.Disturbance.allCases.filter { kind in moments.contains { $0.disturbance == kind } }
        let counts = kinds.map { kind in "\(moments.count { $0.disturbance == kind }) x \(kind.rawValue)" }
        let what = counts.isEmpty ? "undisturbed" : counts.joined(separator: ", ")
        text[0] = "\(what), \(recovery.endingsUnderLoad) of them with samples not yet acknowledged"
        if moments.isEmpty {
            text.append(
                "cpu        brokers \(fixed(cost.brokers, 1)) s, gateways \(fixed(cost.gateways, 1)) s, workers "
                    + "\(fixed(cost.workers, 1)) s, for \(fixed(Double(recovery.samples) / 360 / 3600, 2)) "
                    + "bed-hours at 360 Hz"
            )
        }
        text.append("pauses     between two events of one stream; undisturbed at most \(fixed(usualPause, 2)) s")
        for kind in kinds {
            let all = moments.filter { $0.disturbance == kind }
            let pauses = all.flatMap(\.pauses).sorted()
            guard !pauses.isEmpty else { continue }
            func share(_ part: Double) -> String {
                fixed(pauses[min(pauses.count - 1, Int(part * Double(pauses.count)))], 2)
            }
            let shares = "median \(share(0.5)) s, 90 % \(share(0.9)) s, 99 % \(share(0.99)) s, longest \(share(1)) s"
            let times = "\(all.count) times \(pauses.count / all.count) streams"
            text.append("           \(kind.rawValue): \(shares) (\(times))")
        }
        return text
    }
}
