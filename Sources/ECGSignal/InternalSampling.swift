/// The one sampling rate at which everything behind the resampler works: that of the MIT-BIH Arrhythmia Database, so
/// that detector constants and the classifier's window mean the same time for every source.
public enum InternalSampling {
    /// Samples a second.
    public static let rate: Double = 360
    /// Samples a second, as a whole number.
    public static let samplesPerSecond = 360

    /// A duration as a whole number of samples, rounded to the nearest.
    @inlinable
    public static func samples(milliseconds: Double) -> Int {
        Int((milliseconds * rate / 1_000).rounded())
    }
}
