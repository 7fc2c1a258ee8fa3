internal import StateCoding

/// The last eight values of a quantity, for their median.
struct RecentValues: Sendable, Codable, RangeChecked {
    private static let capacity = 8

    private var values = InlineArray<8, Float>(repeating: 0)
    private var total = 0

    var isInRange: Bool { (0...1_000_000).contains(total) }

    mutating func add(_ value: Float) {
        values[total % Self.capacity] = value
        // Only the place in the ring and whether it is full matter.
        total = total < 1_000_000 ? total + 1 : Self.capacity + 1
    }

    /// nil before the first value.
    var median: Float? {
        let count = min(total, Self.capacity)
        guard count > 0 else { return nil }
        var sorted = values
        for index in 1..<max(count, 1) {
            var place = index
            while place > 0, sorted[place - 1] > sorted[place] {
                sorted.swapAt(place - 1, place)
                place -= 1
            }
        }
        return count % 2 == 1 ? sorted[count / 2] : 0.5 * (sorted[count / 2 - 1] + sorted[count / 2])
    }
}
