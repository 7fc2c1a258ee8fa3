internal import ECGSignal
internal import StateCoding
internal import Synchronization

/// Resamplers ready to be copied. Copies share the filter table, which makes up most of a resampler, so ten thousand
/// streams at 250 Hz need only one table.
enum ResamplerStore {
    /// Number of rates whose tables are kept. Real devices use only a handful; a source that uses more is
    /// misbehaving.
    private static let capacity = 16
    private static let prototypes = Mutex<[Double: Resampler]>([:])

    /// - Parameter rate: must be within `MonitorConfiguration.supportedSamplingRates`, otherwise the result is nil.
    static func resampler(forRate rate: Double) -> Resampler? {
        if let known = prototypes.withLock({ $0[rate] }) { return known }
        // Computed outside the lock so that other streams do not have to wait.
        guard let made = try? Resampler(inputRate: rate) else { return nil }
        return prototypes.withLock { store in
            if let known = store[rate] { return known }
            if store.count < capacity { store[rate] = made }
            return made
        }
    }
}

/// A stream's resampler, encoded without its table.
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
