/// Which samples of which stream go out when: the plan of a replay, without clock or socket.
///
/// Each stream sends blocks of `blockLength` samples one after the other; several streams take turns within the time of
/// one block, as beds do that were switched on at different moments. At the end of the material a loop begins it anew
/// while the sample index counts on.
public struct ReplaySchedule: Sequence, IteratorProtocol, Sendable {
    /// One block of one stream.
    public struct Block: Equatable, Sendable {
        /// 0 ..< streamCount.
        public var stream: Int
        /// Index that the first sample has on the wire.
        public var firstSampleIndex: Int64
        /// Where in the material the samples lie; one block never reaches over the end into the next lap.
        public var range: Range<Int>
        /// When its last sample has been taken, in samples since the start of the replay.
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
    ///   - materialLength: samples there are, 1 or more.
    ///   - streamCount: 1 or more.
    ///   - blockLength: 1 or more.
    public init(materialLength: Int, streamCount: Int, blockLength: Int, loops: Bool) {
        precondition(materialLength > 0 && streamCount > 0 && blockLength > 0)
        self.materialLength = materialLength
        self.streamCount = streamCount
        self.blockLength = blockLength
        self.loops = loops
    }

    /// By how many samples the blocks of a stream come later than those of stream 0.
    public func phase(ofStream stream: Int) -> Double {
        Double(blockLength) * Double(stream) / Double(streamCount)
    }

    /// The next block to be sent; nil at the end of a replay that does not loop.
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
