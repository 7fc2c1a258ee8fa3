import ArgumentParser

/// A position in a recording or a duration: `90` or `90.5` (seconds), `1:30`, `1:02:03`.
struct ClockTime: ExpressibleByArgument, Equatable, Comparable, CustomStringConvertible {
    let seconds: Double

    init(seconds: Double) {
        self.seconds = seconds
    }

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
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

    var description: String {
        let tenths = Int((seconds * 10).rounded())
        let whole = tenths / 10
        let tail = "\(pad(whole % 60)).\(tenths % 10)"
        return whole < 3600 ? "\(whole / 60):\(tail)" : "\(whole / 3600):\(pad(whole / 60 % 60)):\(tail)"
    }

    static func < (left: ClockTime, right: ClockTime) -> Bool { left.seconds < right.seconds }

    private func pad(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
