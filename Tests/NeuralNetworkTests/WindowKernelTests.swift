import CKernels
import Testing

/// The kernels of the features of ventricular rhythms against plain loops. Where a sum is formed in another order, it
/// may differ by rounding; all else is the same.
@Suite struct WindowKernelTests {
    /// Lengths that fill vectors, and that do not.
    private static let counts = [80, 116, 120, 346, 358, 360]

    private static func samples(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed &* 2 &+ 1
        return (0..<count).map { index in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Some values are the same as others, as those of a converter are.
            return Float(Int(state >> 40) % 400 - 200) / 64 + (index % 7 == 0 ? 1.5 : 0)
        }
    }

    @Test(arguments: counts) func sumsOverALagAreThoseOfPlainLoops(count: Int) {
        let x = Self.samples(count, seed: UInt64(count))
        let lags = [Int32](0...60) + [64, 75]
        var products = [Float](repeating: 0, count: lags.count)
        var distances = products
        ck_lagged_products(Int32(count), x, Int32(lags.count), lags, &products)
        ck_lagged_distances(Int32(count), x, Int32(lags.count), lags, &distances)
        for (place, lag) in lags.map(Int.init).enumerated() {
            var (product, distance, size) = (0.0, 0.0, 0.0)
            for index in 0..<count - lag {
                product += Double(x[index]) * Double(x[index + lag])
                distance += Double(abs(x[index] - x[index + lag]))
                size += abs(Double(x[index]) * Double(x[index + lag]))
            }
            #expect(abs(Double(products[place]) - product) <= 1e-5 * (size + 1), "lag \(lag)")
            #expect(abs(Double(distances[place]) - distance) <= 1e-5 * (distance + 1), "lag \(lag)")
        }
    }

    @Test(arguments: counts) func differencesAndCountsAreThoseOfPlainLoops(count: Int) {
        let x = Self.samples(count, seed: UInt64(count + 1))
        var (difference, magnitude) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        ck_differences(Int32(count - 2), 2, x, &difference, &magnitude)
        let expected = (0..<count - 2).map { x[$0 + 2] - x[$0] }
        #expect(Array(difference.prefix(count - 2)) == expected)
        #expect(Array(magnitude.prefix(count - 2)) == expected.map(abs))
        ck_centred(Int32(count), 0.25, x, &difference, &magnitude)
        #expect(difference == x.map { $0 - 0.25 })
        #expect(magnitude == x.map { abs($0 - 0.25) })

        let limits: [Float] = [-1, 0, 0.5, 100]
        var counted = [Int32](repeating: -1, count: limits.count)
        ck_counts_below(Int32(count), x, Int32(limits.count), limits, &counted)
        #expect(counted == limits.map { limit in Int32(x.count { $0 < limit }) })
        #expect(ck_greatest(Int32(count), x) == x.max())
        for place in [0, count / 2, count * 98 / 100, count - 1] {
            #expect(ck_select(Int32(count), x, Int32(place)) == x.sorted()[place])
        }
    }

    @Test(arguments: counts) func wavesAreThoseOfAPlainLoop(count: Int) {
        for (seed, levels) in [(1, (1, -1)), (2, (2.5, 2.25)), (3, (100, -100)), (4, (-100, -200))] {
            let x = Self.samples(count, seed: UInt64(seed))
            let (above, below) = (Float(levels.0), Float(levels.1))
            var plain = ck_waves()
            var (isUp, last) = (false, -1)
            for (index, value) in x.enumerated() {
                if isUp {
                    if value < below { isUp = false }
                } else if value > above {
                    isUp = true
                    plain.rises += 1
                    if last >= 0 {
                        plain.intervals += 1
                        plain.sum += Int32(index - last)
                        plain.squares += Int64((index - last) * (index - last))
                    }
                    last = index
                }
                if isUp { plain.time_up += 1 }
            }
            let waves = ck_count_waves(Int32(count), x, above, below)
            #expect(waves.rises == plain.rises)
            #expect(waves.time_up == plain.time_up)
            #expect(waves.intervals == plain.intervals && waves.sum == plain.sum && waves.squares == plain.squares)
        }
    }

    @Test(arguments: counts) func boxesEnvelopeAndSwingAreThoseOfPlainLoops(count: Int) {
        let x = Self.samples(count, seed: UInt64(count + 2))
        let (size, delay) = (3.1, 30)
        func box(_ value: Float) -> Int {
            let place = (Double(value) / size + 1) * 10
            return place > 0 ? (place < 19 ? Int(place) : 19) : 0
        }
        let visited = Set((delay..<count).map { 20 * box(x[$0]) + box(x[$0 - delay]) })
        #expect(ck_visited_boxes(Int32(count), x, size, Int32(delay)) == Int32(visited.count))

        var (fours, envelope) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        ck_slope_envelope(Int32(count), x, &fours, &envelope)
        for index in 0..<count - 12 {
            #expect(abs(envelope[index] - x[index + 1...index + 12].reduce(0, +) / 12) < 1e-5)
        }

        var largest: Float = 0
        for index in 0...count - 18 {
            let part = x[index..<index + 18]
            largest = max(largest, (part.max() ?? 0) - (part.min() ?? 0))
        }
        #expect(ck_largest_swing(Int32(count), x) == largest)
    }
}
