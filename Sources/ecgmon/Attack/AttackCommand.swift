import ArgumentParser
import ECGATKGAN
import ECGEvaluation

/// Attacks, on windows or written back into a record.
struct AttackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack",
        abstract: "Attack beat windows, or an episode of a record.",
        discussion: """
            Examples:
              ecgmon attack windows --method apgd-ce --sample 500
              ecgmon attack record mitdb/208 --from 1:00 --to 2:00 --method pgd --output attacked
            """,
        subcommands: [AttackWindows.self, AttackRecord.self])
}

/// What attack, and against which weights.
struct AttackOptions: ParsableArguments {
    @Option(help: "The attack.")
    var method = WindowAttack.Method.pgd

    @Option(help: "Largest change of a sample, in units of the beat's window scaled to [0, 1].")
    var epsilon: Float = 0.01

    @Option(
        help: ArgumentHelp("Steps from each start, or queries for square (default: the method's own).", valueName: "n"))
    var iterations: Int?

    @Option(help: ArgumentHelp("Random starts of pgd and apgd (default: 5 for pgd, else 1).", valueName: "n"))
    var restarts: Int?

    @Option(
        help: ArgumentHelp("Suspicion that the joint attack must stay below, 0 to 1.", valueName: "probability"))
    var suspicion = 0.5

    @Flag(help: "Move samples before the window is scaled to [0,1], as an attacker of the monitor would.")
    var throughScaling = false

    @Option(help: "Seed of random starts and samples.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Weights to attack (default: the shipped ones).", valueName: "file"))
    var model: String?

    func validate() throws {
        guard epsilon > 0, epsilon <= 1 else { throw ValidationError("--epsilon takes more than 0 and at most 1") }
        guard (1...1_000_000).contains(iterations ?? 1) else {
            throw ValidationError("--iterations takes 1 to 1000000")
        }
        guard (1...1000).contains(restarts ?? 1) else { throw ValidationError("--restarts takes 1 to 1000") }
        guard suspicion > 0, suspicion < 1 else {
            throw ValidationError("--suspicion takes more than 0 and less than 1")
        }
    }

    var attack: WindowAttack {
        var attack = WindowAttack(method, epsilon: epsilon, iterations: iterations, restarts: restarts)
        attack.suspicionThreshold = Suspicion.logit(suspicion)
        attack.throughScaling = throughScaling
        return attack
    }
}
