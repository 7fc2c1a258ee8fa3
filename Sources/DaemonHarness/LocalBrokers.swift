package import AMQP
import FoundationEssentials
package import Glibc
package import ToolSupport

/// RabbitMQ nodes started by this program: in a folder of their own, on loopback, joined to one cluster, to be killed,
/// stopped for a while and started again. A broker that the machine runs as a service is left alone.
///
/// They are killed when the value goes.
package final class LocalBrokers {
    package let directory: String
    private let count: Int
    private let epmdPort: Int
    private let ports: [(client: Int, distribution: Int, encrypted: Int)]
    private let tls: TLS?
    /// Port mapper daemons: one, or one on each host.
    private var epmds: [Int: ChildProcess] = [:]
    private var nodes: [ChildProcess?]
    private let hosts: Hosts?

    /// Each node on a host of its own.
    package struct Hosts {
        /// Its address for the other nodes.
        package var address: (_ node: Int) -> String
        /// Makes the command that starts another on the host, with the same process number.
        package var command: (_ node: Int, [String]) throws(ToolError) -> [String]

        package init(
            address: @escaping (_ node: Int) -> String,
            command: @escaping (_ node: Int, [String]) throws(ToolError) -> [String]
        ) {
            self.address = address
            self.command = command
        }
    }

    /// Files in PEM with which the nodes take encrypted connections, too; the certificate is one for `localhost`.
    package struct TLS {
        package var authorities: String
        package var certificate: String
        package var key: String

        package init(authorities: String, certificate: String, key: String) {
            self.authorities = authorities
            self.certificate = certificate
            self.key = key
        }
    }

    private static let server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    private static let control = "/usr/lib/rabbitmq/bin/rabbitmqctl"
    /// RabbitMQ's own account for the same machine.
    package static let user = "guest"
    package static let password = "guest"

    /// Whether RabbitMQ is installed, with Debian's names.
    package static var isInstalled: Bool { access(server, X_OK) == 0 && access("/usr/bin/epmd", X_OK) == 0 }

    /// Writes the nodes' configuration; `start` starts them.
    /// - Parameters:
    ///   - count: how many nodes: 1 or 3.
    ///   - configuration: more lines for rabbitmq.conf.
    ///   - tls: nil: connections are not encrypted. Else members use encrypted ones, only this process does not.
    ///   - hosts: nil: all nodes are on loopback.
    package init(
        count: Int, directory: String, configuration: String = "", tls: TLS? = nil, hosts: Hosts? = nil
    ) throws(ToolError) {
        self.hosts = hosts
        self.tls = tls
        guard Self.isInstalled else {
            throw ToolError("there is no \(Self.server)", nextStep: "apt install rabbitmq-server")
        }
        self.count = count
        self.directory = directory
        nodes = Array(repeating: nil, count: count)
        var free = try Self.freePorts(3 * count + 1)
        epmdPort = free.removeLast()
        ports = (0..<count).map { (free[3 * $0], free[3 * $0 + 1], free[3 * $0 + 2]) }
        for node in 0..<count { try write(node, configuration) }
    }

    deinit {
        for node in 0..<count { kill(node, SIGKILL) }
        for epmd in epmds.values { _ = epmd.stop(within: 1) }
    }

    private func folder(_ node: Int) -> String { "\(directory)/b\(node)" }
    private func name(_ node: Int) -> String { "n\(node)@\(hosts?.address(node) ?? "localhost")" }

    private func write(_ node: Int, _ more: String) throws(ToolError) {
        var lines = """
            listeners.tcp.1 = 127.0.0.1:\(ports[node].client)
            loopback_users = none
            cluster_partition_handling = pause_minority
            net_ticktime = 4
            disk_free_limit.absolute = 50MB
            vm_memory_high_watermark.absolute = 500MB
            log.file.level = warning
            cluster_formation.peer_discovery_backend = classic_config

            """
        if let hosts { lines += "listeners.tcp.2 = \(hosts.address(node)):\(ports[node].client)\n" }
        if let tls {
            lines += """
                listeners.ssl.1 = 127.0.0.1:\(ports[node].encrypted)
                ssl_options.cacertfile = \(tls.authorities)
                ssl_options.certfile = \(tls.certificate)
                ssl_options.keyfile = \(tls.key)

                """
        }
        for other in 0..<count { lines += "cluster_formation.classic_config.nodes.\(other + 1) = \(name(other))\n" }
        lines += more
        do {
            try FileManager.default.createDirectory(atPath: folder(node), withIntermediateDirectories: true)
            try Data(lines.utf8).write(to: URL(filePath: "\(folder(node))/rabbitmq.conf"))
            try Data(Self.advanced.utf8).write(to: URL(filePath: "\(folder(node))/advanced.config"))
            try Data("[rabbitmq_consistent_hash_exchange].\n".utf8).write(to: URL(filePath: "\(folder(node))/plugins"))
            let cookie = "\(directory)/.erlang.cookie"
            if access(cookie, F_OK) != 0 {
                try Data("\(UInt64.random(in: 0 ... .max))".utf8).write(to: URL(filePath: cookie))
                chmod(cookie, 0o400)
            }
        } catch {
            throw ToolError("\(directory) cannot be written", nextStep: "Set TMPDIR to a folder with room")
        }
    }

    /// A node that is cut off is not waited for; whom to leave is RabbitMQ's decision, not Erlang's. The leader of a
    /// queue is missed after a second: RabbitMQ looks only every five seconds otherwise.
    private static let advanced = """
        [{kernel, [{net_setuptime, 2}, {prevent_overlapping_partitions, false}]},
         {aten, [{poll_interval, 1000}]}].

        """

    /// Several nodes share the machine: none waits busily for work.
    private static let sharing = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"

    private func environment(_ node: Int) -> [String: String?] {
        let folder = folder(node)
        let address = hosts?.address(node) ?? "127.0.0.1"
        let parts = address.split(separator: ".").joined(separator: ",")
        return [
            "HOME": directory, "RABBITMQ_NODENAME": name(node), "ERL_EPMD_ADDRESS": address,
            "RABBITMQ_USE_LONGNAME": hosts == nil ? "false" : "true",
            "ERL_EPMD_PORT": "\(epmdPort)", "RABBITMQ_MNESIA_BASE": "\(folder)/data",
            "RABBITMQ_LOG_BASE": "\(folder)/log", "RABBITMQ_CONFIG_FILE": "\(folder)/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": "\(folder)/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "\(folder)/plugins", "RABBITMQ_CONF_ENV_FILE": "\(folder)/none",
            "ERL_CRASH_DUMP": "\(folder)/crash", "RABBITMQ_PID_FILE": "\(folder)/pid",
            "RABBITMQ_DIST_PORT": "\(ports[node].distribution)",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {\(parts)} \(Self.sharing)",
        ]
    }

    // MARK: Life

    /// Starts all nodes, the first alone, so that the others find it.
    package func startAll() throws(ToolError) {
        try start(0)
        try waitUntilReady(0)
        for node in 1..<max(1, count) { try start(node) }
        for node in 1..<max(1, count) { try waitUntilReady(node) }
    }

    package func start(_ node: Int) throws(ToolError) {
        let host = hosts == nil ? 0 : node
        if epmds[host] == nil {
            let command = try there(
                node,
                ["/usr/bin/epmd", "-address", hosts?.address(node) ?? "127.0.0.1", "-port", "\(epmdPort)"])
            epmds[host] = try ChildProcess(
                executable: command[0], arguments: Array(command.dropFirst()), logPath: "\(directory)/epmd.log")
        }
        let command = try there(node, [Self.server])
        nodes[node] = try ChildProcess(
            executable: command[0], arguments: Array(command.dropFirst()), environment: environment(node),
            logPath: "\(folder(node))/output")
    }

    private func there(_ node: Int, _ command: [String]) throws(ToolError) -> [String] {
        try hosts?.command(node, command) ?? command
    }

    /// Waits until a node takes clients.
    package func waitUntilReady(_ node: Int) throws(ToolError) {
        let end = monotonicNanoseconds() + 90_000_000_000
        while monotonicNanoseconds() < end, !Interruption.requested {
            if (try? connect(node)) != nil { return }
            usleep(200_000)
        }
        throw ToolError(
            "RabbitMQ node \(node + 1) does not start", nextStep: "See \(folder(node))/output and \(folder(node))/log")
    }

    /// The processes of a node: the scripts that started it and the Erlang machine.
    private func signal(_ node: Int, _ number: Int32) {
        guard let process = nodes[node] else { return }
        // It leads a process group of its own.
        _ = Glibc.kill(-process.processID, number)
    }

    /// Kills a node, or lets it end.
    package func kill(_ node: Int, _ number: Int32 = SIGKILL) {
        guard let process = nodes[node] else { return }
        signal(node, number)
        if process.wait(seconds: 30) == nil { signal(node, SIGKILL) }
        _ = process.wait(seconds: 5)
        // The scripts that started the Erlang machine may end before it.
        for _ in 0..<500 where Glibc.kill(-process.processID, 0) == 0 { usleep(10_000) }
        nodes[node] = nil
    }

    /// Stops a node where it is: to the others it looks like a network that was cut.
    package func freeze(_ node: Int) { signal(node, SIGSTOP) }
    package func thaw(_ node: Int) { signal(node, SIGCONT) }

    package func isRunning(_ node: Int) -> Bool { nodes[node].map { $0.poll() == nil } ?? false }

    /// The process of a node's Erlang machine; nil while there is none.
    package func processID(_ node: Int) -> pid_t? {
        guard let data = try? Data(contentsOf: URL(filePath: "\(folder(node))/pid")) else { return nil }
        return pid_t(String(decoding: data, as: UTF8.self).trimmingPrefix { $0.isWhitespace }.prefix { $0.isNumber })
    }

    // MARK: Clients

    /// Where this process reaches a node.
    package func address(_ node: Int) -> AMQPAddress {
        AMQPAddress(host: hosts?.address(node) ?? "127.0.0.1", port: ports[node].client, isEncrypted: false)
    }

    /// Where members reach all brokers, this node's first; where each has a host of its own, that host's alone.
    package func addresses(first node: Int = 0) -> [AMQPAddress] {
        if hosts != nil { return [AMQPAddress(host: "127.0.0.1", port: ports[node].client, isEncrypted: false)] }
        return (0..<count).map { number in
            let other = (node + number) % count
            return tls == nil
                ? address(other) : AMQPAddress(host: "localhost", port: ports[other].encrypted, isEncrypted: true)
        }
    }

    package func connect(_ node: Int) throws(AMQPError) -> AMQPConnection {
        try AMQPConnection(
            address(node), AMQPLogin(user: Self.user, password: Self.password, name: "harness", patienceSeconds: 2))
    }

    /// Runs `rabbitmqctl`.
    /// - Returns: whether it went well, and what it printed.
    @discardableResult
    package func control(_ node: Int, _ arguments: String...) throws(ToolError) -> (isRight: Bool, output: String) {
        let path = "\(directory)/control"
        unlink(path)
        let long = hosts == nil ? [] : ["--longnames"]
        let command = try there(node, [Self.control, "-q", "-n", name(node)] + long + arguments)
        let ending = try ChildProcess(
            executable: command[0], arguments: Array(command.dropFirst()), environment: environment(node),
            logPath: path
        ).wait(seconds: 60)
        let output = (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (ending == .exited(code: 0), output)
    }

    /// Ports on loopback that nobody listens on.
    package static func freePorts(_ count: Int) throws(ToolError) -> [Int] {
        var ports: [Int] = []
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
                }
            }
            guard result == 0 else { throw ToolError("no free port on loopback", nextStep: "Set up the interface lo") }
            ports.append(Int(UInt16(bigEndian: address.sin_port)))
        }
        return ports
    }
}
