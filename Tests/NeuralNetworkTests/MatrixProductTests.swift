import CKernels
import Testing

@testable import NeuralNetwork

@Suite struct MatrixProductTests {
    /// The plain twin of `PackedMatrix.multiply`.
    static func naive(
        m: Int, n: Int, k: Int, a: [Float], rowStride: Int, elementStride: Int, b: [Float], c: inout [Float],
        resultStride: Int
    ) {
        for i in 0..<m {
            for j in 0..<n {
                var sum: Float = 0
                for l in 0..<k { sum += a[i * rowStride + l * elementStride] * b[l * n + j] }
                c[i * resultStride + j] += sum
            }
        }
    }

    @Test(arguments: [(1, 1, 1), (6, 16, 3), (7, 17, 5), (35, 128, 384), (280, 16, 3), (13, 6, 100), (5, 31, 2)])
    func aPackedProductEqualsThePlainOne(m: Int, n: Int, k: Int) {
        var generator = SeededGenerator(seed: 7)
        // Rows of the left side overlap by half, as those of a convolution do.
        let rowStride = max(k / 2, 1)
        let a = (0..<(m * rowStride + k)).map { _ in generator.nextNormal() }
        let b = (0..<(k * n)).map { _ in generator.nextNormal() }
        var expected = (0..<(m * n)).map { _ in generator.nextNormal() }
        var result = expected
        Self.naive(
            m: m, n: n, k: k, a: a, rowStride: rowStride, elementStride: 1, b: b, c: &expected, resultStride: n)
        let packed = PackedMatrix()
        packed.pack(b, rows: k, columns: n, rowStride: n)
        packed.multiply(
            left: a, rowCount: m, rowStride: rowStride, result: &result, resultStride: n, accumulating: true)
        for i in result.indices { #expect(abs(result[i] - expected[i]) <= 1e-4 * (1 + abs(expected[i]))) }
    }

    @Test func resultRowsMayOverlapWhenAccumulating() {
        let a: [Float] = [1, 2, 3]
        let b: [Float] = [1, 10, 100]
        var result = [Float](repeating: 0, count: 5)
        let packed = PackedMatrix()
        packed.pack(b, rows: 1, columns: 3, rowStride: 3)
        packed.multiply(left: a, rowCount: 3, rowStride: 1, result: &result, resultStride: 1, accumulating: true)
        #expect(result == [1, 12, 123, 230, 300])
    }

    @Test func aRowsResultDoesNotDependOnTheOtherRows() {
        var generator = SeededGenerator(seed: 3)
        let k = 48
        let n = 32
        let m = 17
        let a = (0..<(m * k)).map { _ in generator.nextNormal() }
        let b = (0..<(k * n)).map { _ in generator.nextNormal() }
        let packed = PackedMatrix()
        packed.pack(b, rows: k, columns: n, rowStride: n)
        var together = [Float](repeating: 0, count: m * n)
        packed.multiply(left: a, rowCount: m, rowStride: k, result: &together, resultStride: n)
        for row in 0..<m {
            var alone = [Float](repeating: 0, count: n)
            packed.multiply(
                left: Array(a[(row * k)..<((row + 1) * k)]), rowCount: 1, rowStride: k, result: &alone, resultStride: n)
            #expect(alone == Array(together[(row * n)..<((row + 1) * n)]))
        }
    }
}

/// The versions of the matrix product for different processors, compared with each other.
@Suite struct MatrixProductVersionTests {
    private static func product(
        _ instructions: ck_instructions, m: Int, n: Int, k: Int, resultStride: Int, accumulating: Bool
    ) -> [Float] {
        var generator = SeededGenerator(seed: 11)
        let a = (0..<(m * k)).map { _ in generator.nextNormal() }
        let b = (0..<(k * n)).map { _ in generator.nextNormal() }
        var packed = [Float](repeating: 0, count: ck_packed_count(Int32(k), Int32(n)))
        ck_pack(Int32(k), Int32(n), b, n, 1, &packed)
        var result = [Float](repeating: 0.5, count: (m - 1) * resultStride + n)
        ck_gemm_with(
            instructions, Int32(m), Int32(n), Int32(k), a, k, 1, packed, &result, resultStride, accumulating)
        return result
    }

    @Test(
        .enabled(if: ck_supports(CK_AVX512), "this processor has no AVX-512"),
        arguments: [(1, 160, 102), (8, 32, 3), (35, 128, 384), (70, 64, 160), (13, 50, 7), (7, 4, 64)])
    func avx512EqualsAVX2BitForBit(m: Int, n: Int, k: Int) {
        for accumulating in [false, true] {
            let wide = Self.product(CK_AVX512, m: m, n: n, k: k, resultStride: n, accumulating: accumulating)
            #expect(wide == Self.product(CK_AVX2, m: m, n: n, k: k, resultStride: n, accumulating: accumulating))
        }
        // Rows of the result that overlap.
        let stride = max(n / 2, 1)
        let wide = Self.product(CK_AVX512, m: m, n: n, k: k, resultStride: stride, accumulating: true)
        #expect(wide == Self.product(CK_AVX2, m: m, n: n, k: k, resultStride: stride, accumulating: true))
    }

    @Test(
        .enabled(if: ck_supports(CK_AVX2), "this processor has no AVX2"),
        arguments: [(1, 160, 102), (35, 128, 384), (13, 50, 7)])
    func avx2EqualsTheBaselineButForRounding(m: Int, n: Int, k: Int) {
        let wide = Self.product(CK_AVX2, m: m, n: n, k: k, resultStride: n, accumulating: false)
        let plain = Self.product(CK_BASELINE, m: m, n: n, k: k, resultStride: n, accumulating: false)
        #expect(zip(wide, plain).allSatisfy { abs($0 - $1) <= 1e-4 * (1 + abs($1)) })
    }
}

@Suite struct SignKernelTests {
    @Test(arguments: [1, 7, 8, 31, 64])
    func signsAndTheGradientThroughThemAreThoseOfPlainLoops(_ count: Int) {
        var generator = SeededGenerator(seed: 4)
        var values = (0..<count).map { _ in generator.nextNormal() }
        values[0] = 0
        let gradient = (0..<count).map { _ in generator.nextNormal() }
        var bits = [UInt8](repeating: 0xAA, count: (count + 7) / 8)
        ck_signs(Int32(count), values, &bits)
        var result = [Float](repeating: 0, count: count)
        ck_leaky_backward(Int32(count), bits, 0.2, gradient, &result)
        for i in 0..<count {
            #expect((bits[i / 8] >> UInt8(i % 8) & 1 == 1) == (values[i] > 0))
            #expect(result[i] == (values[i] > 0 ? gradient[i] : gradient[i] * 0.2))
        }
    }
}
