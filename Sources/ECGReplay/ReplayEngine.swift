public import ECGWire
public import ToolSupport

/// Sends material to an ingest socket as a bedside device would: sample blocks of one or several streams, each sent
/// when its last sample has been acquired.
public struct ReplayEngine: Sendable {
    /// How the samples are encoded on the wire.
    public enum Encoding: Sendable {
        case counts
        case millivolts
    }

    public var material: ReplayMaterial
    /// The names of the streams, at least one; all carry the same samples.
    public var streams: [String]
    /// Identifies this acquisition session.
    public var session: UInt64
    /// Samples per block.
    public var blockLength: Int
    /// Multiple of real time; infinity: as fast as the daemon accepts the blocks.
    public var speed: Double
    public var loops = false
    public var encoding = Encoding.counts
    /// Acquisition time of sample 0 of stream 0, UTC in nanoseconds since 1970. 0: unknown.
    public var startNanoseconds: Int64

    /// - Parameters:
    ///   - blockLength: samples per block, 1 or more.
    ///   - speed: multiple of real time; infinity: as fast as the daemon accepts the blocks.
    ///   - loops: whether the material restarts at its end.
    ///   - startNanoseconds: acquisition time of sample 0 of the first stream, UTC in ns since 1970; 0: unknown.
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

    /// The result of a replay.
    public struct Report: Equatable, Sendable {
        /// Blocks and samples sent, over all streams.
        public var blocks = 0
        public var samples = 0
        /// Maximum lateness of a block, in nanoseconds.
        public var largestLateness: Int64 = 0
        /// How often the daemon accepted nothing for a second or longer.
        public var stalls = 0
        /// False if it was interrupted before the end.
        public var complete = false
    }

    /// Sends until the material ends or the replay is interrupted.
    /// - Parameter progress: called with the position, in samples, of stream 0 after each of its blocks; returning
    ///   false ends the replay.
    public func run<Sender: BlockSender & ~Copyable>(
        into sender: inout Sender, progress: (Int64) -> Bool = { _ in true }
    ) throws(ToolError) -> Report {
        var report = Report()
        let schedule = ReplaySchedule(
            materialLength: material.counts.count, streamCount: streams.count, blockLength: blockLength, loops: loops)
        let millivolts = encoding == .millivolts ? material.millivolts : []
        // The clock starts once the daemon has accepted the first block: the wait for the daemon must not make all
        // later blocks late.
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
        guard material.furtherLeads.isEmpty else {
            (message.lead, message.gain, message.baseline) = ("", 0, 0)
            message.leads = ([material] + material.furtherLeads).map {
                $0.wireLead(block.range, inMillivolts: encoding == .millivolts)
            }
            return message
        }
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

    /// The acquisition time to state for sample 0, so that the last sample of a finite replay is acquired now or, in
    /// real time and for loops, so that each block is sent just after it was acquired.
    public static func startTime(of material: ReplayMaterial, speed: Double, loops: Bool) -> Int64 {
        let now = wallClockNanoseconds()
        guard speed > 1, !loops else { return now }
        let ahead = material.duration * (1 - (speed.isFinite ? 1 / speed : 0))
        return now - Int64(ahead * 1e9)
    }
}
