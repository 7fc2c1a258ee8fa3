import ECGWire
import Glibc
import Logging

/// What the command line sets. It has precedence over the configuration file, also when that is read again.
public struct ConfigurationOverrides: Sendable, Equatable {
    /// Endpoints to take samples on. If empty, the file's.
    public var ingest: [String] = []
    /// Endpoints to publish events on. If empty, the file's.
    public var events: [String] = []
    /// Endpoints to take commands on. If empty, the file's.
    public var commands: [String] = []
    /// Endpoints to take acknowledged samples on. If both this and `ingest` are empty, the file's.
    public var acknowledged: [String] = []
    /// Endpoints to answer for the past on. If both this and `events` are empty, the file's.
    public var history: [String] = []
    /// The journal's file; a relative path starts from the working directory.
    public var journal: String?
    /// Keep no journal.
    public var noJournal = false
    /// How events are written: "json" or "binary".
    public var encoding: String?
    /// Weights of the classifier (safetensors). A relative path starts from the working directory; where there is no such
    /// file, it is looked for like that of the configuration.
    public var model: String?
    /// Port of the HTTP pages, 0 ... 65535; 0: any that is free.
    public var httpPort: Int?
    /// Serve no HTTP pages.
    public var noHTTP = false
    /// Port of the central station, 0 ... 65535; 0: any that is free.
    public var stationPort: Int?
    /// Serve no central station.
    public var noStation = false
    /// Worker threads, 0 ... 256; 0: one for each processor.
    public var workers: Int?
    /// "trace", "debug", "info", "notice", "warning", "error" or "critical".
    public var logLevel: String?

    public init() {}

    /// What is wrong with the first value that cannot be used, in one line that begins with its option; nil: nothing.
    public var problem: String? {
        for (option, endpoints) in [
            ("--ingest", ingest), ("--events", events), ("--commands", commands),
            ("--ingest-acknowledged", acknowledged), ("--history", history),
        ] {
            for endpoint in endpoints {
                if let words = Endpoint.problem(with: endpoint) { return "\(option) \(words)" }
            }
        }
        if let encoding, BodyEncoding(rawValue: encoding) == nil {
            return "--encoding must be json or binary, not \"\(encoding)\""
        }
        if let httpPort, !(0...65_535).contains(httpPort) {
            return "--http-port must be from 0 to 65535, not \(httpPort)"
        }
        if let stationPort, !(0...65_535).contains(stationPort) {
            return "--station-port must be from 0 to 65535, not \(stationPort)"
        }
        if let workers, !(0...256).contains(workers) { return "--workers must be from 0 to 256, not \(workers)" }
        if let logLevel, Logger.Level(rawValue: logLevel) == nil {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            return "--log-level must be one of \(levels), not \"\(logLevel)\""
        }
        return nil
    }

    func applied(to configuration: DaemonConfiguration) -> DaemonConfiguration {
        var result = configuration
        // Whoever moves one of a pair of endpoints does not want the other at its usual place.
        if !ingest.isEmpty || !acknowledged.isEmpty { result.ingest.acknowledgedEndpoints = acknowledged }
        if !events.isEmpty || !history.isEmpty { result.history.endpoints = history }
        if !ingest.isEmpty { result.ingest.endpoints = ingest }
        if !events.isEmpty { result.events.endpoints = events }
        if !commands.isEmpty { result.commands.endpoints = commands }
        if let journal { result.journal.path = Self.absolute(journal) }
        if noJournal { result.journal.path = "" }
        if let encoding = encoding.flatMap({ BodyEncoding(rawValue: $0) }) { result.events.encoding = encoding }
        if let model {
            let path = Self.absolute(model)
            result.model.path = access(path, F_OK) == 0 ? path : model
        }
        if let httpPort { result.http.port = httpPort }
        if noHTTP { result.http.enabled = false }
        if let stationPort { result.station.port = stationPort }
        if noStation { result.station.enabled = false }
        if let workers { result.workers.count = workers }
        if let level = logLevel.flatMap({ Logger.Level(rawValue: $0) }) { result.log.level = level }
        return result
    }

    /// Puts the endpoints that the command line sets, as another configuration has them, into this one.
    func keepEndpoints(of old: DaemonConfiguration, in new: inout DaemonConfiguration) {
        if !ingest.isEmpty { new.ingest.endpoints = old.ingest.endpoints }
        if !acknowledged.isEmpty { new.ingest.acknowledgedEndpoints = old.ingest.acknowledgedEndpoints }
        if !events.isEmpty { new.events.endpoints = old.events.endpoints }
        if !history.isEmpty { new.history.endpoints = old.history.endpoints }
        if !commands.isEmpty { new.commands.endpoints = old.commands.endpoints }
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return "\(String(cString: directory))/\(path)"
    }
}
