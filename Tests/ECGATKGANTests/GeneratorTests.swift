import NeuralNetwork
import Testing

@testable import ECGATKGAN

@Suite struct GeneratorTests {
    /// Input of a generator that stays where it is.
    struct Input {
        let windows: [Float], noise: [Float], labels: [UInt8]
        var batch: Int { labels.count }

        init(_ batch: Int, seed: UInt64 = 1) {
            windows = DiscriminatorTests.windows(batch, seed: seed)
            var generator = SeededGenerator(seed: seed + 100)
            var noise = [Float](repeating: 0, count: windows.count)
            GeneratorNoise.fill(&noise, batch: batch, using: &generator, scratch: FloatBuffer())
            self.noise = noise
            labels = (0..<batch).map { UInt8($0 % 4) }
        }

        func run(_ generator: Generator, _ mode: NormalizationMode) -> [Float] {
            let output = generator.forward(windows, labels: labels, noise: noise, batch: batch, mode: mode)
            return Array(UnsafeBufferPointer(start: output, count: windows.count))
        }
    }

    @Test func windowsGoInAndWindowsComeOut() {
        let generator = Generator(seed: 1)
        for mode in [NormalizationMode.batchStatistics, .runningStatistics] {
            let output = Input(5).run(generator, mode)
            #expect(output.count == 5 * 280)
            #expect(output.allSatisfy { (0...1).contains($0) })
            #expect(Set(output).count > 1000)
        }
    }

    @Test func theClassAndTheNoiseMatter() {
        let generator = Generator(seed: 1)
        let input = Input(3)
        let base = input.run(generator, .runningStatistics)
        func differs(labels: [UInt8], noise: [Float]) -> Bool {
            let output = generator.forward(
                input.windows, labels: labels, noise: noise, batch: 3, mode: .runningStatistics)
            return base.indices.contains { abs(base[$0] - output[$0]) > 1e-4 }
        }
        #expect(!differs(labels: input.labels, noise: input.noise))
        #expect(differs(labels: [1, 1, 2], noise: input.noise))
        #expect(differs(labels: input.labels, noise: Input(3, seed: 9).noise))
    }

    @Test func noiseIsSmoothAndBetweenZeroAndOne() {
        let noise = Input(4).noise
        #expect(noise.allSatisfy { (0...1).contains($0) })
        let mean = noise.reduce(0, +) / Float(noise.count)
        let deviation = (noise.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(noise.count)).squareRoot()
        // White noise of deviation sqrt(1/12) through a Gaussian of sigma 3: over sqrt(2 sqrt(pi) sigma).
        #expect(abs(mean - 0.5) < 0.03)
        #expect(abs(deviation - 0.0885) < 0.015)
        for i in 1..<280 { #expect(abs(noise[i] - noise[i - 1]) < 0.15) }
    }

    @Test func inferenceUsesRunningStatisticsAndItsOwnWindowOnly() {
        let generator = Generator(seed: 2)
        let input = Input(4)
        let before = input.run(generator, .runningStatistics)
        for _ in 0..<20 {
            _ = generator.forward(
                input.windows, labels: input.labels, noise: input.noise, batch: input.batch, mode: .batchStatistics)
            generator.updateRunningStatistics()
        }
        let together = input.run(generator, .runningStatistics)
        #expect(together != before)
        let alone = generator.forward(
            Array(input.windows[560..<840]), labels: [input.labels[2]], noise: Array(input.noise[560..<840]), batch: 1,
            mode: .runningStatistics)
        #expect((0..<280).allSatisfy { alone[$0] == together[560 + $0] })
        #expect(input.run(generator.replica(), .runningStatistics) == together)
    }

    @Test(arguments: [NormalizationMode.batchStatistics, .runningStatistics])
    func theGradientOfAParameterIsTheSlopeOfTheLoss(mode: NormalizationMode) {
        let generator = Generator(seed: 3)
        let input = Input(2)
        var random = SeededGenerator(seed: 8)
        let direction = input.windows.map { _ in random.nextNormal() }
        func value() -> Double {
            generator.weightsChanged()
            return zip(input.run(generator, mode), direction).reduce(0) { $0 + Double($1.0 * $1.1) }
        }
        _ = value()
        var gradients = [Float](repeating: 0, count: generator.store.count)
        var outputGradient = direction
        generator.backward(&outputGradient, batch: 2, gradients: &gradients)
        var wrong: [String] = []
        var tried = 0
        for tensor in generator.store.tensors where tensor.isTrainable {
            let values = generator.store.pointer(to: tensor)
            let own = gradients[tensor.offset..<(tensor.offset + tensor.count)]
            let largest = Double(own.map(abs).max() ?? 0)
            #expect(largest > 0, "\(tensor.name) gets no gradient")
            for position in [tensor.count / 7, tensor.count / 2, tensor.count * 5 / 6] {
                let kept = values[position]
                let step: Float = 3e-3
                values[position] = kept + step
                let up = value()
                values[position] = kept - step
                let down = value()
                values[position] = kept
                let slope = (up - down) / Double(2 * step)
                tried += 1
                // Kinks of the rectifiers inside the step make a slope a little off.
                if abs(Double(own[tensor.offset + position]) - slope) > 0.05 * max(abs(slope), 0.5 * largest) {
                    wrong.append("\(tensor.name)[\(position)]: \(own[tensor.offset + position]) against \(slope)")
                }
            }
        }
        #expect(wrong.count * 20 <= tried, "\(wrong)")
    }
}
