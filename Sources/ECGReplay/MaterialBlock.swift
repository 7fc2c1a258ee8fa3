public import ECGWire

extension ReplayMaterial {
    /// A sample block of this lead alone, as ADC counts with their gain and baseline.
    ///
    /// - Parameters:
    ///   - stream: the stream's name.
    ///   - session: identifies the acquisition session.
    ///   - firstSampleIndex: index of the first of `counts` in the stream.
    ///   - acquisitionTimeNanoseconds: acquisition time of the first of them, UTC in ns since 1970; 0: unknown.
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

    /// The samples of this lead in a block of several.
    func wireLead(_ range: Range<Int>, inMillivolts: Bool) -> WireSampleBlock.Lead {
        var wire = WireSampleBlock.Lead()
        wire.name = lead
        if inMillivolts {
            let invalid = Set(invalidIndices.filter(range.contains))
            wire.millivolts = range.map {
                invalid.contains($0) ? .nan : Float((Double(counts[$0]) - Double(baseline)) / gain)
            }
        } else {
            wire.gain = gain
            wire.baseline = baseline
            wire.counts = Array(counts[range])
        }
        return wire
    }
}
