import ArgumentParser
import MonitorDaemon
import ToolSupport

/// `ecgmon cluster`: what a cluster of daemons is doing.
struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Look at a cluster of daemons.", subcommands: [ClusterStatusCommand.self])
}

struct ClusterStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the members, who owns which partition, and what is wrong.",
        discussion: """
            Asks the brokers that a member's configuration names; listens to the members for 2.5 s. The exit code is \
            1 where something is wrong, 69 where no broker answers.

            waiting: blocks that no worker has taken yet. unfinished: blocks that the owner has and no state covers \
            yet; a few seconds of each stream are usual.

            Examples:
              ecgmon cluster status
              ecgmon cluster status --config /etc/ecgmon/ecgmond.toml --partitions
            """)

    @Option(help: ArgumentHelp("A member's configuration file (TOML).", valueName: "file"))
    var config = Daemon.defaultConfigurationPath

    @Flag(help: "One line for each partition.")
    var partitions = false

    func run() throws {
        let status: ClusterStatus
        do throws(StartFailure) {
            status = try ClusterStatus.read(configurationAt: config)
        } catch {
            Terminal.note(error.words)
            throw ExitCode(error.exitCode)
        }
        for line in status.lines(each: partitions) { print(line) }
        guard status.problems.isEmpty else { throw ExitCode(1) }
    }
}

extension ClusterStatus {
    func lines(each: Bool) -> [String] {
        let owned = partitions.filter { $0.owner != nil }
        let workers = "\(members.count) worker\(members.count == 1 ? "" : "s")"
        var text = [
            "cluster \(cluster) at \(broker): \(workers), \(owned.count) of \(partitions.count) "
                + "partitions owned, \(partitions.reduce(0) { $0 + $1.streams }) streams, "
                + "\(partitions.reduce(0) { $0 + $1.waiting }) blocks waiting, "
                + "\(partitions.reduce(0) { $0 + $1.unfinished }) unfinished"
        ]
        var table = TextTable(["worker", "version", "model", "partitions", "streams", "epochs"])
        for member in members {
            let epochs = partitions.filter { $0.owner == member.name }.map(\.epoch)
            let range = epochs.min().map { "\($0) to \(epochs.max() ?? $0)" } ?? "-"
            table.rows.append([
                member.name, member.version, String(member.model.prefix(12)), "\(member.partitions)",
                "\(member.streams)",
                range,
            ])
        }
        text.append(table.text)
        if each {
            var table = TextTable(["partition", "owner", "epoch", "streams", "waiting", "unfinished"])
            for partition in partitions {
                table.rows.append([
                    "\(partition.number)", partition.owner ?? "nobody", "\(partition.epoch)", "\(partition.streams)",
                    "\(partition.waiting)", "\(partition.unfinished)",
                ])
            }
            text.append(table.text)
        }
        return text + problems.map { "problem: \($0)" }
    }
}
