package import ECGReplay
import ECGWire
import SwiftProtobuf
package import ToolSupport

/// A record cut into blocks whose samples are encoded once, for any number of streams that send it.
///
/// Protobuf joins messages by joining their bytes, so that a message is put together of three parts: the stream's name
/// and session, index and time of the block, and the block's samples.
package struct LoadSource: Sendable {
    /// Samples of each lead in a block.
    package let blockSamples: Int
    /// Time that a block takes, in ns.
    package let blockNanoseconds: Double
    /// The blocks' bytes one after another, and where each begins; one more than there are blocks.
    private let bytes: [UInt8]
    private let starts: [Int]

    package var blockCount: Int { starts.count - 1 }

    /// - Parameter blockSeconds: length of a block, rounded to whole samples.
    /// - Throws: `ToolError` if the record is shorter than a block.
    package init(_ material: ReplayMaterial, blockSeconds: Double) throws(ToolError) {
        let length = max(1, Int((blockSeconds * material.samplingRate).rounded()))
        blockSamples = length
        blockNanoseconds = Double(length) / material.samplingRate * 1e9
        var bytes: [UInt8] = []
        var starts = [0]
        for first in stride(from: 0, through: material.counts.count - length, by: length) {
            let range = first..<first + length
            guard !material.gaps.contains(where: { $0.overlaps(range) }) else { continue }
            var block = material.block(
                stream: "", session: 0, firstSampleIndex: 0, acquisitionTimeNanoseconds: 0,
                counts: material.furtherLeads.isEmpty ? Array(material.counts[range]) : [])
            if !material.furtherLeads.isEmpty {
                (block.lead, block.gain, block.baseline) = ("", 0, 0)
                block.leads = ([material] + material.furtherLeads).map {
                    WireSampleBlock.Lead(
                        name: $0.lead, counts: Array($0.counts[range]), gain: $0.gain, baseline: $0.baseline)
                }
            }
            // The stream's part has it.
            block.schemaVersion = 0
            guard let encoded: [UInt8] = try? block.serializedBytes() else { continue }
            bytes += encoded
            starts.append(bytes.count)
        }
        guard starts.count > 1 else {
            throw ToolError(
                "\(material.name) is shorter than a block of \(fixed(blockSeconds, 2)) s",
                nextStep: "Give a longer record")
        }
        (self.bytes, self.starts) = (bytes, starts)
    }

    /// Appends the samples of a block.
    /// - Parameter place: 0 or more; after the last block comes the first.
    func append(block place: Int, to message: inout [UInt8]) {
        let place = place % blockCount
        message.append(contentsOf: bytes[starts[place]..<starts[place + 1]])
    }

    /// The bytes that all messages of a stream begin with.
    static func beginning(stream: String, session: UInt64) -> [UInt8] {
        var block = WireSampleBlock()
        block.schemaVersion = SampleBlockLimits.schemaVersion
        block.stream = stream
        block.session = session
        return (try? block.serializedBytes()) ?? []
    }

    /// Appends `first_sample_index` and `acquisition_time_ns`.
    static func append(index: Int64, time: Int64, to message: inout [UInt8]) {
        append(field: 4, index, to: &message)
        append(field: 6, time, to: &message)
    }

    /// - Parameter field: its number, 1 to 15, of a field of type int64.
    private static func append(field: UInt8, _ value: Int64, to message: inout [UInt8]) {
        message.append(field << 3)
        var rest = UInt64(bitPattern: value)
        while rest > 0x7F {
            message.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        message.append(UInt8(rest))
    }
}
