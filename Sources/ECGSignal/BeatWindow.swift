/// The classifier's input: 280 samples at 360 Hz around the R peak, scaled to [0, 1] (ECG-ATK-GAN, section 3.1).
public enum BeatWindow {
    /// Samples in a window.
    @inlinable public static var length: Int { 280 }
    /// Samples before the R peak: the window is `R - 140 ..< R + 140`.
    @inlinable public static var samplesBeforeRPeak: Int { 140 }
    /// Samples from the R peak on, including the peak.
    @inlinable public static var samplesFromRPeak: Int { length - samplesBeforeRPeak }

    /// Scales a window in place so that its minimum is 0 and its maximum 1.
    ///
    /// - Returns: false, with the window untouched, if it is empty, constant, or contains a value that is not finite,
    ///   so that there is nothing to classify.
    public static func scaleToUnitInterval(_ window: UnsafeMutableBufferPointer<Float>) -> Bool {
        guard let first = window.first else { return false }
        var least = first
        var greatest = first
        var finite = true
        for value in window {
            finite = finite && value.isFinite
            least = min(least, value)
            greatest = max(greatest, value)
        }
        let range = greatest - least
        guard finite, range.isFinite, range > 0 else { return false }
        for index in window.indices {
            // A division, not a reciprocal, so that the maximum becomes exactly 1.
            window[index] = (window[index] - least) / range
        }
        return true
    }

    /// The same for an array.
    public static func scaleToUnitInterval(_ window: inout [Float]) -> Bool {
        window.withUnsafeMutableBufferPointer { scaleToUnitInterval($0) }
    }

    /// Scales values in place like `scaleToUnitInterval`, but multiplies by a factor and turns a constant window into
    /// zeros. The networks are trained on this. It may differ from a division in the last bit; only with this version
    /// do trainings stay bit-identical.
    public static func multiplyToUnitInterval(_ values: UnsafeMutableBufferPointer<Float>) {
        guard let least = values.min(), let greatest = values.max() else { return }
        let factor = greatest > least ? 1 / (greatest - least) : 0
        for index in values.indices { values[index] = (values[index] - least) * factor }
    }
}
