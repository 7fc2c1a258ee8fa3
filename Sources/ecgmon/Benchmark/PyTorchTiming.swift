import Foundation
import ToolSupport

/// The same training step in PyTorch, timed by `Tests/Reference/discriminator_step.py`.
struct PyTorchTiming: Decodable {
    /// PyTorch's version.
    var torch: String
    var medianMilliseconds: Double

    enum CodingKeys: String, CodingKey {
        case torch
        case medianMilliseconds = "median_ms"
    }

    /// Runs the script to its end.
    /// - Throws: `ToolError` where Python cannot be started, PyTorch cannot be imported, or the answer is not the
    ///   script's.
    static func measure(python: String, script: String, threads: Int, steps: Int) throws(ToolError) -> PyTorchTiming {
        let advice = "Name a Python that can import torch with --python"
        guard FileManager.default.fileExists(atPath: script) else {
            throw ToolError(
                "there is no \(script)", nextStep: "Run this in the project's folder, or name the script with --script")
        }
        let process = Process()
        // env finds the interpreter in PATH.
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [python, script, "--time", "--threads", "\(threads)", "--steps", "\(steps)"]
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        do {
            try process.run()
        } catch {
            throw ToolError("\(python) cannot be started: \(error)", nextStep: advice)
        }
        // Either pipe holds more than the script writes; a traceback is some hundred bytes.
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let last = complaint.split(whereSeparator: \.isNewline).last.map(String.init) ?? "no message"
            throw ToolError("\(python) \(script) failed: \(last)", nextStep: advice)
        }
        do {
            return try JSONDecoder().decode(PyTorchTiming.self, from: answer)
        } catch {
            throw ToolError("\(script) printed something other than its timing", nextStep: advice)
        }
    }
}
