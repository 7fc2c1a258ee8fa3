/// Finds the highest number of beds that a daemon serves, by runs with different numbers.
package struct LoadSearch: Sendable {
    /// The highest number that was served, and the lowest that was not.
    package private(set) var served = 0
    package private(set) var failed: Int?
    /// The search ends once the two differ by at most this share.
    private let precision: Double
    private let maximum: Int
    private var next: Int

    /// - Parameters:
    ///   - start: the first number, 1 or more.
    ///   - maximum: never more than this.
    package init(start: Int, maximum: Int, precision: Double = 0.05) {
        self.maximum = maximum
        self.precision = precision
        next = min(start, maximum)
    }

    /// The next number to try; nil: `served` is the answer.
    package var number: Int? {
        if let failed {
            guard Double(failed - served) > max(1, precision * Double(failed)) else { return nil }
        } else if served >= maximum {
            return nil
        }
        return next
    }

    /// Takes the outcome of a run with `number` beds.
    ///
    /// - Parameter cores: processor time a second that daemon and load took together, and how many there are: what is
    ///   left tells how many beds to try next.
    package mutating func note(keptUp: Bool, cores: (used: Double, available: Double)?) {
        if keptUp { served = max(served, next) } else { failed = min(failed ?? .max, next) }
        guard let failed else {
            var factor = 2.0
            if let cores, cores.used > 0 { factor = min(max(0.9 * cores.available / cores.used, 1.1), 8) }
            next = min(maximum, max(next + 1, Int(Double(next) * factor)))
            return
        }
        next = served == 0 ? max(1, failed / 2) : (served + failed) / 2
        if failed <= 1 { next = 1 }
    }
}
