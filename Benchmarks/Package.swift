// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing of it is built with the programs. `make benchmark` runs it.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "ecg-monitor", path: ".."),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        // Without its traits, which replace malloc and the runtime's reference counting.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Stages",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "ECGEvaluation", package: "ecg-monitor"),
                .product(name: "ECGWire", package: "ecg-monitor"),
                .product(name: "MonitorDaemon", package: "ecg-monitor"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Benchmarks/Stages",
            swiftSettings: [.swiftLanguageMode(.v6)],
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ])
