public import ToolSupport

/// ECG of one lead held in memory, with its further leads if it has any, ready to be sent: from a record or the
/// simulator, optionally with added noise or an adversarial attack on the first lead.
///
/// The samples are kept as ADC counts, as at a bedside: anything computed in millivolts (noise, an attack, simulated
/// ECG) goes through the same quantisation and the same range as a real signal.
public struct ReplayMaterial: Sendable {
    /// The source, for messages: the record's path or "simulator".
    public var name: String
    /// Samples per second.
    public var samplingRate: Double
    /// The lead's name; may be empty.
    public var lead: String
    /// Counts per millivolt, not 0.
    public var gain: Double
    /// The count at 0 mV.
    public var baseline: Int32
    /// The range of the converter.
    public var countRange: ClosedRange<Int32>
    /// The samples.
    public var counts: [Int32]
    /// Indices of samples that the record marks as invalid, ascending; sent as NaN in millivolts and unchanged in
    /// counts.
    public var invalidIndices: [Int] = []
    /// Ranges in which the record has no samples at all, ascending: nothing is sent for them.
    public var gaps: [Range<Int>] = []
    /// The patient's other leads, sent beside this one: as many samples at the same rate.
    public var furtherLeads: [ReplayMaterial] = []

    /// Length in seconds.
    public var duration: Double { Double(counts.count) / samplingRate }

    /// All samples in millivolts, NaN where a sample is invalid or missing.
    public var millivolts: [Float] {
        var values = counts.map { Float((Double($0) - Double(baseline)) / gain) }
        for index in invalidIndices { values[index] = .nan }
        return values
    }

    /// The count the converter would give for this voltage: the nearest, clamped to its range. NaN becomes the
    /// baseline.
    public func count(ofMillivolts value: Float) -> Int32 {
        let ideal = (Double(value) * gain + Double(baseline)).rounded()
        guard !ideal.isNaN else { return baseline }
        return Int32(min(max(ideal, Double(countRange.lowerBound)), Double(countRange.upperBound)))
    }

    /// Replaces samples with values computed in millivolts, passed through the converter.
    /// - Parameters:
    ///   - firstIndex: index of the first of them; values beyond the end are dropped.
    ///   - values: where a value is NaN, the sample is unchanged.
    public mutating func replace(from firstIndex: Int, withMillivolts values: [Float]) {
        for (offset, value) in values.enumerated() where counts.indices.contains(firstIndex + offset) && !value.isNaN {
            counts[firstIndex + offset] = count(ofMillivolts: value)
        }
    }

    /// The samples between two times; an end beyond that of the material is clamped to it.
    /// - Throws: `ToolError` if there are no samples between them.
    public func sampleRange(from start: ClockTime?, to end: ClockTime?) throws(ToolError) -> Range<Int> {
        let first = start.map { ($0.seconds * samplingRate).rounded() } ?? 0
        let last = min(end.map { ($0.seconds * samplingRate).rounded() } ?? Double(counts.count), Double(counts.count))
        guard first < last else {
            throw ToolError(
                "nothing lies from \(start ?? ClockTime(seconds: 0)) to \(end ?? ClockTime(seconds: duration)) in "
                    + "\(name), which lasts \(ClockTime(seconds: duration))",
                nextStep: "Give --from and --to within it, the earlier first")
        }
        return Int(first)..<Int(last)
    }

    /// Only the samples of `range`, with indices counted from 0 again.
    public func cut(to range: Range<Int>) -> ReplayMaterial {
        var part = self
        part.counts = Array(counts[range])
        part.furtherLeads = furtherLeads.map { $0.cut(to: range) }
        part.invalidIndices = invalidIndices.filter(range.contains).map { $0 - range.lowerBound }
        part.gaps = gaps.map { $0.clamped(to: range) }.filter { !$0.isEmpty }.map {
            $0.lowerBound - range.lowerBound..<$0.upperBound - range.lowerBound
        }
        return part
    }

    /// The parts of a segment of samples that are to be sent: those outside all gaps.
    func withoutGaps(_ range: Range<Int>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        for gap in gaps where gap.overlaps(range) {
            if gap.lowerBound > start { parts.append(start..<gap.lowerBound) }
            start = gap.upperBound
        }
        if start < range.upperBound { parts.append(start..<range.upperBound) }
        return parts
    }
}
