import Foundation

/// A door through which bytes of others come in. Each is a function of bytes that must neither trap, hang, nor grow
/// without bound, whatever they are; what it makes of them is of no interest here.
enum FuzzTarget: String, CaseIterable {
    /// Messages to the daemon's sockets, one after the other, as far as the alarms of one patient.
    case wire
    /// Bodies that a subscriber or a display gets.
    case published
    /// Headers, annotations and signals in the WFDB formats.
    case wfdb
    /// Recordings in EDF and CSV.
    case edf
    /// A stream's state as it was written before a restart.
    case snapshot
    /// The daemon's configuration file.
    case configuration
    /// Weights with their model card.
    case weights
    /// The table of keys, key files, tokens.
    case keys
    /// Questions for the past, against a journal that holds something, and the answers as clients get them.
    case history
    /// Blocks, hellos and replies of the acknowledged ingest, at both ends.
    case acknowledged
    /// Requests for pages.
    case http
    /// What viewers of the central station say, and the samples that it shows.
    case station
    /// What the brokers of a cluster deliver.
    case cluster

    func take(_ bytes: [UInt8]) {
        switch self {
        case .wire: WireTarget.take(bytes)
        case .published: PublishedTarget.take(bytes)
        case .wfdb: WFDBTarget.take(bytes)
        case .edf: EDFTarget.take(bytes)
        case .snapshot: SnapshotTarget.take(bytes)
        case .configuration: ConfigurationTarget.take(bytes)
        case .weights: WeightsTarget.take(bytes)
        case .keys: KeysTarget.take(bytes)
        case .history: HistoryTarget.take(bytes)
        case .acknowledged: AcknowledgedTarget.take(bytes)
        case .http: HTTPTarget.take(bytes)
        case .station: StationTarget.take(bytes)
        case .cluster: ClusterTarget.take(bytes)
        }
    }

    /// The inputs that once broke something, that reach far, or that show the format; each file is one.
    var corpus: [URL] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus/\(rawValue)")
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).sorted { $0.path < $1.path }
    }
}

/// A folder in memory for the targets that read files. One for each process; its files are written over and over.
enum Scratch {
    static let folder: String = {
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        let path = "\(parent)/ecgmon-fuzz-\(getpid())"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        atexit {
            try? FileManager.default.removeItem(atPath: Scratch.folder)
        }
        return path
    }()

    static func write(_ name: String, _ bytes: some Sequence<UInt8>) -> String {
        let path = "\(folder)/\(name)"
        _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
        return path
    }
}

extension [UInt8] {
    /// The input as several: each begins with its length in two bytes, little-endian; a length beyond the end means all
    /// the rest.
    var pieces: [[UInt8]] {
        var result: [[UInt8]] = []
        var place = 0
        while place + 2 <= count {
            let length = Int(self[place]) | Int(self[place + 1]) << 8
            let end = Swift.min(place + 2 + length, count)
            result.append(Array(self[(place + 2)..<end]))
            place = end
        }
        return result
    }

    /// The opposite of ``pieces``.
    init(pieces: [[UInt8]]) {
        self = pieces.flatMap { [UInt8($0.count & 0xff), UInt8($0.count >> 8)] + $0 }
    }
}
