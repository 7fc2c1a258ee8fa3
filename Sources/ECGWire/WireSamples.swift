/// The samples of one lead as they are sent: those of a block of one lead, or of one lead in `leads`.
public protocol WireSamples {
    var gain: Double { get }
    var baseline: Int32 { get }
    var counts: [Int32] { get }
    var millivolts: [Float] { get }
    var converterRange: WireConverterRange { get }
    var hasConverterRange: Bool { get }
}

extension WireSampleBlock: WireSamples {}

extension WireSampleBlock.Lead: WireSamples {
    /// One lead of a block of several, with samples in mV.
    /// - Parameter name: 1 to 32 bytes; no other lead of the block has it.
    public init(name: String, millivolts: [Float], leadOff: Bool = false) {
        self.init()
        self.name = name
        self.millivolts = millivolts
        self.leadOff = leadOff
    }

    /// The same with samples as ADC counts.
    /// - Parameters:
    ///   - gain: counts per mV.
    ///   - baseline: the count that corresponds to 0 mV.
    ///   - range: the converter's minimum and maximum count; nil: unknown.
    public init(
        name: String, counts: [Int32], gain: Double, baseline: Int32 = 0, range: ClosedRange<Int32>? = nil,
        leadOff: Bool = false
    ) {
        self.init()
        self.name = name
        self.counts = counts
        self.gain = gain
        self.baseline = baseline
        self.leadOff = leadOff
        if let range {
            converterRange.minimumCount = range.lowerBound
            converterRange.maximumCount = range.upperBound
        }
    }

    /// Number of samples.
    public var sampleCount: Int { ownSampleCount }
}

extension WireSamples {
    var ownSampleCount: Int { counts.isEmpty ? millivolts.count : counts.count }

    /// The samples in mV, in whichever form they were sent. Counts that overflow a float become infinite and thus
    /// invalid; the count that marks an invalid sample becomes NaN.
    public var samplesInMillivolts: [Float] {
        if counts.isEmpty { return millivolts }
        // A double holds the difference of any two counts exactly.
        let baseline = Double(baseline)
        let gain = gain
        guard hasConverterRange, converterRange.hasInvalidCount else {
            return counts.map { Float((Double($0) - baseline) / gain) }
        }
        let marker = converterRange.invalidCount
        return counts.map { $0 == marker ? .nan : Float((Double($0) - baseline) / gain) }
    }

    /// The voltages at both ends of the converter's range, in mV; nil if unknown or not finite.
    public var rangeInMillivolts: ClosedRange<Float>? {
        guard !counts.isEmpty, hasConverterRange else { return nil }
        let ends = [converterRange.minimumCount, converterRange.maximumCount].map {
            Float((Double($0) - Double(baseline)) / gain)
        }
        // A negative gain swaps them.
        let (low, high) = (min(ends[0], ends[1]), max(ends[0], ends[1]))
        return low.isFinite && high.isFinite && low < high ? low...high : nil
    }

    func validateSamples() throws(SampleBlockRejection) {
        guard counts.isEmpty || millivolts.isEmpty else { throw .bothCountsAndMillivolts }
        guard counts.isEmpty || (gain.isFinite && gain != 0) else { throw .unusableGain(gain) }
        guard !counts.isEmpty && hasConverterRange else { return }
        guard converterRange.minimumCount < converterRange.maximumCount else {
            throw .unusableConverterRange(minimum: converterRange.minimumCount, maximum: converterRange.maximumCount)
        }
    }
}
