/// Which samples of which stream are sent when: the plan of a replay, without clock or socket.
///
/// Each stream sends consecutive blocks of `blockLength` samples; several streams take turns within the duration of one
/// block, like beds that were switched on at different times. At the end of the material a loop restarts it, while the
/// sample index continues.
public struct ReplaySchedule: Sequence, IteratorProtocol, Sendable {
    /// One block of one stream.
    public struct Block: Equatable, Sendable {
        /// 0 ..< streamCount.
        public var stream: Int
        /// Index of the first sample on the wire.
        public var firstSampleIndex: Int64
        /// Position of the samples in the material; a block never extends past the end into the next lap.
        public var range: Range<Int>
        /// When its last sample has been acquired, in samples since the start of the replay.
        public var dueAtSample: Double
    }

    private let materialLength: Int
    private let streamCount: Int
    private let blockLength: Int
    private let loops: Bool
    private var position = 0
    private var lapStart: Int64 = 0
    private var nextStream = 0

    /// - Parameters:
    ///   - materialLength: number of samples, 1 or more.
    ///   - streamCount: 1 or more.
    ///   - blockLength: 1 or more.
    public init(materialLength: Int, streamCount: Int, blockLength: Int, loops: Bool) {
        precondition(materialLength > 0 && streamCount > 0 && blockLength > 0)
        self.materialLength = materialLength
        self.streamCount = streamCount
        self.blockLength = blockLength
        self.loops = loops
    }

    /// Delay of the blocks of a stream relative to those of stream 0, in samples.
    public func phase(ofStream stream: Int) -> Double {
        Double(blockLength) * Double(stream) / Double(streamCount)
    }

    /// The next block to send; nil at the end of a replay that does not loop.
    public mutating func next() -> Block? {
        if position >= materialLength {
            guard loops else { return nil }
            lapStart += Int64(materialLength)
            position = 0
        }
        let end = Swift.min(position + blockLength, materialLength)
        let block = Block(
            stream: nextStream, firstSampleIndex: lapStart + Int64(position), range: position..<end,
            dueAtSample: Double(lapStart) + Double(end) + phase(ofStream: nextStream))
        nextStream += 1
        if nextStream == streamCount {
            nextStream = 0
            position = end
        }
        return block
    }
}
