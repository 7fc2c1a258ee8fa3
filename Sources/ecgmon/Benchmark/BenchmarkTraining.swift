import ArgumentParser
import Foundation
import NeuralNetwork
import ToolSupport

/// Times, beside another system's where there is one.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Time the stages of the monitor, its messages, and the training beside PyTorch.",
        subcommands: [BenchmarkStages.self, BenchmarkMessages.self, BenchmarkTraining.self])
}

/// One training step of the paper's discriminator, ours and PyTorch's in turn.
struct BenchmarkTraining: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training-step",
        abstract: "Time one training step of the paper's discriminator, batch 64, here and in PyTorch.",
        discussion: """
            Forward, cross-entropy and attack loss, backward, Adam. Both run alternately, several times, with the same \
            number of threads; the figures are medians. Without PyTorch only ours is timed.

            Example:
              ecgmon benchmark training-step
            """)

    @Option(help: "A Python that can import torch.")
    var python = "python3"

    @Option(help: "The script that times PyTorch.")
    var script = "Tests/Reference/discriminator_step.py"

    @Option(parsing: .upToNextOption, help: "Thread counts to measure with.")
    var threads = [1, 2]

    @Option(help: "Number of measurements of each side.")
    var rounds = 3

    @Option(help: "Steps in each measurement.")
    var steps = 20

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !threads.isEmpty, threads.allSatisfy({ (1...TrainingStep.batch / 2).contains($0) }) else {
            throw ValidationError("--threads takes numbers from 1 to \(TrainingStep.batch / 2)")
        }
        guard rounds >= 1, steps >= 1 else { throw ValidationError("--rounds and --steps are at least 1") }
    }

    struct Result: Encodable {
        var threads: Int
        var milliseconds: Double
        var torchMilliseconds: Double?
        var torch: String?

        enum CodingKeys: String, CodingKey {
            case threads
            case milliseconds = "median_ms"
            case torchMilliseconds = "torch_median_ms"
            case torch = "torch_version"
        }
    }

    func run() throws {
        BLAS.useOneThread()
        var missing: ToolError?
        var results: [Result] = []
        for count in threads {
            var own: [Double] = []
            var theirs: [Double] = []
            var version: String?
            for _ in 0..<rounds {
                own.append(TrainingStep(threads: count).medianDuration(steps: steps) / .milliseconds(1))
                guard missing == nil else { continue }
                do throws(ToolError) {
                    let timing = try PyTorchTiming.measure(
                        python: python, script: script, threads: count, steps: steps)
                    theirs.append(timing.medianMilliseconds)
                    version = timing.torch
                } catch {
                    missing = error
                }
            }
            results.append(
                Result(
                    threads: count, milliseconds: Self.median(own) ?? .nan, torchMilliseconds: Self.median(theirs),
                    torch: version))
        }
        try ReportOutput.show(results, json: json, text: results.map(Self.line).joined(separator: "\n"))
        if let missing { Terminal.note("PyTorch was not measured: \(missing.description)") }
    }

    static func median(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.sorted()[values.count / 2]
    }

    static func line(_ result: Result) -> String {
        var line =
            "training step, batch \(TrainingStep.batch), \(result.threads) thread\(result.threads == 1 ? "" : "s"): "
        line += String(format: "%.1f ms", result.milliseconds)
        if let torchMilliseconds = result.torchMilliseconds, let torch = result.torch {
            line += String(
                format: ", PyTorch %@ %.1f ms, ours / PyTorch's %.2f", torch, torchMilliseconds,
                result.milliseconds / torchMilliseconds)
        }
        return line
    }
}
