import AMQP
import ECGSecurity
import Glibc
import MonitorCluster

/// What a member of a cluster needs to know to take part.
struct ClusterSettings: Sendable {
    let role: DaemonConfiguration.Cluster.Role
    let names: ClusterNames
    /// What the other members call it.
    let member: String
    let brokers: [AMQPAddress]
    let login: AMQPLogin

    /// - Returns: nil where the daemon works alone.
    /// - Throws: what is wrong with the file of the password.
    init?(_ configuration: DaemonConfiguration.Cluster) throws(SecretFileError) {
        guard configuration.role != .none else { return nil }
        role = configuration.role
        names = ClusterNames(cluster: configuration.name, partitions: configuration.partitions)
        member = configuration.member.isEmpty ? Self.hostName : configuration.member
        brokers = configuration.brokers.compactMap { AMQPAddress($0) }
        let path =
            configuration.passwordFile.isEmpty
            ? ProtectedFile.credential("broker.password") : configuration.passwordFile
        guard let path else {
            throw SecretFileError(
                path: "cluster.password_file", reason: "it is not set",
                nextStep: "write the broker's password for \(configuration.user) into a file of mode 600 and name it")
        }
        let password = try ProtectedFile.read(path: path, .secret).split(whereSeparator: \.isNewline).first ?? ""
        guard !password.isEmpty else {
            throw SecretFileError(
                path: path, reason: "its first line is empty", nextStep: "write the broker's password into it")
        }
        login = AMQPLogin(
            user: configuration.user, password: String(password), virtualHost: configuration.virtualHost,
            name: "\(configuration.name) \(member)", heartbeatSeconds: configuration.heartbeatSeconds,
            authorities: configuration.authorities, certificate: configuration.certificate, key: configuration.key,
            patienceSeconds: 6)
    }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 65)
        gethostname(&buffer, 64)
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let name = String(decoding: bytes, as: UTF8.self).prefix { $0 != "." }
        return ClusterNames.isValid(String(name)) ? String(name) : "member"
    }
}
