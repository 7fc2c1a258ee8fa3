import AMQP
package import DaemonHarness
import FoundationEssentials
package import Glibc
import MonitorCluster
package import ToolSupport

/// A whole cluster on this machine: three brokers, gateways and workers, each a process of its own.
package final class LocalCluster {
    package struct Options {
        /// The daemon's program, and one that takes turns with it at each start, as in upgrades.
        package var programs: [String]
        package var model: String
        package var brokers = 3
        package var gateways = 1
        package var workers = 2
        package var partitions = 16
        /// Worker threads of each worker; 0: one per processor.
        package var threads = 1
        /// Lines for the daemons' configuration.
        package var configuration = ""
        /// Lines for the brokers' configuration.
        package var brokerConfiguration = ""
        /// Lines for the gateways' configuration.
        package var gatewayConfiguration = ""
        /// The gateways serve the central station.
        package var servesStation = false
        /// The weights of each worker; empty: `model`.
        package var workerModels: [String] = []
        /// Members connect to the brokers by TLS.
        package var tls: LocalBrokers.TLS?
        /// Each broker is on a host of its own, with a worker; the gateway is on the first.
        package var hasNetwork = false

        package init(programs: [String], model: String) {
            self.programs = programs
            self.model = model
        }
    }

    package let brokers: LocalBrokers
    package let gateways: [LocalDaemon]
    package let workers: [LocalDaemon]
    package let options: Options
    /// nil: everything is on one host.
    package let network: ClusterNetwork?
    package static let name = "test"

    /// Nothing runs yet.
    package init(_ options: Options, directory: String) throws(ToolError) {
        self.options = options
        try Self.makeFolder("\(directory)/b")
        let network = options.hasNetwork ? try ClusterNetwork(hosts: options.brokers, directory: directory) : nil
        self.network = network
        let hosts = network.map { network in
            LocalBrokers.Hosts(address: { ClusterNetwork.address($0) }) { (node, command) throws(ToolError) in
                try network.command(on: node, command)
            }
        }
        brokers = try LocalBrokers(
            count: options.brokers, directory: "\(directory)/b", configuration: options.brokerConfiguration,
            tls: options.tls, hosts: hosts)
        let password = "\(directory)/password"
        do {
            try Data("\(LocalBrokers.password)\n".utf8).write(to: URL(filePath: password))
            chmod(password, 0o600)
        } catch {
            throw ToolError("\(directory) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
        var made: [[LocalDaemon]] = []
        for (role, count) in [("gateway", options.gateways), ("worker", options.workers)] {
            var daemons: [LocalDaemon] = []
            for number in 0..<count {
                // Each member begins with another broker.
                let addresses = brokers.addresses(first: number % options.brokers).map { "\"\($0)\"" }
                let folder = "\(directory)/\(role.prefix(1))\(number)"
                let isGateway = role == "gateway"
                let model = isGateway || options.workerModels.isEmpty ? options.model : options.workerModels[number]
                var setup = LocalDaemon.Options(programs: options.programs, model: model)
                setup.configuration =
                    options.configuration + (isGateway ? options.gatewayConfiguration : "") + """

                        [cluster]
                        role = "\(role)"
                        name = "\(Self.name)"
                        member = "\(role)-\(number + 1)"
                        brokers = [\(addresses.joined(separator: ", "))]
                        user = "\(LocalBrokers.user)"
                        password_file = "\(password)"
                        partitions = \(options.partitions)
                        heartbeat_seconds = 2

                        """
                if let tls = options.tls { setup.configuration += "ca_file = \"\(tls.authorities)\"\n" }
                setup.journal = isGateway ? .file("\(folder)/journal.sqlite") : .none
                setup.hasAcknowledgedIngest = isGateway
                setup.servesStation = isGateway && options.servesStation
                setup.servesPages = true
                setup.notifies = true
                if let network {
                    let host = number % options.brokers
                    setup.wrap = { (command) throws(ToolError) in try network.command(on: host, command) }
                }
                if role == "worker" { setup.arguments = ["--workers", "\(options.threads)"] }
                daemons.append(try LocalDaemon(setup, directory: folder))
            }
            made.append(daemons)
        }
        (gateways, workers) = (made[0], made[1])
    }

    private static func makeFolder(_ path: String) throws(ToolError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ToolError("\(path) cannot be made", nextStep: "Set TMPDIR to a folder with room")
        }
    }

    /// Starts everything and waits until every partition has an owner.
    package func start() throws(ToolError) {
        try brokers.startAll()
        for daemon in gateways + workers {
            try daemon.start()
            guard daemon.waitUntilReady() else {
                throw ToolError(
                    "a member of the cluster does not start: \(daemon.lastLogLine)",
                    nextStep: "See \(daemon.directory)/log")
            }
        }
        try waitUntilOwned()
    }

    /// Waits until each partition has one owner.
    package func waitUntilOwned(seconds: Double = 60) throws(ToolError) {
        let end = monotonicNanoseconds() + Int64(seconds * 1e9)
        while monotonicNanoseconds() < end, !Interruption.requested {
            if owned.reduce(0, +) == options.partitions { return }
            usleep(100_000)
        }
        throw ToolError(
            "not every partition has an owner: \(owned) of \(options.partitions)",
            nextStep: "See the logs of the workers and of the brokers")
    }

    /// How many partitions each worker says that it owns.
    package var owned: [Int] {
        let names = ClusterNames(cluster: Self.name, partitions: options.partitions)
        var found: [String: Int] = [:]
        for node in 0..<options.brokers where brokers.isRunning(node) {
            guard let connection = try? brokers.connect(node) else { continue }
            do throws(AMQPError) {
                try connection.openChannel(1)
                let queue = "\(names.members).harness"
                try connection.declareQueue(queue, isExclusive: true)
                try connection.bind(queue, to: names.members, key: "")
                try connection.consume(queue, as: "members", channel: 1, prefetch: 100, acknowledges: false)
                let end = monotonicNanoseconds() + 1_300_000_000
                while monotonicNanoseconds() < end {
                    guard case .delivery(let delivery) = try connection.next(timeout: .milliseconds(100)),
                        let sign = try? MemberSign(bytes: delivery.body)
                    else { continue }
                    found[sign.name] = sign.owned.count
                }
            } catch {
                continue
            }
            break
        }
        return workers.indices.map { found["worker-\($0 + 1)"] ?? 0 }
    }

    /// The processor time of the brokers and of the members so far, in seconds.
    package var processorSeconds: (brokers: Double, gateways: Double, workers: Double) {
        func sum(_ processes: [pid_t?]) -> Double {
            processes.reduce(0) { $0 + ($1.flatMap { ProcessorTime.seconds(of: $0) } ?? 0) }
        }
        return (
            sum((0..<options.brokers).map { brokers.processID($0) }), sum(gateways.map(\.processID)),
            sum(workers.map(\.processID))
        )
    }

    /// Ends everything, the members first.
    package func stop() -> [String] {
        let endings = (gateways + workers).map { $0.end(SIGTERM)?.description ?? "none" }
        for node in 0..<options.brokers { brokers.kill(node) }
        return endings
    }
}
