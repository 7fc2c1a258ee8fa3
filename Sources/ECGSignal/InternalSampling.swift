/// The single sampling rate of everything after the resampler. It is that of the MIT-BIH Arrhythmia Database, so
/// detector constants and the classifier's window represent the same durations for every source.
public enum InternalSampling {
    /// Samples per second.
    public static let rate: Double = 360
    /// Samples per second, as an integer.
    public static let samplesPerSecond = 360

    /// A duration as an integer number of samples, rounded to the nearest.
    @inlinable
    public static func samples(milliseconds: Double) -> Int {
        Int((milliseconds * rate / 1_000).rounded())
    }
}
