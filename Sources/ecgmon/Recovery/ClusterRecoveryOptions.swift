import ArgumentParser
import DaemonEvaluation
import ECGReplay
import Foundation
import ToolSupport

/// What `ecgmon evaluate recovery --cluster` takes beside the options of a single daemon, and how it runs.
struct ClusterRecoveryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With --cluster: what is done, in turn: worker, gateway, broker (SIGKILL), pause (a broker stands still for 15 s), upgrade.",
            valueName: "words"))
    var disturb = "worker,gateway,broker"

    @Option(help: ArgumentHelp("With --cluster: how many times as fast as in real time.", valueName: "factor"))
    var speed = 8.0

    @Option(help: ArgumentHelp("With --cluster: workers.", valueName: "n"))
    var workers = 2

    @Option(help: ArgumentHelp("With --cluster: partitions.", valueName: "n"))
    var partitions = 16

    @Option(help: ArgumentHelp("With --cluster: between two disturbances.", valueName: "seconds"))
    var pauseSeconds = 10.0

    func validate() throws {
        guard !kinds.isEmpty else {
            throw ValidationError("--disturb takes words out of worker, gateway, broker, pause, upgrade")
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
        let cluster = try LocalCluster(setup, directory: directory)
        try cluster.start()
        let run = ClusterRun(
            materials: materials, disturbances: (0..<count).map { kinds[$0 % kinds.count] }, speed: speed,
            pauseSeconds: pauseSeconds, seed: seed)
        var outcome = try run.run(on: cluster)
        if Interruption.requested { throw ExitCode(Interruption.exitCode) }
        let endings = cluster.stop()
        outcome.recovery.lastEnding = endings.first { $0 != "exit code 0" } ?? "exit code 0"
        let comparison = RecoveryComparison(undisturbed: undisturbed, disturbed: outcome.recovery)
        for line in outcome.lines(comparison, streams: materials.count) { print(line) }
        guard comparison.isExact else {
            if let keep = ProcessInfo.processInfo.environment["ECGMON_KEEP"] {
                try? FileManager.default.copyItem(atPath: directory, toPath: keep)
            }
            throw ExitCode(1)
        }
    }
}

extension ClusterRun.Outcome {
    func lines(_ comparison: RecoveryComparison, streams: Int) -> [String] {
        var text = comparison.lines(.signal(9), streams: streams)
        let kinds = ClusterRun.Disturbance.allCases.filter { kind in moments.contains { $0.disturbance == kind } }
        let counts = kinds.map { kind in "\(moments.count { $0.disturbance == kind }) x \(kind.rawValue)" }
        text[0] = counts.joined(separator: ", ") + ", \(recovery.endingsUnderLoad) of them with samples not yet acknowledged"
        text.append("pauses     between two events of one stream; undisturbed at most \(fixed(usualPause, 2)) s")
        for kind in kinds {
            let all = moments.filter { $0.disturbance == kind }
            let pauses = all.flatMap(\.pauses).sorted()
            guard !pauses.isEmpty else { continue }
            func share(_ part: Double) -> String { fixed(pauses[min(pauses.count - 1, Int(part * Double(pauses.count)))], 2) }
            text.append(
                "           \(kind.rawValue): median \(share(0.5)) s, 90 % \(share(0.9)) s, 99 % \(share(0.99)) s, longest "
                    + "\(fixed(pauses[pauses.count - 1], 2)) s (\(all.count) times \(pauses.count / all.count) streams)")
        }
        return text
    }
}
