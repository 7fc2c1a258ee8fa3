internal import ECGSignal
internal import StateCoding
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

/// A stream's resampler, coded without its table.
@propertyWrapper
struct SharedResampler: Sendable {
    var wrappedValue: Resampler?
}

extension SharedResampler: Codable {
    private enum CodingKeys: CodingKey {
        case rate, state
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let rate = try container.decodeIfPresent(Double.self, forKey: .rate)
        let state = try container.decodeIfPresent(Resampler.State.self, forKey: .state)
        guard let rate else { return }
        guard var resampler = ResamplerStore.resampler(forRate: rate), let state, resampler.restore(state) else {
            throw StateCodingError.outOfRange("Resampler")
        }
        wrappedValue = resampler
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(wrappedValue?.inputRate, forKey: .rate)
        try container.encodeIfPresent(wrappedValue?.snapshot, forKey: .state)
    }
}
