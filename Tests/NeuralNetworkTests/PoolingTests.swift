import Testing

@testable import NeuralNetwork

@Suite struct PoolingTests {
    @Test(arguments: [(11, 3, 5, 2), (12, 2, 2, 2), (9, 1, 3, 1), (4, 3, 4, 4)])
    func poolingTakesTheLargestAndRoutesItsGradientThere(length: Int, channels: Int, size: Int, stride: Int) {
        let layer = MaxPooling1D(inputLength: length, channels: channels, size: size, stride: stride)
        var generator = SeededGenerator(seed: 3)
        let batch = 2
        let input = GradientTests.normals(batch * length * channels, &generator)
        let count = batch * layer.outputLength * channels
        let direction = (0..<count).map { _ in generator.nextNormal() }
        func value() -> Double {
            let output = layer.forward(input.pointer, batch: batch)
            return (0..<count).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        _ = value()
        let output = layer.forward(input.pointer, batch: batch)
        for b in 0..<batch {
            for j in 0..<layer.outputLength {
                for c in 0..<channels {
                    let window = (0..<size).map { input.pointer[(b * length + j * stride + $0) * channels + c] }
                    #expect(output[(b * layer.outputLength + j) * channels + c] == window.max())
                }
            }
        }
        let slope = layer.backward(direction, batch: batch)
        let gradient = (0..<input.count).map { slope[$0] }
        GradientTests.differences(of: value, at: input.pointer, count: input.count, step: 1e-3) {
            GradientTests.expectSame(gradient[$0], $1, "input \($0)")
        }
    }

    @Test(arguments: [Float(0), 0.01, 0.2])
    func theGradientOfARectifierIsItsSlope(slope: Float) {
        let layer = LeakyReLU(slope: slope)
        let input: [Float] = [-2, -0.5, 0, 0.5, 3]
        let output = layer.forward(input, count: 5)
        #expect((0..<5).map { output[$0] } == [-2 * slope, -0.5 * slope, 0, 0.5, 3])
        var gradient = [Float](repeating: 2, count: 5)
        layer.backward(&gradient, count: 5)
        #expect(gradient == [2 * slope, 2 * slope, 2 * slope, 2, 2])
    }
}
