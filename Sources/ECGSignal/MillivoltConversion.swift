/// Why a gain or baseline is invalid.
public enum MillivoltConversionError: Error, Sendable, Equatable {
    /// The gain is zero, infinite, or not a number.
    case gainNotUsable(Double)
    /// The baseline is infinite or not a number.
    case baselineNotUsable(Double)
}

/// Converts ADC counts to millivolts: `(count - baseline) / gain`, as in a WFDB header.
public struct MillivoltConversion: Sendable, Equatable {
    /// Counts per millivolt. Negative for an inverted lead.
    public let gain: Double
    /// The count at 0 mV.
    public let baseline: Double

    /// - Parameters:
    ///   - gain: counts per millivolt, finite and not 0.
    ///   - baseline: count at 0 mV, finite.
    /// - Throws: `MillivoltConversionError` if either is invalid.
    public init(gain: Double, baseline: Double) throws(MillivoltConversionError) {
        guard gain.isFinite, gain != 0 else { throw .gainNotUsable(gain) }
        guard baseline.isFinite else { throw .baselineNotUsable(baseline) }
        self.gain = gain
        self.baseline = baseline
    }

    /// Converts one count to millivolts.
    @inlinable
    public func millivolts(_ count: Int32) -> Float {
        Float((Double(count) - baseline) / gain)
    }
}
