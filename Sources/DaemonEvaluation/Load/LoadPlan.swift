/// When each block of each stream is due, and what is in it.
///
/// The streams that send the same record take turns, evenly spread over the length of a block. Each begins at a place
/// of its own in the record.
package struct LoadPlan: Sendable {
    package static let prefix = "load-"

    /// The streams of one record.
    struct Group: Sendable {
        let source: LoadSource
        /// Numbers of its streams: `first`, `first + step` and so on.
        let first: Int, step: Int
        let count: Int

        func stream(_ place: Int) -> Int { first + step * place }

        /// Where in the record a stream begins, in blocks.
        func phase(_ place: Int) -> Int { Int(Double(place) * 0.618_033_988_75 * Double(source.blockCount)) }

        /// Time from the start until the n-th message of the group is due, in ns.
        func due(_ number: Int) -> Int64 { Int64(Double(number) * source.blockNanoseconds / Double(count)) }
    }

    let groups: [Group]
    package let streams: Int
    /// Bytes that the messages of a stream begin with, by its number.
    let beginnings: [[UInt8]]

    /// - Parameter streams: 1 or more; they send the sources by turns.
    package init(sources: [LoadSource], streams: Int, session: UInt64) {
        precondition(!sources.isEmpty && streams > 0)
        self.streams = streams
        groups = sources.indices.compactMap { index in
            let count = (streams - index + sources.count - 1) / sources.count
            return count > 0
                ? Group(source: sources[index], first: index, step: sources.count, count: count) : nil
        }
        beginnings = (0..<streams).map { LoadSource.beginning(stream: "\(Self.prefix)\($0)", session: session) }
    }

    /// Writes a block's message.
    /// - Parameters:
    ///   - number: of the block in its stream, from 0.
    ///   - time: acquisition time of its first sample, UTC in ns since 1970.
    func write(block number: Int, of place: Int, in group: Group, time: Int64, to message: inout [UInt8]) {
        message.removeAll(keepingCapacity: true)
        message.append(contentsOf: beginnings[group.stream(place)])
        LoadSource.append(index: Int64(number) * Int64(group.source.blockSamples), time: time, to: &message)
        group.source.append(block: group.phase(place) + number, to: &message)
    }

    /// When the block was due that brought a sample, in ns since the start.
    ///
    /// - Parameter index: of the sample in its stream.
    /// - Returns: nil for a stream that is not of this plan, or a sample of the first block, which comes before the
    ///   start.
    func due(stream: Int, sample index: Int64) -> Int64? {
        guard (0..<streams).contains(stream), index >= 0 else { return nil }
        let group = groups[stream % groups[0].step]
        let block = Int(index) / group.source.blockSamples
        guard block >= 1 else { return nil }
        return group.due((block - 1) * group.count + (stream - group.first) / group.step)
    }
}
