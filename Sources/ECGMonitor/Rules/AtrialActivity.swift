internal import CKernels
import ECGSignal
import Foundation
internal import StateCoding

/// The signal before the QRS complexes of the last 32 beats: a P wave looks alike in every beat, fibrillation does not.
///
/// Of each beat, R-361 ms to R-61 ms is kept as 18 means of 6 samples (60 values a second), without mean and slope, in
/// microvolts. The means remove mains hum; removing the slope removes baseline wander and the end of the T wave.
struct AtrialActivity: Sendable, Codable {
    static let beats = 32
    static let points = 18
    /// Samples of the beat window (360 Hz) in one mean, and the first one used.
    private static let samplesPerPoint = 6
    private static let firstSample = 10
    /// Samples of the window among which the QRS complex lies, R in their middle.
    private static let complex = 104..<176
    /// With fewer segments nothing can be said, and `features` has its neutral values.
    static let minimumSegments = 5

    private var segments = InlineArray<576, Int16>(repeating: 0)
    /// Peak-to-peak height of the QRS complexes, in mV.
    private var heights = InlineArray<32, Float>(repeating: 0)

    /// Stores a beat's segment.
    ///
    /// - Parameters:
    ///   - window: the beat's window, scaled to [0,1].
    ///   - range: what the scaling removed, in mV.
    ///   - place: 0 ..< 32.
    mutating func store(_ window: UnsafeBufferPointer<Float>, range: Float, at place: Int) {
        var least = Float.infinity
        var greatest = -Float.infinity
        for index in Self.complex {
            least = min(least, window[index])
            greatest = max(greatest, window[index])
        }
        heights[place] = range * (greatest - least)
        var means = InlineArray<18, Float>(repeating: 0)
        var mean: Float = 0
        var slope: Float = 0
        var squares: Float = 0
        for point in means.indices {
            var sum: Float = 0
            let first = Self.firstSample + Self.samplesPerPoint * point
            for sample in 0..<Self.samplesPerPoint { sum += window[first + sample] }
            means[point] = sum * range / Float(Self.samplesPerPoint)
            mean += means[point]
            slope += Self.time(point) * means[point]
            squares += Self.time(point) * Self.time(point)
        }
        mean /= Float(Self.points)
        slope /= squares
        for point in means.indices {
            let microvolts = 1_000 * (means[point] - mean - slope * Self.time(point))
            segments[place * Self.points + point] = Int16(max(-32_000, min(32_000, microvolts.rounded())))
        }
    }

    private static func time(_ point: Int) -> Float { Float(2 * point - (points - 1)) }

    /// What the beats have in common before their QRS complexes. Amplitudes are relative to the median QRS height.
    struct Features {
        /// Logarithm of the peak-to-peak amplitude of the median beat.
        var amplitude: Float = -3
        /// Logarithm of the deviations from the median beat: 1.48 times their median, a robust standard deviation.
        var residual: Float = -3.9
        /// Logarithm of the ratio of both.
        var ratio: Float = 0
        /// Median correlation of a beat with the mean of the others.
        var correlation: Float = 0.3
        /// Place of the median beat's largest deflection, 0 ... 1 from R-361 ms to R-61 ms.
        var position: Float = 0.5
    }

