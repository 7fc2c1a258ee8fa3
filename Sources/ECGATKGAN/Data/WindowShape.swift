public import ECGSignal

extension Discriminator {
    /// Samples in a window: 280.
    @inlinable public static var windowLength: Int { BeatWindow.length }
}

extension BeatDataset {
    /// Scales values to [0,1] in place: the minimum becomes 0, the maximum 1. A constant window becomes zeros.
    public static func scaleToUnitInterval(_ values: UnsafeMutableBufferPointer<Float>) {
        BeatWindow.multiplyToUnitInterval(values)
    }
}
