import ArgumentParser
import DaemonEvaluation
import DaemonHarness
import ECGWire
import MonitorDaemon
import ToolSupport

/// What messages cost: decoding, sockets, encryption, the journal, subscribers.
struct BenchmarkMessages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "messages",
        abstract: "Time decoding, sockets, encryption, the journal and subscribers, without any detection.",
        discussion: """
            Blocks of 0.1 s at 360 Hz, and events of beats. A block is decoded and checked; it goes from a PUSH to a \
            PULL socket; events are appended to a journal in rounds of 100; and they are published to one subscriber, \
            or to a subscriber for each of 100 wards. The median of several runs; processor time is that of all \
            threads of both sides.

            Example:
              ecgmon benchmark messages --count 50000
            """)

    @Option(help: "Messages in each run, 1000 to 10000000.")
    var count = 50_000

    @Option(help: "Runs of each stage.")
    var runs = 5

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1_000...10_000_000).contains(count) else { throw ValidationError("--count takes 1000 to 10000000") }
        guard (1...1_000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000") }
    }

    func run() throws {
        let timings = MessageTimings(count: count, block: try Self.block(), event: try Self.event())
        var figures = [try median { try decode(timings) }]
        for transport in MessageTimings.Transport.allCases {
            figures.append(try median { try timings.carry(by: transport) })
        }
        for waitsForDisk in [false, true] {
            figures.append(try median { try journal(timings, waitsForDisk: waitsForDisk) })
        }
        for wards in [1, 100] { figures.append(try median { try timings.publish(toWards: wards) }) }
        var table = TextTable(["stage", "messages a second", "processor us a message"])
        for figure in figures {
            table.rows.append([figure.stage, fixed(figure.messagesPerSecond, 0), fixed(figure.microseconds, 2)])
        }
        try ReportOutput.show(figures, json: json, text: table.text)
    }

    private func decode(_ timings: MessageTimings) throws -> MessageTimings.Figure {
        try timings.timed("block decoded and checked") { begin in
            begin()
            var samples = 0
            for _ in 0..<count {
                try timings.block.withUnsafeBytes { frame in
                    let block = try WireSampleBlock(frame: frame)
                    try block.validate()
                    samples += block.samplesInMillivolts.count
                }
            }
            precondition(samples == 36 * count)
        }
    }

    private func journal(_ timings: MessageTimings, waitsForDisk: Bool) throws -> MessageTimings.Figure {
        let folder = try TemporaryDirectory()
        let name = waitsForDisk ? "event in the journal, on the disk" : "event in the journal, disk not waited for"
        return try timings.timed(name) { begin in
            let journal = try JournalWork(path: folder.path + "/journal.sqlite", waitsForDisk: waitsForDisk)
            begin()
            for _ in 0..<count / 100 { try journal.append(beatsOf: 100) }
        }
    }

    /// The run of median rate.
    private func median(_ run: () throws -> MessageTimings.Figure) throws -> MessageTimings.Figure {
        try (0..<runs).map { _ in try run() }.sorted { $0.messagesPerSecond < $1.messagesPerSecond }[runs / 2]
    }

    private static func block() throws -> [UInt8] {
        var block = WireSampleBlock()
        block.schemaVersion = SampleBlockLimits.schemaVersion
        block.stream = "bed-1"
        block.session = 1_700_000_000
        block.firstSampleIndex = 36_000
        block.samplingRate = 360
        block.lead = "II"
        block.gain = 200
        block.counts = (0..<36).map { 900 + $0 % 7 * 20 }
        return try block.body(as: .binary)
    }

    private static func event() throws -> [UInt8] {
        var event = WireEvent()
        event.schemaVersion = 1
        event.stream = "bed-1"
        event.session = 1_700_000_000
        event.sequence = 4_711
        event.id = "bed-1/1700000000/beat/36000"
        event.sampleIndex = 36_000
        event.decidedAtSampleIndex = 36_150
        event.beat.beatClass = .normal
        event.beat.probabilities.normal = 1
        event.beat.rrIntervalSeconds = 0.83
        event.beat.amplitudeMillivolts = 1.2
        return try event.body(as: .binary)
    }
}
