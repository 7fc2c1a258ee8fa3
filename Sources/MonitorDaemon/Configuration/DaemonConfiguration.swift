import ECGMonitor
import ECGWire
import Logging

/// Everything that can be configured, with its default. `Config/ecgmond.toml` documents each key; a test compares the
/// two.
struct DaemonConfiguration: Sendable, Equatable {
    struct Ingest: Sendable, Equatable {
        var endpoints = ["tcp://127.0.0.1:5570", "ipc:///run/ecgmon/ingest"]
        var maximumFrameBytes = 1 << 20
        var connectionLimitBytes = 16 << 20
        var receiveQueueMessages = 256
        var patienceSeconds = 2.0
        var acknowledgedEndpoints = ["tcp://127.0.0.1:5571", "ipc:///run/ecgmon/ingest-acknowledged"]
        var acknowledgedWindowSamples = 30_000
    }

    struct Journal: Sendable, Equatable {
        /// Relative: in the service manager's state directory, or, without one, none.
        var path = "journal.sqlite"
        var synchronous = JournalSynchronous.full
        var snapshotSeconds = 5.0
        var groupMilliseconds = 10.0
        var keepDays = 30.0
        var keepBeatsHours = 1.0
        var maximumBytes = 2_000_000_000
        var patienceSeconds = 1.0
        var pendingEvents = 100_000
        var queueRounds = 16_384
    }

    struct History: Sendable, Equatable {
        var endpoints = ["tcp://127.0.0.1:5573", "ipc:///run/ecgmon/history"]
    }

    struct Events: Sendable, Equatable {
        var endpoints = ["tcp://127.0.0.1:5572", "ipc:///run/ecgmon/events"]
        var encoding = BodyEncoding.json
        var subscriberQueueMessages = 10_000
        var publishQueueEvents = 16_384
        var publishQueueBytes = 64_000_000
        var healthPeriodSeconds = 5.0
    }

    struct Commands: Sendable, Equatable {
        var endpoints = ["tcp://127.0.0.1:5574", "ipc:///run/ecgmon/command"]
    }

    struct Security: Sendable, Equatable {
        /// Path of the server's key file; "": no endpoint asks for a key.
        var serverKey = ""
        /// Path of the table of keys that are let in.
        var authorizedKeys = ""
        var ipcWithoutCurve = false
    }

    struct Model: Sendable, Equatable {
        var path = "models/default.safetensors"
    }

    struct Streams: Sendable, Equatable {
        var maximum = 20_000
        var silentAfterSeconds = 5.0
        var forgottenAfterSeconds = 3600.0
        var reportSameHeartbeat = true
    }

    struct Workers: Sendable, Equatable {
        /// 0: one for each processor.
        var count = 0
        var queueSegments = 4096
        var queueSamples = 16_000_000
        var roundSegments = 512
    }

    struct HTTP: Sendable, Equatable {
        var enabled = true
        var address = "127.0.0.1"
        /// 0: any free port.
        var port = 8470
        /// Path of a file with the token that requests must carry; "": none.
        var tokenFile = ""
    }

    struct Station: Sendable, Equatable {
        var enabled = true
        var address = "127.0.0.1"
        /// 0: any free port.
        var port = 8471
        /// Names beside addresses by which browsers may call it.
        var hostNames: [String] = []
        var maximumConnections = 64
        var maximumBeds = 128
        /// Path of a file with the token that viewers must show; "": none.
        var viewTokenFile = ""
        /// Path of a file with the token of those who may command; "": nobody may.
        var commandTokenFile = ""
    }

    struct Cluster: Sendable, Equatable {
        enum Role: String, CaseIterable, Sendable {
            /// The daemon works alone.
            case none
            /// It takes samples and commands, and publishes events.
            case gateway
            /// It monitors streams.
            case worker
            case both

            var isGateway: Bool { self == .gateway || self == .both }
            var isWorker: Bool { self == .worker || self == .both }
        }

        var role = Role.none
        var name = "ecgmon"
        /// What the others call it; "": the host's name.
        var member = ""
        var brokers = ["amqp://127.0.0.1:5672"]
        var user = "ecgmon"
        /// Path of the file with the password; "": the credential broker.password.
        var passwordFile = ""
        var virtualHost = "/"
        /// Paths for TLS; "": none.
        var authorities = ""
        var certificate = ""
        var key = ""
        var partitions = 128
        var heartbeatSeconds = 2
    }

    struct Log: Sendable, Equatable {
        var level = Logger.Level.info
        var periodSeconds = 10.0
    }

    struct Stop: Sendable, Equatable {
        var limitSeconds = 15.0
    }

    var ingest = Ingest()
    var journal = Journal()
    var history = History()
    var events = Events()
    var commands = Commands()
    var security = Security()
    var model = Model()
    var streams = Streams()
    var workers = Workers()
    var http = HTTP()
    var station = Station()
    var cluster = Cluster()
    var log = Log()
    var stop = Stop()
    var monitor = MonitorConfiguration()
    /// Limits of wards and of single patients, which have precedence over `monitor`'s.
    var wards: [LimitOverrides] = []
    var patients: [LimitOverrides] = []
}
