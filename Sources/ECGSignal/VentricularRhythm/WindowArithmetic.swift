internal import CKernels
import Foundation

/// Sums, counts and quantiles over consecutive samples, eight at a time.
///
/// The compiler preserves the order of additions as written, so a plain loop over floats is never vectorised; eight
/// partial sums are.
enum WindowArithmetic {
    typealias Samples = UnsafePointer<Float>
    typealias Eight = SIMD8<Float>

    /// Sum of `term` over `0..<count`, evaluated for eight indices at once, and one by one at the end.
    @inline(__always)
    static func sum(_ count: Int, _ eight: (Int) -> Eight, _ one: (Int) -> Float) -> Float {
        var sums = Eight.zero
        var index = 0
        while index &+ 8 <= count {
            sums += eight(index)
            index &+= 8
        }
        var sum = sums.sum()
        while index < count {
            sum += one(index)
            index &+= 1
        }
        return sum
    }

    /// Eight samples starting at the given one.
    @inline(__always)
    static func load(_ samples: Samples, _ index: Int) -> Eight {
        UnsafeRawPointer(samples + index).loadUnaligned(as: Eight.self)
    }

    @inline(__always)
    static func absolute(_ value: Eight) -> Eight {
        let bits = unsafeBitCast(value, to: SIMD8<UInt32>.self) & SIMD8(repeating: 0x7fff_ffff)
        return unsafeBitCast(bits, to: Eight.self)
    }

    static func sum(_ samples: Samples, _ count: Int) -> Float {
        sum(count, { load(samples, $0) }, { samples[$0] })
    }

    static func sumOfAbsolutes(_ samples: Samples, _ count: Int) -> Float {
        sum(count, { absolute(load(samples, $0)) }, { abs(samples[$0]) })
    }

    /// Sum of |a[i] + b[i]|.
    static func sumOfAbsoluteSums(_ a: Samples, _ b: Samples, _ count: Int) -> Float {
        sum(count, { absolute(load(a, $0) + load(b, $0)) }, { abs(a[$0] + b[$0]) })
    }

    /// Sum of a[i] * a[i + lag], for rising lags below `count`: (lags).
    static func laggedProducts(
        _ samples: Samples, _ count: Int, _ lags: [Int32], into sums: UnsafeMutablePointer<Float>
    ) {
        ck_lagged_products(Int32(count), samples, Int32(lags.count), lags, sums)
    }

    /// Sum of |a[i] - a[i + lag]|, for rising lags below `count`: (lags).
    static func laggedDistances(
        _ samples: Samples, _ count: Int, _ lags: [Int32], into sums: UnsafeMutablePointer<Float>
    ) {
        ck_lagged_distances(Int32(count), samples, Int32(lags.count), lags, sums)
    }

    /// Share of the samples below a limit, 0...1.
    static func share(of samples: Samples, _ count: Int, below limit: Float) -> Float {
        shares(of: samples, count, below: SIMD4(repeating: limit), 1).x
    }

    /// Shares of the samples below the first one to four limits, 0...1.
    static func shares(of samples: Samples, _ count: Int, below limits: SIMD4<Float>, _ number: Int) -> SIMD4<Float> {
        var counts = SIMD4<Int32>.zero
        withUnsafeBytes(of: limits) { limits in
            withUnsafeMutableBytes(of: &counts) { counts in
                ck_counts_below(
                    Int32(count), samples, Int32(number), limits.assumingMemoryBound(to: Float.self).baseAddress,
                    counts.assumingMemoryBound(to: Int32.self).baseAddress)
            }
        }
        return SIMD4<Float>(counts) / Float(count)
    }

    static func count(_ samples: Samples, _ count: Int, above limit: Float) -> Int {
        let limits = Eight(repeating: limit)
        return Self.count(count, { load(samples, $0) .> limits }, { samples[$0] > limit })
    }

    static func count(_ samples: Samples, _ count: Int, absoluteBelow limit: Float) -> Int {
        let limits = Eight(repeating: limit)
        return Self.count(count, { absolute(load(samples, $0)) .< limits }, { abs(samples[$0]) < limit })
    }

    @inline(__always)
    private static func count(_ count: Int, _ eight: (Int) -> SIMDMask<SIMD8<Int32>>, _ one: (Int) -> Bool) -> Int {
        var counts = SIMD8<Int32>.zero
        var index = 0
        while index &+ 8 <= count {
            counts &+= SIMD8<Int32>.zero.replacing(with: 1, where: eight(index))
            index &+= 8
        }
        var total = Int(counts.wrappedSum())
        while index < count {
            total &+= one(index) ? 1 : 0
            index &+= 1
        }
        return total
    }

    static func greatest(_ samples: Samples, _ count: Int) -> Float { ck_greatest(Int32(count), samples) }

    /// Third and fourth central moments in units of the standard deviation: the magnitude of the skewness, at most 5,
    /// and the logarithm of the kurtosis.
    static func moments(_ samples: Samples, _ count: Int) -> (skewness: Float, logKurtosis: Float) {
        let mean = sum(samples, count) / Float(count)
        let means = Eight(repeating: mean)
        var second = Eight.zero
        var third = Eight.zero
        var fourth = Eight.zero
        var index = 0
        while index &+ 8 <= count {
            let value = load(samples, index) - means
            let square = value * value
            second += square
            third += square * value
            fourth += square * square
            index &+= 8
        }
        var sums = SIMD3(second.sum(), third.sum(), fourth.sum())
        while index < count {
            let value = samples[index] - mean
            let square = value * value
            sums += SIMD3(square, square * value, square * square)
            index &+= 1
        }
        sums /= Float(count)
        let variance = sums.x + epsilon
        return (
            min(abs(sums.y) / (variance * variance.squareRoot()), 5), log(sums.z / (variance * variance) + 0.001)
        )
    }

    /// Keeps quotients and logarithms finite; in mV or the unit of what it is added to.
    static let epsilon: Float = 1e-9

    /// The value at index `floor(share * (count - 1))` of the sorted samples, which stay as they are.
    static func quantile(_ samples: Samples, _ count: Int, _ share: Double) -> Float {
        ck_select(Int32(count), samples, Int32(place(count, share)))
    }

    /// Index of a quantile among this many sorted samples.
    static func place(_ count: Int, _ share: Double) -> Int { Int(share * Double(count - 1)) }
}
