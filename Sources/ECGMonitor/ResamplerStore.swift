internal import ECGSignal
internal import Synchronization

/// Resamplers ready to be copied. A copy shares the filter table, which is the large part of it, so ten thousand
/// streams at 250 Hz hold one table.
enum ResamplerStore {
    /// Rates whose tables are kept. Real devices use a handful; more than this come from a source that plays with us.
    private static let capacity = 16
    private static let prototypes = Mutex<[Double: Resampler]>([:])

    /// - Parameter rate: within `MonitorConfiguration.supportedSamplingRates`; else nil.
    static func resampler(forRate rate: Double) -> Resampler? {
        if let known = prototypes.withLock({ $0[rate] }) { return known }
        // Computed outside of the lock: other streams need not wait for it.
        guard let made = try? Resampler(inputRate: rate) else { return nil }
        return prototypes.withLock { store in
            if let known = store[rate] { return known }
            if store.count < capacity { store[rate] = made }
            return made
        }
    }
}
