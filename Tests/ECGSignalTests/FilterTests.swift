import Foundation
import Testing

@testable import ECGSignal

/// The filters against their plain twins: convolution with the written-out impulse responses.
struct FilterTests {
    private static func convolve(_ a: [Double], _ b: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: a.count + b.count - 1)
        for i in a.indices { for j in b.indices { result[i + j] += a[i] * b[j] } }
        return result
    }

    private static let bandPass: [Double] = {
        let sum = [Double](repeating: 1.0 / 8, count: 8)
        let lowPass = convolve(sum, sum)
        var highPass = [Double](repeating: -1.0 / 31, count: 31)
        highPass[15] += 1
        return convolve(lowPass, highPass)
    }()

    private static func respond(_ kernel: [Double], _ x: [Double], at n: Int) -> Double {
        var sum = 0.0
        for k in kernel.indices where n - k >= 0 { sum += kernel[k] * x[n - k] }
        return sum
    }

    @Test func theStreamingChainEqualsDirectConvolution() {
        var random = SeededGenerator(seed: 3)
        let input = (0..<1_500).map { _ in Double(Int32(4_000 * random.normal())) }
        var filters = PanTompkinsFilters()
        var bandPassed: [Double] = []
        var slopes: [Double] = []
        for n in input.indices {
            let output = filters.step(Int32(input[n]))
            // The band-passed signal is rounded towards 0 to a microvolt.
            #expect(abs(Double(output.bandPassed) - Self.respond(Self.bandPass, input, at: n)) <= 1)
            bandPassed.append(Double(output.bandPassed))
            slopes.append(Self.respond([2, 0, 1, 0, 0, 0, -1, 0, -2], bandPassed, at: n))
            #expect(Double(output.slope) == slopes[n])
            let energy = slopes[max(0, n - 53)...n].reduce(0) { $0 + $1 * $1 }
            #expect(Double(output.integrated) == energy)
        }
    }

    @Test func theDelaysAreThoseOfTheImpulseResponses() {
        // Symmetric about the stated delay: linear phase.
        let kernel = Self.bandPass
        #expect((kernel.count - 1) / 2 == PanTompkinsFilters.bandPassDelay)
        for k in kernel.indices { #expect(abs(kernel[k] - kernel[kernel.count - 1 - k]) < 1e-12) }
    }

    @Test(arguments: [
        (1.0, 0.0, 0.05), (3, 0.05, 0.2), (6.9, 0.35, 0.55), (10, 0.6, 1), (14.4, 0.7, 0.95), (30, 0, 0.2),
        (45, 0, 0.03), (50, 0, 0.1), (60, 0, 0.1),
    ])
    func theBandPassesWhatAQRSComplexIsMadeOf(frequency: Double, least: Double, greatest: Double) {
        var filters = PanTompkinsFilters()
        var peak = 0.0
        for n in 0..<3_600 {
            let x = 10_000 * sin(2 * .pi * frequency * Double(n) / 360)
            let output = filters.step(Int32(x.rounded()))
            if n > 720 { peak = max(peak, abs(Double(output.bandPassed))) }
        }
        #expect(peak / 10_000 >= least && peak / 10_000 <= greatest, "gain \(peak / 10_000) at \(frequency) Hz")
    }

    @Test func hugeInputLeavesNoTraceOnceOutOfTheWindows() {
        var shaken = PanTompkinsFilters()
        var calm = PanTompkinsFilters()
        let limit = Int32(2 * PanTompkinsFilters.inputLimit * 1_000)
        for n in 0..<5_000 { _ = shaken.step(n % 97 < 50 ? limit : -limit) }
        for n in 0..<400 {
            let x = Int32(300 * sin(Double(n) / 5))
            let (a, b) = (shaken.step(x), calm.step(x))
            if n >= 114 {
                #expect(a.bandPassed == b.bandPassed && a.slope == b.slope && a.integrated == b.integrated)
            }
        }
    }

    @Test func theMedianOfEightEqualsTheSortedOne() {
        var random = SeededGenerator(seed: 11)
        var last = LastEight()
        var all: [Float] = []
        #expect(last.median == 0 && last.mean == 0)
        for _ in 0..<200 {
            let value = Float(random.normal())
            last.append(value)
            all.append(value)
            let sorted = all.suffix(8).sorted()
            let middle =
                sorted.count % 2 == 1
                ? sorted[sorted.count / 2] : 0.5 * (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2])
            #expect(last.median == middle)
            #expect(abs(last.mean - sorted.reduce(0, +) / Float(sorted.count)) < 1e-5)
        }
    }

    @Test func secondRRAverageIgnoresPrematureBeatsButFollowsTheRate() {
        var rr = RRAverages()
        for _ in 0..<8 { rr.append(300) }
        #expect(rr.isRegular && rr.selectedMean == 300)
        rr.append(180)
        rr.append(420)
        #expect(!rr.isRegular)
        #expect(rr.selectedMean == 300)
        #expect(rr.recentMean == 300)
        for _ in 0..<8 { rr.append(150) }
        #expect(rr.selectedMean == 150)
        for _ in 0..<8 { rr.append(150) }
        #expect(rr.isRegular)
    }
}
