import Testing

@testable import NeuralNetwork

@Suite struct RegressionLossTests {
    typealias LossFunction =
        @Sendable (
            UnsafePointer<Float>, UnsafePointer<Float>, Int, Float, UnsafeMutablePointer<Float>
        ) -> Double

    /// A loss beside the plain formula of one of its terms.
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var loss: LossFunction
        var term: @Sendable (Double, Double) -> Double
    }

    static func sigmoid(_ x: Double) -> Double { Double(Activation.sigmoid(Float(x))) }

    static let cases = [
        Case(testDescription: "MSE") {
            Loss.meanSquaredError(values: $0, targets: $1, count: $2, factor: $3, gradient: $4)
        } term: {
            ($0 - $1) * ($0 - $1)
        },
        Case(testDescription: "MAE") {
            Loss.meanAbsoluteError(values: $0, targets: $1, count: $2, factor: $3, gradient: $4)
        } term: {
            abs($0 - $1)
        },
        Case(testDescription: "MSE of sigmoids") {
            Loss.sigmoidMeanSquaredError(logits: $0, targets: $1, batch: $2, factor: $3, gradient: $4)
        } term: {
            (sigmoid($0) - $1) * (sigmoid($0) - $1)
        },
        Case(testDescription: "MAE of sigmoids") {
            Loss.sigmoidMeanAbsoluteError(logits: $0, targets: $1, batch: $2, factor: $3, gradient: $4)
        } term: {
            abs(sigmoid($0) - $1)
        },
    ]

    @Test(arguments: cases)
    func aLossIsItsFormulaAndItsGradientTheSlope(which: Case) {
        var values: [Float] = [0.3, -2, 1.7, 0.9, -0.4, 60]
        let targets: [Float] = [1, 0, 0, 1, 1, 1]
        let count = values.count
        var gradient = [Float](repeating: 7, count: count)
        var unused = gradient
        let loss = which.loss(values, targets, count, 3, &gradient)
        func plain() -> Double {
            (0..<count).reduce(0) { $0 + which.term(Double(values[$1]), Double(targets[$1])) } / Double(count)
        }
        #expect(abs(loss - plain()) < 1e-4 * max(plain(), 1))
        let start = values
        for i in 0..<count {
            let step: Float = 1e-2
            values[i] = start[i] + step
            let up = which.loss(values, targets, count, 1, &unused)
            values[i] = start[i] - step
            let down = which.loss(values, targets, count, 1, &unused)
            values[i] = start[i]
            let slope = 3 * (up - down) / Double(2 * step)
            #expect(abs(Double(gradient[i]) - slope) < 2e-3 * max(abs(slope), 1))
        }
    }

    @Test func valueAtItsTargetHasNoGradient() {
        let values: [Float] = [0.25, 1]
        var gradient: [Float] = [1, 1]
        #expect(Loss.meanAbsoluteError(values: values, targets: values, count: 2, gradient: &gradient) == 0)
        #expect(gradient == [0, 0])
    }

    @Test func theSigmoidLayersGradientIsItsSlope() {
        let layer = Sigmoid()
        var input: [Float] = [-90, -2, -0.1, 0, 0.7, 3, 90]
        let count = input.count
        let direction: [Float] = [1, -2, 3, 1, 0.5, -1, 2]
        func value() -> Double {
            let output = layer.forward(input, count: count)
            return (0..<count).reduce(0) { $0 + Double(output[$1] * direction[$1]) }
        }
        _ = value()
        var gradient = direction
        layer.backward(&gradient, count: count)
        let output = layer.forward(input, count: count)
        for i in 0..<count { #expect((0...1).contains(output[i])) }
        for i in 0..<count {
            let kept = input[i]
            input[i] = kept + 1e-2
            let up = value()
            input[i] = kept - 1e-2
            let down = value()
            input[i] = kept
            #expect(abs(Double(gradient[i]) - (up - down) / 2e-2) < 1e-3)
        }
    }
}
