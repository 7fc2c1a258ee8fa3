internal import ECGLimits
internal import ECGSignal
internal import StateCoding

/// The condition of each lead of a stream, and the lead in which beats are classified.
struct LeadConditions: Sendable, Equatable, Codable, RangeChecked {
    /// Four bits for each lead, the first lead's lowest.
    private var bits: UInt64 = 0
    let count: Int
    /// Number of the lead in which beats are classified.
    var classified: Int

    /// - Parameter count: 1 ... 12. All leads are good.
    init(count: Int, classified: Int = 0) {
        self.count = count
        self.classified = classified
    }

    var isInRange: Bool {
        (1...SignalLimits.maximumLeads).contains(count) && (0..<count).contains(classified)
            && (0..<count).allSatisfy { SignalCondition(rawValue: UInt8(bits >> UInt64(4 * $0) & 15)) != nil }
    }

    subscript(lead: Int) -> SignalCondition {
        get { SignalCondition(rawValue: UInt8(bits >> UInt64(4 * lead) & 15)) ?? .good }
        set { bits = bits & ~(15 << UInt64(4 * lead)) | UInt64(newValue.rawValue) << UInt64(4 * lead) }
    }
}
