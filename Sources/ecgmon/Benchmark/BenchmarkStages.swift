import ArgumentParser
import ECGEvaluation
import Glibc
import NeuralNetwork
import ToolSupport

/// Each stage of the monitor by itself, on one thread.
struct BenchmarkStages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages", abstract: "Time each stage of the monitor by itself, on one thread.",
        discussion: """
            Processor time of a unit of work: a sample, a window or a beat. The median of several runs.

            Example:
              ecgmon benchmark stages --runs 9
            """)

    @Option(help: ArgumentHelp("A WFDB record of 360 Hz, without extension.", valueName: "path"))
    var record = "Fixtures/208s"

    @Option(help: ArgumentHelp("The weights.", valueName: "file"))
    var model: String?

    @Option(help: "Runs of each stage.")
    var runs = 5

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...1_000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000") }
    }

    private struct Stage: Encodable {
        var name: String
        var unit: String
        var nanoseconds: Double
    }

    func run() throws {
        BLAS.useOneThread()
        let path = record == "Fixtures/208s" ? (InstalledFiles.find("\(record).hea") ?? record) : record
        let work = try StageWork(recordPath: path, model: try InstalledFiles.model(model))
        let stages: [(String, String, Int, () -> Int)] = [
            ("detector", "sample", work.sampleCount, work.detect),
            ("signal path", "sample", work.sampleCount, work.processSignal),
            ("ventricular rhythm", "sample", work.sampleCount, work.estimateVentricularRhythm),
            ("discriminator, batch 1", "window", work.beatCount, { work.classify(batch: 1) }),
            ("discriminator, batch 64", "window", work.beatCount, { work.classify(batch: 64) }),
            ("contextual classifier", "beat", work.beatCount, work.classifyInContext),
            ("whole monitor", "beat", work.beatCount, work.monitor),
        ]
        let measured = stages.map { name, unit, count, body in
            Stage(name: name, unit: unit, nanoseconds: median(body) / Double(max(count, 1)))
        }
        var table = TextTable(["stage", "unit", "ns a unit", "units a second"])
        for stage in measured {
            table.rows.append([
                stage.name, stage.unit, fixed(stage.nanoseconds, 1), fixed(1e9 / stage.nanoseconds, 0),
            ])
        }
        try ReportOutput.show(measured, json: json, text: table.text)
    }

    /// Processor time of one run, in ns.
    private func median(_ work: () -> Int) -> Double {
        var times: [Double] = []
        var sum = work()
        for _ in 0..<runs {
            let start = processorNanoseconds
            sum &+= work()
            times.append(max(processorNanoseconds - start, 1))
        }
        // The result is used, or the compiler might leave the work out.
        return sum == .min ? 0 : times.sorted()[runs / 2]
    }

    private var processorNanoseconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
