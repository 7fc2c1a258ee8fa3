#if canImport(Glibc)
    import Glibc
#endif

/// What a number of successes says about their probability, and the normal distribution's quantiles.
public enum BinomialBound {
    /// The exact lower bound of Clopper & Pearson (1934), one-sided: with `successes` or more of `trials`, a smaller
    /// probability has at most `alpha`.
    ///
    /// - Parameters:
    ///   - successes: 0 ... trials.
    ///   - trials: 1 or more.
    ///   - alpha: chance of an error, above 0 and below 1.
    public static func lower(successes: Int, of trials: Int, alpha: Double) -> Double {
        precondition(trials >= 1 && (0...trials).contains(successes) && alpha > 0 && alpha < 1)
        guard successes > 0 else { return 0 }
        // P[X >= k] for X binomial with n and p is the regularised incomplete beta function at p with k and n - k + 1.
        let (a, b) = (Double(successes), Double(trials - successes + 1))
        var (low, high) = (0.0, 1.0)
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if regularizedBeta(middle, a, b) < alpha { low = middle } else { high = middle }
        }
        return low
    }

    /// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz & Stegun 26.5.8, with
    /// Lentz's method).
    static func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast below the mean only.
        if x > (a + 1) / (a + b + 2) { return 1 - regularizedBeta(1 - x, b, a) }
        let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
        let tiny = 1e-300
        var c = 1.0
        var d = 1 - (a + b) * x / (a + 1)
        d = 1 / (abs(d) < tiny ? tiny : d)
        var fraction = d
        for step in 1...10_000 {
            let m = Double(step)
            let numerators = [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ]
            var change = 1.0
            for numerator in numerators {
                d = 1 + numerator * d
                d = 1 / (abs(d) < tiny ? tiny : d)
                c = 1 + numerator / c
                if abs(c) < tiny { c = tiny }
                change = c * d
                fraction *= change
            }
            if abs(change - 1) < 1e-14 { break }
        }
        return front * fraction
    }

    /// The quantile of the standard normal distribution; minus infinity at 0, infinity at 1.
    public static func normalQuantile(_ probability: Double) -> Double {
        precondition((0...1).contains(probability))
        guard probability > 0 else { return -.infinity }
        guard probability < 1 else { return .infinity }
        // The smaller tail keeps all digits.
        if probability > 0.5 { return -normalQuantile(1 - probability) }
        var (low, high) = (-40.0, 0.0)
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / 2.0.squareRoot()) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
