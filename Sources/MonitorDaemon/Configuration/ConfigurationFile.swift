import ECGMonitor
import ECGSecurity
import ECGWire
import FoundationEssentials
import Glibc
import TOMLKit

/// Reads a configuration file: all of its mistakes at once, each with its line.
enum ConfigurationFile {
    /// One mistake.
    struct Mistake: Error, Equatable, CustomStringConvertible {
        var line: Int
        var words: String
        var description: String { "line \(line): \(words)" }
    }

    /// Why there is no configuration.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        /// At least one.
        case mistakes(path: String, [Mistake])

        /// A line for each mistake, `FILE:LINE: …` as compilers write it.
        var description: String {
            switch self {
            case .unreadable(let path, let reason): "cannot read the configuration \(path): \(reason)"
            case .mistakes(let path, let mistakes):
                mistakes.map { "\(path):\($0.line): \($0.words)" }.joined(separator: "\n")
            }
        }
    }

    /// No configuration is longer; a device or a dump named by mistake is not read to its end.
    private static let maximumBytes = 1 << 20

    /// - Parameter resolver: looks up the names of hosts to listen on.
    static func read(path: String, resolver: HostResolver = .system) throws(Failure) -> DaemonConfiguration {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw .unreadable(path: path, reason: Self.reason(error, path))
        }
        guard data.count <= maximumBytes else {
            throw .unreadable(path: path, reason: "it has \(data.count) bytes, more than a configuration can need")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .mistakes(path: path, [Mistake(line: 1, words: "the file is not UTF-8")])
        }
        do throws(MistakeList) {
            return try parse(text, resolver: resolver)
        } catch {
            throw .mistakes(path: path, error.mistakes)
        }
    }

    struct MistakeList: Error, Equatable {
        var mistakes: [Mistake] = []
        /// The lines of the keys.
        fileprivate var lines = ConfigurationLines("")

        /// - Parameter words: what is wrong with a key, without its name.
        fileprivate mutating func add(_ key: String, _ words: String) {
            add(at: key, "\(LogFields.oneLine(key)) \(words)")
        }

        fileprivate mutating func add(at key: String, _ words: String) {
            mistakes.append(Mistake(line: lines[key], words: words))
        }
    }

    /// - Parameters:
    ///   - text: TOML.
    ///   - resolver: looks up the names of hosts to listen on. The configuration holds their addresses instead.
    /// - Throws: every mistake in it, in the order of the lines.
    static func parse(_ text: String, resolver: HostResolver = .system) throws(MistakeList) -> DaemonConfiguration {
        if let pitfall = TOMLPitfalls.first(in: text) {
            throw MistakeList(mistakes: [Mistake(line: pitfall.line, words: pitfall.words)])
        }
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw MistakeList(mistakes: [Mistake(line: error.source.begin.line, words: error.description)])
        } catch {
            throw MistakeList(mistakes: [Mistake(line: 1, words: "\(error)")])
        }
        var configuration = DaemonConfiguration()
        var mistakes = MistakeList(lines: ConfigurationLines(text))
        read(root, named: "", &configuration, &mistakes)
        configuration.wards = overrides(root, "ward", &mistakes)
        configuration.patients = overrides(root, "patient", &mistakes)
        limitRanges(configuration, &mistakes)
        if mistakes.mistakes.isEmpty {
            relations(configuration, &mistakes)
            for problem in ListeningAddresses.resolve(&configuration, resolver) {
                mistakes.add(at: problem.key, "\(problem.key): \(problem.words)")
            }
        }
        guard mistakes.mistakes.isEmpty else {
            mistakes.mistakes.sort { $0.line < $1.line }
            throw mistakes
        }
        return configuration
    }

    private static func read(
        _ table: TOMLTable, named name: String,
        _ configuration: inout DaemonConfiguration, _ mistakes: inout MistakeList
    ) {
        for key in table.keys where !(name.isEmpty && Self.overrideTables.contains(key)) {
            guard let value = table[key] else { continue }
            let fullName = name.isEmpty ? key : "\(name).\(key)"
            if let known = ConfigurationSchema.byName[fullName] {
                do throws(ConfigurationKey.ValueProblem) {
                    try known.assign(value, &configuration)
                } catch {
                    mistakes.add(fullName, error.words)
                }
            } else if ConfigurationSchema.tables.contains(fullName) {
                if let inner = value.table {
                    read(inner, named: fullName, &configuration, &mistakes)
                } else {
                    mistakes.add(fullName, "must be a table")
                }
            } else {
                var words = "unknown key \(LogFields.oneLine(fullName))"
                if let near = nearest(to: fullName) { words += "; is \(near) meant?" }
                mistakes.add(at: fullName, words)
            }
        }
    }

    /// Tables of tables, each with limits of `[monitor]` for some streams.
    private static let overrideTables: Set<String> = ["ward", "patient"]

    private static func overrides(
        _ root: TOMLTable, _ kind: String, _ mistakes: inout MistakeList
    ) -> [LimitOverrides] {
        guard let all = root[kind] else { return [] }
        guard let table = all.table else {
            mistakes.add(kind, "must be a table of tables, [\(kind).NAME]")
            return []
        }
        var result: [LimitOverrides] = []
        for name in table.keys {
            let fullName = "\(kind).\(name)"
            guard let inner = table[name]?.table else {
                mistakes.add(fullName, "must be a table of limits")
                continue
            }
            var limits = LimitOverrides(name: name, patterns: [name])
            if kind == "patient" {
                if !StreamName.isValid(name) {
                    mistakes.add(at: fullName, "\(LogFields.oneLine(fullName)): no stream has such a name")
                }
            } else {
                do throws(ConfigurationKey.ValueProblem) {
                    limits.patterns = try patterns(inner["streams"])
                } catch {
                    mistakes.add("\(fullName).streams", error.words)
                }
            }
            read(inner, of: fullName, below: "monitor", isWard: kind == "ward", &limits, &mistakes)
            result.append(limits)
        }
        return result
    }

    private static func patterns(
        _ value: (any TOMLValueConvertible)?
    ) throws(ConfigurationKey.ValueProblem) -> [String] {
        guard let array = value?.array, !array.isEmpty else {
            throw ConfigurationKey.ValueProblem(words: "must be a list of streams, such as [\"icu-*\", \"bed-7\"]")
        }
        var patterns: [String] = []
        for element in array {
            guard let text = element.string else {
                throw ConfigurationKey.ValueProblem(words: "must hold texts in quotes")
            }
            if let words = LimitOverrides.problem(withPattern: text) {
                throw ConfigurationKey.ValueProblem(words: "must \(words)")
            }
            patterns.append(text)
        }
        return patterns
    }

    /// - Parameters:
    ///   - name: the table in the file, `ward.icu.alarms`.
    ///   - path: whose keys it may set, `monitor.alarms`.
    private static func read(
        _ table: TOMLTable, of name: String, below path: String, isWard: Bool,
        _ limits: inout LimitOverrides, _ mistakes: inout MistakeList
    ) {
        for key in table.keys where !(isWard && path == "monitor" && key == "streams") {
            guard let value = table[key] else { continue }
            let (shown, known) = ("\(name).\(key)", "\(path).\(key)")
            if let schema = ConfigurationSchema.byName[known] {
                var holder = DaemonConfiguration()
                holder.monitor = limits.values
                do throws(ConfigurationKey.ValueProblem) {
                    try schema.assign(value, &holder)
                    limits.values = holder.monitor
                    limits.keys.append(known)
                } catch {
                    mistakes.add(shown, error.words)
                }
            } else if ConfigurationSchema.tables.contains(known), let inner = value.table {
                read(inner, of: shown, below: known, isWard: isWard, &limits, &mistakes)
            } else {
                var words = "unknown key \(LogFields.oneLine(shown))"
                if let near = nearest(to: known) { words += "; is \(near.dropFirst("monitor.".count)) meant?" }
                mistakes.add(at: shown, words)
            }
        }
    }

    /// Conditions between limits must also hold for every ward and patient.
    private static func overrideRelations(_ configuration: DaemonConfiguration, _ mistakes: inout MistakeList) {
        func check(_ limits: MonitorConfiguration, _ table: String) {
            do throws(MonitorConfiguration.InvalidValue) {
                try limits.validate()
            } catch {
                let key = ConfigurationSchema.fullName(ofMonitorProperty: error.key).dropFirst("monitor.".count)
                let name = "\(table).\(key)"
                mistakes.add(name, "must be \(error.requirement)")
            }
        }
        for ward in configuration.wards { check(ward.applied(to: configuration.monitor), "ward.\(ward.name)") }
        for patient in configuration.patients {
            check(configuration.limits(of: patient.name), "patient.\(patient.name)")
        }
        var seen: [String: String] = [:]
        for ward in configuration.wards.sorted(by: { $0.name < $1.name }) {
            for pattern in Set(ward.patterns) {
                if let other = seen[pattern] {
                    let name = "ward.\(ward.name).streams"
                    mistakes.add(name, "must not hold \(pattern), which is ward \(LogFields.oneLine(other))'s")
                }
                seen[pattern] = ward.name
            }
        }
    }

    /// What is wrong with the limits of `[monitor]`: each that is out of its range, and those that do not go together.
    private static func limitRanges(_ configuration: DaemonConfiguration, _ mistakes: inout MistakeList) {
        let defaults = DaemonConfiguration()
        var rest = configuration
        var seen: Set<String> = []
        while true {
            do throws(MonitorConfiguration.InvalidValue) {
                return try rest.monitor.validate()
            } catch {
                let name = ConfigurationSchema.fullName(ofMonitorProperty: error.key)
                guard seen.insert(name).inserted else { return }
                mistakes.add(name, "must be \(error.requirement)")
                // With its default in its place the others show.
                guard let key = ConfigurationSchema.byName[name] else { return }
                key.copy(defaults, &rest)
            }
        }
    }

    /// Conditions between two keys.
    private static func relations(_ configuration: DaemonConfiguration, _ mistakes: inout MistakeList) {
        overrideRelations(configuration, &mistakes)
        if configuration.ingest.connectionLimitBytes < configuration.ingest.maximumFrameBytes {
            mistakes.add("ingest.connection_limit_bytes", "must not be below ingest.maximum_frame_bytes")
        }
        if configuration.streams.forgottenAfterSeconds < configuration.streams.silentAfterSeconds {
            mistakes.add("streams.forgotten_after_seconds", "must not be below streams.silent_after_seconds")
        }
        let cluster = configuration.cluster
        if cluster.role != .none, cluster.brokers.contains(where: { $0.hasPrefix("amqps:") }),
            cluster.authorities.isEmpty
        {
            mistakes.add(
                "cluster.brokers", "needs cluster.ca_file, the authorities that sign the brokers' certificates")
        }
        if cluster.certificate.isEmpty != cluster.key.isEmpty {
            mistakes.add("cluster.certificate_file", "and cluster.key_file go together")
        }
        if SecurityFiles.isEnabled(configuration.security),
            SecurityFiles.authorizedKeysPath(configuration.security) == nil
        {
            mistakes.add("security.server_key", "needs security.authorized_keys, the table of the keys to let in")
        }
    }

    private static func reason(_ error: any Error, _ path: String) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            return status.st_mode & S_IFMT == S_IFDIR ? "it is a directory" : "it is no regular file"
        }
        return switch error.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file"
        case .fileReadNoPermission: "permission denied"
        default: "it cannot be read (\(error.code.rawValue))"
        }
    }

    /// The known name that a mistyped one is nearest to, if it is near enough.
    private static func nearest(to name: String) -> String? {
        let candidates = ConfigurationSchema.keys.map(\.fullName) + ConfigurationSchema.tables
        let best = candidates.map { ($0, editDistance($0, name)) }.min { $0.1 < $1.1 }
        return best.flatMap { $0.1 <= max(2, name.count / 5) ? $0.0 : nil }
    }

    private static func editDistance(_ a: String, _ b: String) -> Int {
        let b = Array(b.prefix(100))
        var row = Array(0...b.count)
        for (i, x) in a.prefix(100).enumerated() {
            var previous = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = previous + (x == y ? 0 : 1)
                previous = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
