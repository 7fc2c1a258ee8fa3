import ECGMonitor
import ECGWire

/// A block of samples on its way from an ingest thread to the worker that owns its stream.
struct ReceivedBlock: Sendable {
    var stream: String
    var block: SampleBlock
    /// When the ingest thread took its message; monotonic, ns.
    var receivedAt: UInt64
    /// nil: nobody waits for an answer.
    var acknowledgement: Acknowledgement?
    /// The message as it came, where it is passed on.
    var message: [UInt8] = []

    /// - Parameter wire: a block that has been validated.
    init(
        _ wire: WireSampleBlock, receivedAt: UInt64, acknowledgement: Acknowledgement? = nil, message: [UInt8] = []
    ) {
        self.message = message
        stream = wire.stream
        block = SampleBlock(
            session: wire.session, firstSampleIndex: wire.firstSampleIndex, samplingRate: wire.samplingRate,
            acquisitionTimeNanoseconds: wire.acquisitionTimeNs, lead: wire.lead, leadOff: wire.leadOff, millivolts: [])
        if let first = wire.leads.first {
            (block.lead, block.leadOff) = (first.name, first.leadOff)
            (block.millivolts, block.range) = (first.samplesInMillivolts, first.rangeInMillivolts)
            block.furtherLeads = wire.leads.dropFirst().map {
                LeadSamples(
                    lead: $0.name, leadOff: $0.leadOff, millivolts: $0.samplesInMillivolts, range: $0.rangeInMillivolts)
            }
        } else {
            (block.millivolts, block.range) = (wire.samplesInMillivolts, wire.rangeInMillivolts)
        }
        self.receivedAt = receivedAt
        self.acknowledgement = acknowledgement
    }
}

/// What the worker needs to know of a block that is acknowledged.
struct Acknowledgement: Sendable {
    /// Where the source gets its answers.
    var source: ReplyAddress
    /// The block is the first after a hello. Only such a block may begin a stream, so that none before it is skipped.
    var isFirst: Bool
}