    /// - Parameter places: one bit for each place whose beat counts.
    func features(of places: UInt32) -> Features {
        let count = places.nonzeroBitCount
        guard count >= Self.minimumSegments else { return Features() }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.beats * Self.points) { memory in
            // The segments that count, in mV, one after another. Read through spans: reading a stored array element by
            // element copies all of it each time.
            let (all, allHeights) = (segments.span, heights.span)
            guard let rows = memory.baseAddress else { return Features() }
            var heights = InlineArray<32, Float>(repeating: 0)
            var row = 0
            for place in 0..<Self.beats where places & 1 << UInt32(place) != 0 {
                for point in 0..<Self.points {
                    (rows + row * Self.points + point).initialize(
                        to: Float(all[place * Self.points + point]) * 1e-3)
                }
                heights[row] = allHeights[place]
                row += 1
            }
            let sum = Self.sum(rows, count)
            let median = Self.median(rows, count)
            let height = Self.median(&heights, count) + 1e-6
            let residual = 1.48 * Self.deviation(from: median, rows, count)
            var correlations = InlineArray<32, Float>(repeating: 0)
            for row in 0..<count { correlations[row] = Self.correlation(of: rows + row * Self.points, sum) }
            let correlation = Self.median(&correlations, count)
            var least = median[0]
            var greatest = median[0]
            var largest = 0
            for point in median.indices {
                least = min(least, median[point])
                greatest = max(greatest, median[point])
                if abs(median[point]) > abs(median[largest]) { largest = point }
            }
            let amplitude = greatest - least
            return Features(
                amplitude: log(amplitude / height + 0.01), residual: log(residual / height + 0.005),
                ratio: log((amplitude + 1e-4) / (residual + 1e-4)), correlation: correlation,
                position: Float(largest) / Float(Self.points))
        }
    }

    private static func sum(_ rows: UnsafePointer<Float>, _ count: Int) -> InlineArray<18, Float> {
        var sum = InlineArray<18, Float>(repeating: 0)
        for row in 0..<count { for point in 0..<points { sum[point] += rows[row * points + point] } }
        return sum
    }

    /// Median of each point over the rows: all points are sorted at once, by a network of exchanges.
    private static func median(_ rows: UnsafePointer<Float>, _ count: Int) -> InlineArray<18, Float> {
        typealias Four = SIMD4<Float>
        // Five vectors hold a row.
        let width = 5
        return withUnsafeTemporaryAllocation(of: Four.self, capacity: beats * width) { columns in
            guard let memory = columns.baseAddress else { return InlineArray(repeating: 0) }
            memory.initialize(repeating: Four(repeating: .infinity), count: beats * width)
            memory.withMemoryRebound(to: Float.self, capacity: 4 * beats * width) { values in
                for row in 0..<count {
                    (values + 4 * width * row).update(from: rows + row * points, count: points)
                }
            }
            for (low, high) in SortingNetwork.exchanges {
                for part in 0..<width {
                    let (a, b) = (memory[low &* width &+ part], memory[high &* width &+ part])
                    let isSorted = a .<= b
                    memory[low &* width &+ part] = b.replacing(with: a, where: isSorted)
                    memory[high &* width &+ part] = a.replacing(with: b, where: isSorted)
                }
            }
            var median = InlineArray<18, Float>(repeating: 0)
            for point in 0..<points {
                let part = point / 4
                let middle = memory[count / 2 * width + part][point % 4]
                median[point] =
                    count % 2 == 1 ? middle : 0.5 * (memory[(count / 2 - 1) * width + part][point % 4] + middle)
            }
            return median
        }
    }

    /// Median of the first `count` values, which are sorted.
    private static func median(_ values: inout InlineArray<32, Float>, _ count: Int) -> Float {
        var values = values.mutableSpan
        return values.withUnsafeMutableBufferPointer { all in
            UnsafeMutableBufferPointer(rebasing: all[..<count]).sortedMedian()
        }
    }

    /// Median absolute difference, in mV, between the beats and the median beat, over all points of all beats.
    private static func deviation(
        from median: InlineArray<18, Float>, _ rows: UnsafePointer<Float>, _ count: Int
    ) -> Float {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count * points) { differences in
            for row in 0..<count {
                for point in 0..<points {
                    let place = row * points + point
                    differences.initializeElement(at: place, to: abs(rows[place] - median[point]))
                }
            }
            guard let first = differences.baseAddress else { return 0 }
            return ck_select(Int32(count * points), first, Int32(count * points / 2))
        }
    }

    /// Correlation of a beat's segment with the sum of the others; both have mean 0.
    private static func correlation(of segment: UnsafePointer<Float>, _ sum: InlineArray<18, Float>) -> Float {
        var product: Float = 0
        var own: Float = 1e-9
        var others: Float = 1e-9
        for point in 0..<points {
            let value = segment[point]
            let other = sum[point] - value
            product += value * other
            own += value * value
            others += other * other
        }
        return product / (own * others).squareRoot()
    }
}

/// The exchanges that sort 32 values (Batcher 1968, odd-even merging).
private enum SortingNetwork {
    static let exchanges: [(low: Int, high: Int)] = {
        let count = AtrialActivity.beats
        var exchanges: [(low: Int, high: Int)] = []
        var size = 1
        while size < count {
            var step = size
            while step > 0 {
                for first in stride(from: step % size, to: count - step, by: 2 * step) {
                    for low in first..<min(first + step, count - step)
                    where low / (2 * size) == (low + step) / (2 * size) {
                        exchanges.append((low, low + step))
                    }
                }
                step /= 2
            }
            size *= 2
        }
        return exchanges
    }()
}

extension UnsafeMutableBufferPointer<Float> {
    /// Sorts the values, at most a few dozen, and returns their median; 0 if there are none.
    func sortedMedian() -> Float {
        guard !isEmpty else { return 0 }
        var values = self
        values.sort()
        return count % 2 == 1 ? self[count / 2] : 0.5 * (self[count / 2 - 1] + self[count / 2])
    }
}
