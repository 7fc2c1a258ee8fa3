public import ECGWire
public import ToolSupport

/// Sends material to an ingest socket as bedside acquisition would: blocks of samples of one or several streams, each
/// when its last sample has been taken.
public struct ReplayEngine: Sendable {
    /// How the samples are written on the wire.
    public enum Encoding: Sendable {
        case counts
        case millivolts
    }

    public var material: ReplayMaterial
    /// The streams' names, one or more; all get the same samples.
    public var streams: [String]
    /// Names this run of the acquisition.
    public var session: UInt64
    /// Samples in a block.
    public var blockLength: Int
    /// Times real time; infinity: as fast as the daemon takes them.
    public var speed: Double
    public var loops = false
    public var encoding = Encoding.counts
    /// When sample 0 of stream 0 was taken, UTC in nanoseconds since 1970. 0: unknown.
    public var startNanoseconds: Int64

    /// - Parameters:
    ///   - blockLength: samples in a block, 1 or more.
    ///   - speed: times real time; infinity: as fast as the daemon takes the blocks.
    ///   - loops: the material begins anew at its end.
    ///   - startNanoseconds: when sample 0 of the first stream was taken, UTC in ns since 1970; 0: unknown.
    public init(
        material: ReplayMaterial, streams: [String], session: UInt64, blockLength: Int, speed: Double,
        loops: Bool = false, encoding: Encoding = .counts, startNanoseconds: Int64
    ) {
        self.material = material
        self.streams = streams
        self.session = session
        self.blockLength = blockLength
        self.speed = speed
        self.loops = loops
        self.encoding = encoding
        self.startNanoseconds = startNanoseconds
    }

    /// What a replay did.
    public struct Report: Equatable, Sendable {
        /// Blocks and samples sent, over all streams.
        public var blocks = 0
        public var samples = 0
        /// The most that a block came late, in nanoseconds.
        public var largestLateness: Int64 = 0
        /// How often the daemon took nothing for a second or longer.
        public var stalls = 0
        /// False when it was interrupted before the end.
        public var complete = false
    }

    /// Sends until the end of the material or an interruption.
    /// - Parameter progress: told the position in samples of stream 0 after each of its blocks; returning false ends
    ///   the replay.
    public func run<Sender: BlockSender & ~Copyable>(
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
    public func wireBlock(_ block: ReplaySchedule.Block, phase: Double, millivolts: [Float]) -> WireSampleBlock {
        let sinceStart = (Double(block.firstSampleIndex) + phase) / material.samplingRate * 1e9
        var message = material.block(
            stream: streams[block.stream], session: session, firstSampleIndex: block.firstSampleIndex,
            acquisitionTimeNanoseconds: startNanoseconds == 0 ? 0 : startNanoseconds + Int64(sinceStart.rounded()),
            counts: [])
        switch encoding {
        case .counts: message.counts = Array(material.counts[block.range])
        case .millivolts:
            (message.gain, message.baseline) = (0, 0)
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
    public static func startTime(of material: ReplayMaterial, speed: Double, loops: Bool) -> Int64 {
        let now = wallClockNanoseconds()
        guard speed > 1, !loops else { return now }
        let ahead = material.duration * (1 - (speed.isFinite ? 1 / speed : 0))
        return now - Int64(ahead * 1e9)
    }
}
