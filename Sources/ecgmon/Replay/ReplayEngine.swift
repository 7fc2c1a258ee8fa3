import ECGWire
import ZeroMQ

/// Sends material to an ingest socket as bedside acquisition would: blocks of samples of one or several streams, each
/// when its last sample has been taken.
struct ReplayEngine {
    /// How the samples are written on the wire.
    enum Encoding: Sendable {
        case counts
        case millivolts
    }

    var material: ReplayMaterial
    /// The streams' names, one or more; all get the same samples.
    var streams: [String]
    /// Names this run of the acquisition.
    var session: UInt64
    /// Samples in a block.
    var blockLength: Int
    /// Times real time; infinity: as fast as the daemon takes them.
    var speed: Double
    var loops = false
    var encoding = Encoding.counts
    /// When sample 0 of stream 0 was taken, UTC in nanoseconds since 1970. 0: unknown.
    var startNanoseconds: Int64

    struct Report: Equatable {
        /// Blocks and samples sent, over all streams.
        var blocks = 0
        var samples = 0
        /// The most that a block came late, in nanoseconds.
        var largestLateness: Int64 = 0
        /// How often the daemon took nothing for a second or longer.
        var stalls = 0
        /// False when it was interrupted before the end.
        var complete = false
    }

    /// Sends until the end of the material or an interruption.
    /// - Parameter progress: told the position in samples of stream 0 after each of its blocks; returning false ends
    ///   the replay.
    func run<Sender: BlockSender & ~Copyable>(
        into sender: inout Sender, progress: (Int64) -> Bool = { _ in true }
    ) throws(ToolError) -> Report {
        var report = Report()
        let schedule = ReplaySchedule(
            materialLength: material.counts.count, streamCount: streams.count, blockLength: blockLength, loops: loops)
        let millivolts = encoding == .millivolts ? material.millivolts : []
        // The clock starts when the daemon has taken the first block: looking for it must not make all others late.
        var pacer: MonotonicPacer?
        for block in schedule {
            guard pacer?.wait(untilSample: block.dueAtSample) ?? true else { return finished(report, pacer, sender) }
            for part in material.withoutGaps(block.range) {
                var piece = block
                piece.range = part
                piece.firstSampleIndex += Int64(part.lowerBound - block.range.lowerBound)
                let message = wireBlock(piece, phase: schedule.phase(ofStream: block.stream), millivolts: millivolts)
                guard try sender.send(message) else { return finished(report, pacer, sender) }
                report.blocks += 1
                report.samples += part.count
            }
            if pacer == nil {
                pacer = MonotonicPacer(
                    samplingRate: material.samplingRate, speed: speed, startingAtSample: block.dueAtSample)
            }
            if block.stream == 0, !progress(block.firstSampleIndex + Int64(block.range.count)) {
                return finished(report, pacer, sender)
            }
        }
        try sender.finish()
        report.complete = !Interruption.requested
        return finished(report, pacer, sender)
    }

    /// The message for one block.
    func wireBlock(_ block: ReplaySchedule.Block, phase: Double, millivolts: [Float]) -> WireSampleBlock {
        var message = WireSampleBlock()
        message.schemaVersion = SampleBlockLimits.schemaVersion
        message.stream = streams[block.stream]
        message.session = session
        message.firstSampleIndex = block.firstSampleIndex
        message.samplingRate = material.samplingRate
        if startNanoseconds != 0 {
            let sinceStart = (Double(block.firstSampleIndex) + phase) / material.samplingRate * 1e9
            message.acquisitionTimeNs = startNanoseconds + Int64(sinceStart.rounded())
        }
        message.lead = material.lead
        switch encoding {
        case .counts:
            message.gain = material.gain
            message.baseline = material.baseline
            message.counts = Array(material.counts[block.range])
        case .millivolts:
            message.millivolts = Array(millivolts[block.range])
        }
        return message
    }

    private func finished<Sender: BlockSender & ~Copyable>(
        _ report: Report, _ pacer: MonotonicPacer?, _ sender: borrowing Sender
    ) -> Report {
        var report = report
        report.largestLateness = pacer?.largestLateness ?? 0
        report.stalls = sender.stalls
        return report
    }

    /// When sample 0 must be said to have been taken so that the last sample of a finite replay is taken now, or, in
    /// real time and for loops, so that each block is sent when it has just been taken.
    static func startTime(of material: ReplayMaterial, speed: Double, loops: Bool) -> Int64 {
        let now = wallClockNanoseconds()
        guard speed > 1, !loops else { return now }
        let ahead = material.duration * (1 - (speed.isFinite ? 1 / speed : 0))
        return now - Int64(ahead * 1e9)
    }
}
