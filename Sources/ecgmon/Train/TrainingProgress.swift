import ECGATKGAN
import Foundation
import Glibc

/// One line on standard error that says how far a training is; redrawn in place on a terminal, once an epoch elsewhere.
struct TrainingProgress {
    private let isTerminal = isatty(2) != 0
    private let start = ContinuousClock.now
    private var lastDrawn = ContinuousClock.now - .seconds(10)
    private let name: String
    private let totalSteps: Int
    private let firstStep: Int

    /// - Parameters:
    ///   - name: what is trained.
    ///   - doneSteps: those a resumed training had done before.
    init(name: String, totalSteps: Int, doneSteps: Int) {
        self.name = name
        self.totalSteps = totalSteps
        firstStep = doneSteps
    }

    mutating func update(epoch: Int, epochs: Int, doneSteps: Int, losses: [NamedLoss]) {
        guard isTerminal, ContinuousClock.now - lastDrawn > .milliseconds(200) else { return }
        lastDrawn = .now
        let share = Double(doneSteps) / Double(max(totalSteps, 1))
        let bar = String(repeating: "#", count: Int(share * 24)) + String(repeating: ".", count: 24 - Int(share * 24))
        write("\r\u{1B}[K[\(bar)] \(name), epoch \(epoch)/\(epochs)  \(Self.text(losses))  \(timeLeft(doneSteps)) left")
    }

    mutating func epochEnded(_ epoch: Int, of epochs: Int, doneSteps: Int, losses: [NamedLoss]) {
        let before = isTerminal ? "\r\u{1B}[K" : ""
        write("\(before)\(name), epoch \(epoch)/\(epochs)  \(Self.text(losses))  \(timeLeft(doneSteps)) left\n")
    }

    private func timeLeft(_ doneSteps: Int) -> String {
        let here = doneSteps - firstStep
        guard here > 0 else { return "?" }
        let seconds = Double((ContinuousClock.now - start).components.seconds)
        let left = Int(seconds / Double(here) * Double(totalSteps - doneSteps))
        return left >= 3600 ? "\(left / 3600) h \(left % 3600 / 60) min" : "\(left / 60) min \(left % 60) s"
    }

    private static func text(_ losses: [NamedLoss]) -> String {
        losses.map { "\($0.name) \(threeDigits($0.value))" }.joined(separator: "  ")
    }

    /// Three significant digits, however small.
    private static func threeDigits(_ value: Double) -> String { String(format: "%.3g", value) }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
