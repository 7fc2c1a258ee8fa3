public import ECGWire

extension ReplayMaterial {
    /// A block of this lead, as converter counts with their gain and baseline.
    ///
    /// - Parameters:
    ///   - stream: the stream's name.
    ///   - session: names the run of the acquisition.
    ///   - firstSampleIndex: index of the first of `counts` in the stream.
    ///   - acquisitionTimeNanoseconds: when the first of them was taken, UTC in ns since 1970; 0: unknown.
    public func block(
        stream: String, session: UInt64, firstSampleIndex: Int64, acquisitionTimeNanoseconds: Int64, counts: [Int32]
    ) -> WireSampleBlock {
        var block = WireSampleBlock()
        block.schemaVersion = SampleBlockLimits.schemaVersion
        block.stream = stream
        block.session = session
        block.firstSampleIndex = firstSampleIndex
        block.samplingRate = samplingRate
        block.acquisitionTimeNs = acquisitionTimeNanoseconds
        block.lead = lead
        block.gain = gain
        block.baseline = baseline
        block.counts = counts
        return block
    }
}
