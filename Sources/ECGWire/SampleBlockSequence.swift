/// Turns samples into consecutive blocks, advancing the sample index and the time.
///
///     var blocks = SampleBlockSequence(stream: "bed-1", session: 1, samplingRate: 360, lead: "II")
///     try client.send(blocks.block(millivolts: samples))
public struct SampleBlockSequence: Sendable {
    public let stream: String
    public let session: UInt64
    /// Samples per second.
    public let samplingRate: Double
    public var lead: String
    /// UTC time of sample 0 in ns since 1970; 0: unknown.
    public let startTimeNanoseconds: Int64
    /// Index of the first sample of the next block. Set it forward to leave a gap.
    public var nextSampleIndex: Int64

    /// - Parameters:
    ///   - stream: the bed, patient or device; see `StreamName`.
    ///   - session: must increase with every start of the acquisition.
    ///   - samplingRate: samples per second.
    ///   - lead: the lead's name, such as "II"; may be empty.
    ///   - startTimeNanoseconds: UTC time of sample 0 in ns since 1970; 0: unknown.
    ///   - firstSampleIndex: index of the first sample of the first block.
    public init(
        stream: String, session: UInt64, samplingRate: Double, lead: String = "", startTimeNanoseconds: Int64 = 0,
        firstSampleIndex: Int64 = 0
    ) {
        self.stream = stream
        self.session = session
        self.samplingRate = samplingRate
        self.lead = lead
        self.startTimeNanoseconds = startTimeNanoseconds
        nextSampleIndex = firstSampleIndex
    }

    /// The next block, with samples in mV.
    public mutating func block(millivolts: [Float], leadOff: Bool = false) -> WireSampleBlock {
        var block = nextBlock(count: millivolts.count, leadOff: leadOff)
        block.millivolts = millivolts
        return block
    }

    /// The next block, with samples as ADC counts.
    /// - Parameters:
    ///   - counts: the samples.
    ///   - gain: counts per mV.
    ///   - baseline: the count that corresponds to 0 mV.
    ///   - range: the converter's minimum and maximum count, the minimum below the maximum; nil: unknown.
    ///   - invalidCount: the count that marks an invalid sample; nil: none. It is sent only together with a `range`.
    ///   - leadOff: whether the electrode is off during the whole block.
    public mutating func block(
        counts: [Int32], gain: Double, baseline: Int32 = 0, range: ClosedRange<Int32>? = nil,
        invalidCount: Int32? = nil, leadOff: Bool = false
    ) -> WireSampleBlock {
        var block = nextBlock(count: counts.count, leadOff: leadOff)
        block.counts = counts
        block.gain = gain
        block.baseline = baseline
        if let range {
            block.converterRange.minimumCount = range.lowerBound
            block.converterRange.maximumCount = range.upperBound
            if let invalidCount { block.converterRange.invalidCount = invalidCount }
        }
        return block
    }

    /// The next block of a stream of several leads; `lead` is not used.
    /// - Parameter leads: 1 to 12, in the same order in every block, each with a name of its own and the same number of
    ///   samples: `WireSampleBlock.Lead(name:millivolts:leadOff:)` makes one.
    public mutating func block(leads: [WireSampleBlock.Lead]) -> WireSampleBlock {
        var block = nextBlock(count: leads.first?.sampleCount ?? 0, leadOff: false)
        block.lead = ""
        block.leads = leads
        return block
    }

    private mutating func nextBlock(count: Int, leadOff: Bool) -> WireSampleBlock {
        var block = WireSampleBlock()
        block.schemaVersion = SampleBlockLimits.schemaVersion
        block.stream = stream
        block.session = session
        block.firstSampleIndex = nextSampleIndex
        block.samplingRate = samplingRate
        if startTimeNanoseconds != 0 {
            let elapsed = (Double(nextSampleIndex) / samplingRate * 1e9).rounded()
            // An impossible rate is for the receiver to reject, not a reason to crash.
            block.acquisitionTimeNs = startTimeNanoseconds &+ (Int64(exactly: elapsed) ?? 0)
        }
        block.lead = lead
        block.leadOff = leadOff
        nextSampleIndex += Int64(count)
        return block
    }
}
