// swift-tools-version: 6.2
import PackageDescription

/// Strict settings for every Swift target: the upcoming features are on so that nothing has to change when they become
/// the default.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// For `make fuzz`: the library code and the fuzz targets are all that is built, with coverage counters.
let isFuzzing = Context.environment["ECGMON_FUZZ"] != nil

let package = Package(
    name: "ecg-monitor",
    products: [
        .library(name: "WFDB", targets: ["WFDB"]),
        .library(name: "EDF", targets: ["EDF"]),
        .library(name: "ECGWire", targets: ["ECGWire"]),
        .library(name: "ZeroMQ", targets: ["ZeroMQ"]),
        .library(name: "MonitorDaemon", targets: ["MonitorDaemon"]),
        .library(name: "EC57", targets: ["EC57"]),
        .library(name: "ECGEvaluation", targets: ["ECGEvaluation"]),
        .executable(name: "ecgmond", targets: ["ecgmond"]),
        .executable(name: "ecgmon", targets: ["ecgmon"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        // C libraries from Debian's -dev packages.
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        // libsodium comes with libzmq; its SHA-256 spares building a cryptography package.
        .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CSystemd", providers: [.apt(["libsystemd-dev"])]),
        // The client of RabbitMQ, which distributes the streams of a cluster.
        .systemLibrary(name: "CRabbitMQ", providers: [.apt(["librabbitmq-dev"])]),
        // Part of the GNU C library that Swift's Glibc module leaves out.
        .systemLibrary(name: "CMalloc"),
        // The one kernel that decides the speed of the network, compiled for AVX2 behind a CPU check.
        .target(name: "CKernels"),

        // Keeps libzmq from ending the process for a connection that breaks off.
        .target(name: "CZeroMQGuard", cSettings: [.define("_GNU_SOURCE")]),

        .target(name: "ZeroMQ", dependencies: ["CZeroMQ", "CZeroMQGuard"], swiftSettings: strict),
        // Connections to a RabbitMQ broker.
        .target(name: "AMQP", dependencies: ["CRabbitMQ"], swiftSettings: strict),
        // Who owns which streams of a cluster, and how they change hands.
        .target(name: "MonitorCluster", swiftSettings: strict),
        .target(
            name: "ECGWire",
            dependencies: ["ECGLimits", "ZeroMQ", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["ecg_monitor.proto"], swiftSettings: strict),
        .target(
            name: "ECGSecurity", dependencies: ["ZeroMQ", "ECGWire", .product(name: "TOMLKit", package: "TOMLKit")],
            swiftSettings: strict),
        .target(name: "WFDB", swiftSettings: strict),
        // Recordings in the European Data Format.
        .target(name: "EDF", swiftSettings: strict),
        // What a stream of samples may be.
        .target(name: "ECGLimits", swiftSettings: strict),
        // The state of a value as bytes and back.
        .target(name: "StateCoding", swiftSettings: strict),
        .target(name: "ECGSignal", dependencies: ["CKernels", "ECGLimits", "StateCoding"], swiftSettings: strict),
        .target(name: "NeuralNetwork", dependencies: ["COpenBLAS", "CSodium", "CKernels"], swiftSettings: strict),
        // Scores of beats, runs and records after AAMI EC57.
        .target(name: "EC57", swiftSettings: strict),
        .target(
            name: "ECGATKGAN", dependencies: ["EC57", "ECGSignal", "NeuralNetwork", "CKernels", "StateCoding"],
            swiftSettings: strict),
        // The deployed classifier: weights files, the network's answer for a window, and the contextual classifier.
        .target(
            name: "ECGClassification",
            dependencies: ["ECGATKGAN", "ECGSignal", "NeuralNetwork", "CKernels", "StateCoding"],
            swiftSettings: strict),
        .target(
            name: "ECGMonitor",
            dependencies: ["CKernels", "ECGLimits", "ECGSignal", "ECGATKGAN", "ECGClassification", "StateCoding"],
            swiftSettings: strict),
        // Errors with a next step, clocks and Ctrl-C, for the tool and the libraries under it.
        .target(name: "ToolSupport", swiftSettings: strict),
        // A record or simulated ECG, sent as a bedside would.
        .target(
            name: "ECGReplay",
            dependencies: [
                "EDF", "ToolSupport", "ECGLimits", "ECGSignal", "ECGWire", "NeuralNetwork", "WFDB", "ZeroMQ",
            ],
            swiftSettings: strict),
        // Records through the monitor, and what is measured on them.
        .target(
            name: "ECGEvaluation",
            dependencies: [
                "ToolSupport", "EC57", "ECGLimits", "ECGReplay", "ECGSignal", "NeuralNetwork", "ECGATKGAN",
                "ECGClassification",
                "ECGMonitor", "WFDB",
            ], swiftSettings: strict),
        // A daemon started by a program or a test, and what it says.
        .target(
            name: "DaemonHarness", dependencies: ["AMQP", "ToolSupport", "ECGWire", "ZeroMQ"], swiftSettings: strict),
        // What is measured on a running daemon: losses, memory, latency.
        .target(
            name: "DaemonEvaluation",
            dependencies: [
                "AMQP", "MonitorCluster", "DaemonHarness", "ToolSupport", "ECGReplay", "ECGSecurity", "ECGSignal",
                "ECGWire", "ZeroMQ",
            ],
            swiftSettings: strict),
        // What the monitor finds as it goes over the wire: ids and bodies.
        .target(
            name: "MonitorWire",
            dependencies: [
                "ECGMonitor", "ECGWire", "ECGATKGAN", "ECGClassification", "ECGSignal", "NeuralNetwork",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], swiftSettings: strict),
        // The central station's page: plain HTML, CSS and JavaScript, embedded in the program.
        .target(
            name: "StationPage",
            resources: [
                "alarms.js", "app.js", "beds.js", "charts.js", "connection.js", "detail.js", "icon.svg", "index.html",
                "limits.js", "station.css", "strip.js", "tile.js", "tones.js",
            ].map { .embedInCode("Page/\($0)") }, swiftSettings: strict),
        // All of the daemon but its command line.
        .target(
            name: "MonitorDaemon",
            dependencies: [
                "ZeroMQ", "ECGWire", "ECGSecurity", "ECGSignal", "ECGATKGAN",
                "ECGClassification", "ECGMonitor", "MonitorWire", "NeuralNetwork", "StationPage", "CMalloc",
                "CSystemd",
                "AMQP", "MonitorCluster",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "TOMLKit", package: "TOMLKit"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "ecgmond",
            dependencies: ["MonitorDaemon", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .executableTarget(
            name: "ecgmon",
            dependencies: [
                "DaemonEvaluation", "DaemonHarness", "EC57", "ECGEvaluation", "ECGLimits", "ECGReplay", "EDF",
                "ToolSupport", "ZeroMQ", "ECGWire", "ECGSecurity", "WFDB", "ECGSignal", "NeuralNetwork", "ECGATKGAN",
                "ECGClassification", "ECGMonitor",
                "MonitorDaemon", "MonitorWire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),

        // Docs/Examples for Swift. Built with everything and run by a test; not installed.
        .executableTarget(
            name: "bedside-example", dependencies: ["ECGWire", "ZeroMQ"], path: "Docs/Examples/swift",
            swiftSettings: strict),

        // What the test targets share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "AMQP", "MonitorCluster", "MonitorDaemon", "ecgmond", "DaemonHarness", "DaemonEvaluation", "ECGReplay",
                "ECGWire", "TestSupport", "ToolSupport", "ZeroMQ",
            ], swiftSettings: strict),
        .testTarget(name: "ZeroMQTests", dependencies: ["ZeroMQ"], swiftSettings: strict),
        .testTarget(
            name: "ECGWireTests",
            dependencies: ["ECGWire", "ZeroMQ", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict),
        .testTarget(
            name: "ECGSecurityTests", dependencies: ["ECGSecurity", "ECGWire", "ZeroMQ"], swiftSettings: strict),
        .testTarget(name: "WFDBTests", dependencies: ["WFDB", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "EDFTests", dependencies: ["EDF", "ECGReplay", "TestSupport", "ToolSupport", "WFDB"],
            swiftSettings: strict),
        .testTarget(
            name: "ECGSignalTests", dependencies: ["ECGSignal", "StateCoding", "WFDB", "TestSupport"],
            exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(name: "NeuralNetworkTests", dependencies: ["NeuralNetwork", "CKernels"], swiftSettings: strict),
        .testTarget(
            name: "ECGATKGANTests", dependencies: ["ECGATKGAN", "ECGClassification", "NeuralNetwork"],
            swiftSettings: strict),
        .testTarget(
            name: "ECGClassificationTests", dependencies: ["ECGATKGAN", "ECGClassification", "NeuralNetwork"],
            swiftSettings: strict),
        .testTarget(
            name: "ECGMonitorTests",
            dependencies: [
                "ECGMonitor", "ECGSignal", "ECGATKGAN", "ECGClassification", "StateCoding", "WFDB", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MonitorWireTests",
            dependencies: [
                "MonitorWire", "ECGMonitor", "ECGSignal", "ECGATKGAN", "ECGClassification", "ECGWire", "WFDB",
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                // The tests start these programs, too.
                "bedside-example", "ecgmond", "MonitorDaemon", "DaemonHarness", "TestSupport", "ToolSupport",
                "ECGWire", "ECGSecurity", "ZeroMQ", "ECGSignal", "ECGATKGAN", "ECGClassification", "ECGMonitor",
                "MonitorWire",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "MonitorDaemon", "ECGReplay", "ECGWire", "ECGSecurity", "EDF", "ZeroMQ", "WFDB", "NeuralNetwork",
                "ECGATKGAN", "ECGClassification", "ECGMonitor", "ToolSupport",
                "AMQP", "MonitorCluster", "MonitorWire",
                "StateCoding",
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["Corpus"],
            swiftSettings: strict + (isFuzzing ? [.define("FUZZING")] : [])),
        .testTarget(
            name: "ToolTests",
            dependencies: [
                "ecgmon", "DaemonEvaluation", "DaemonHarness", "EC57", "ECGEvaluation", "ECGReplay", "TestSupport",
                "ToolSupport", "WFDB", "ECGWire", "ECGSecurity", "ECGSignal", "NeuralNetwork", "ECGATKGAN",
                "ECGClassification",
                "ECGMonitor", "MonitorDaemon", "ZeroMQ",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], exclude: ["run-guide.sh"], swiftSettings: strict),
    ]
)

if isFuzzing {
    package.targets.removeAll { ($0.type == .test && $0.name != "FuzzTests") || $0.type == .executable }
    package.products.removeAll { ["ecgmon", "ecgmond"].contains($0.name) }
}
