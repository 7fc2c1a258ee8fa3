/// A position in a recording, or a duration: `90` or `90.5` (seconds), `1:30`, `1:02:03`.
public struct ClockTime: Equatable, Comparable, Sendable, CustomStringConvertible {
    /// 0 or more where it was read from text.
    public let seconds: Double

    public init(seconds: Double) {
        self.seconds = seconds
    }

    /// - Returns: nil unless the text is seconds, minutes and seconds, or hours, minutes and seconds.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count) else { return nil }
        var total = 0.0
        for (position, part) in parts.enumerated() {
            guard let value = Double(part), value.isFinite, value >= 0, position == 0 || value < 60,
                position == parts.count - 1 || value == value.rounded()
            else { return nil }
            total = total * 60 + value
        }
        seconds = total
    }

    /// Minutes and seconds to a tenth, with hours where there are any: `1:30.0`.
    public var description: String {
        let tenths = Int((seconds * 10).rounded())
        let whole = tenths / 10
        let tail = "\(pad(whole % 60)).\(tenths % 10)"
        return whole < 3600 ? "\(whole / 60):\(tail)" : "\(whole / 3600):\(pad(whole / 60 % 60)):\(tail)"
    }

    public static func < (left: ClockTime, right: ClockTime) -> Bool { left.seconds < right.seconds }

    private func pad(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
